"""A question to the ledger, from the flags to the exit code; whatever stands in its way is told in one line.

It reads. A ledger that is not there is not made by asking.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from exporter.cli import printing, service
from exporter.cli.configuration import read_config
from exporter.cli.income.books import UnknownAccount
from exporter.clock import SystemClock
from exporter.config import ConfigError
from exporter.ledger import LedgerError, open_ledger

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from exporter.clock import Clock
    from exporter.config import Config
    from exporter.ledger import AccountBook, Ledger

_SQLITE: Final = "sqlite:///"


class NoIncome(Exception):  # noqa: N818 - nothing failed, there is nothing to tell
    """There is no ledger, or nothing in it that the question is about; the message says which, and what to do."""


def ask(flags: Namespace, work: Callable[[Ledger, Clock, Config], int]) -> int:
    """Open the ledger of the configuration for `work` and return its exit code, or 1 with the reason on stderr."""
    service.configure_logs(flags)
    clock = SystemClock()
    try:
        config = read_config(flags)
        _refuse_missing(config.ledger.url)
        with open_ledger(config.ledger.url, clock, migrates=False) as ledger:
            code = work(ledger, clock, config)
        printing.flush_output()
    except (ConfigError, LedgerError, NoIncome, UnknownAccount) as error:
        return service.fail(str(error))
    except BrokenPipeError:
        printing.close_output()
        return service.fail(printing.PIPE_CLOSED)
    except OSError as error:
        return service.fail(f"cannot write: {error}")
    return code


def refuse_nobody(books: tuple[AccountBook, ...]) -> None:
    """Raise `NoIncome` if there is no book."""
    if not books:
        message = "the ledger has no account yet, or none that belongs to this shard"
        raise NoIncome(message)


def refuse_empty(books: tuple[AccountBook, ...]) -> None:
    """Raise `NoIncome` unless one of the books has a series."""
    refuse_nobody(books)
    if not any(book.totals() for book in books):
        where = f"the ledger of {books[0].name!r}" if len(books) == 1 else "the ledger"
        message = f"{where} has no income yet; it fills while the exporter runs"
        raise NoIncome(message)


def _refuse_missing(url: str) -> None:
    path = Path(url.removeprefix(_SQLITE).partition("?")[0])
    if url.startswith(_SQLITE) and not path.exists():
        message = f"there is no ledger yet at {path}; the exporter makes it at its first start"
        raise NoIncome(message)

"""The ledger behind a configuration, opened for a command that asks and goes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from exporter.cli.configuration import read_config
from exporter.ledger import open_ledger

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from exporter.clock import Clock
    from exporter.config import Config
    from exporter.ledger import AccountBook, Ledger


class UnknownAccount(Exception):  # noqa: N818 - a word of the command line that means nothing
    """There is no account of that name; the message names those that there are."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        """Say which name, and which there are."""
        super().__init__(f"there is no account {name!r}; known: {', '.join(known) or 'none'}")


@contextmanager
def opened(flags: Namespace, clock: Clock) -> Iterator[tuple[Config, Ledger]]:
    """Read the configuration and open its ledger; raises `ConfigError` or `LedgerError`."""
    config = read_config(flags)
    with open_ledger(config.ledger.url, clock) as ledger:
        yield config, ledger


def chosen(ledger: Ledger, account: str | None) -> tuple[AccountBook, ...]:
    """Return the books of the ledger, or that of one account; raises `UnknownAccount`."""
    books = {book.name: book for book in ledger.books()}
    if account is None:
        return tuple(books.values())
    if account not in books:
        raise UnknownAccount(account, tuple(books))
    return (books[account],)

"""`bingx-exporter income export`: the exchange's own workbook of the fund flow, or the same as CSV or JSON."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from exporter.app.workbooks import Fetched, Workbooks
from exporter.bingx.errors import BingxError
from exporter.cli import service
from exporter.cli.configuration import read_config
from exporter.cli.income.books import UnknownAccount
from exporter.cli.income.output import output
from exporter.cli.income.period import EmptyPeriod, accounts_of, period_of
from exporter.cli.income.sheets import as_csv, as_json, as_workbook
from exporter.clock import SystemClock
from exporter.config import ConfigError
from exporter.ledger import Window
from exporter.logs import get_logger
from exporter.polling.once import HeldUp

if TYPE_CHECKING:
    from argparse import Namespace
    from datetime import datetime

_KEPT: Final = timedelta(days=92)
"""The exchange keeps three months; there is nothing to be asked for before."""


def command(flags: Namespace) -> int:
    """Fetch and write; return 0, or 1 with the reason in the log and no file changed."""
    service.configure_logs(flags)
    try:
        fetched = _fetch(flags)
        content = _content(fetched, flags.format)
        with output(flags.out) as file:
            file.write(content)
    except (BingxError, ConfigError, EmptyPeriod, HeldUp, UnknownAccount) as error:
        return service.fail(str(error))
    except OSError as error:
        return service.fail(f"{flags.out} cannot be written: {error.strerror or error}")
    get_logger(__name__).info("The fund flow has been exported", rows=len(fetched.rows), calls=fetched.calls)
    return 0


def _fetch(flags: Namespace) -> Fetched:
    clock = SystemClock()
    (account,) = accounts_of(flags.shard.part_of(read_config(flags)), flags.account)
    now = clock.now()
    start, end = period_of(flags, now=now)
    with Workbooks(clock) as workbooks:
        return workbooks.fetch(account, Window(_at_the_earliest(start, end, now - _KEPT), end))


def _at_the_earliest(start: datetime, end: datetime, earliest: datetime) -> datetime:
    if start >= earliest:
        return start
    if end <= earliest:
        message = "the exchange keeps three months; all of the period is older"
        raise EmptyPeriod(message)
    get_logger(__name__).warning("The exchange keeps three months; what is older is not in the file")
    return earliest.replace(microsecond=0)


def _content(fetched: Fetched, form: str) -> bytes:
    cells = [row.cells for row in fetched.rows]
    if form == "csv":
        return as_csv(fetched.heads, cells)
    if form == "json":
        return as_json(fetched.heads, cells)
    if fetched.file is not None:
        return fetched.file
    get_logger(__name__).info("The period took several workbooks; their rows are joined in one, oldest first")
    return as_workbook(fetched.heads, cells)

"""`bingx-exporter income totals`: what the income adds up to, from the beginning or since a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.cli.income import summing
from exporter.cli.income.asking import ask, refuse_empty
from exporter.cli.income.books import chosen
from exporter.cli.income.flags import resolve
from exporter.cli.income.layout import money, print_rows
from exporter.logs import get_logger

if TYPE_CHECKING:
    from argparse import Namespace
    from datetime import datetime

    from exporter.cli.income.summing import Line
    from exporter.clock import Clock
    from exporter.ledger import AccountBook, Ledger

_SUMS: Final = ("credited", "debited", "net", "entries")
_CAPTIONS: Final = 2
"""Account and asset."""


def command(flags: Namespace) -> int:
    """Print the totals; return 0, or 1 where there are none to print."""
    return ask(flags, lambda ledger, clock: _totals(flags, ledger, clock))


def _totals(flags: Namespace, ledger: Ledger, clock: Clock) -> int:
    books = chosen(ledger, flags.account, shard=flags.shard)
    refuse_empty(books)
    now = clock.now()
    since = None if flags.since is None else resolve(flags.since, now=now)
    lines = [line for book in books for line in _lines(book, by=flags.by, since=since, now=now)]
    columns = ("account", "asset", *summing.COLUMNS[flags.by], *_SUMS)
    print_rows(flags.format, columns, [_cells(line) for line in lines], numbers=len(_SUMS), captions=_CAPTIONS)
    return 0


def _lines(book: AccountBook, *, by: str | None, since: datetime | None, now: datetime) -> list[Line]:
    if since is None and by != "day":
        return summing.kept_lines(book, by=by)
    begin, begins = since or book.epoch, book.compacted_until
    if begins is not None and begin < begins:
        get_logger(__name__).warning(
            "Earlier entries have been compacted and are not in these sums", account=book.name, before=begins
        )
    start = max(begin, begins or book.epoch)
    return summing.entered_lines(book, by=by, since=start, until=summing.end_of_entries(book, now=now))


def _cells(line: Line) -> tuple[str | int, ...]:
    sums = line.sums
    amounts = (money(sums.credited), money(sums.debited), money(line.net))
    return (line.account, line.asset, *line.cut, *amounts, sums.entries)

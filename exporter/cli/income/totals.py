"""`bingx-exporter income totals`: what the income adds up to, from the beginning or since a moment.

An account of which not all has been read has no sums, and is told with the reason. That is a failure, unless the
exporter reads it no more and nobody asked for it by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.cli.income import summing
from exporter.cli.income.asking import ask, refuse_nobody
from exporter.cli.income.books import chosen
from exporter.cli.income.extent import Extent, extent_of
from exporter.cli.income.flags import resolve
from exporter.cli.income.layout import money, print_rows, print_sentence
from exporter.logs import get_logger

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from exporter.cli.income.layout import Cell
    from exporter.cli.income.summing import Line
    from exporter.clock import Clock
    from exporter.config import Config
    from exporter.ledger import AccountBook, Ledger

_SUMS: Final = ("credited", "debited", "net", "entries")
_CAPTIONS: Final = 2
"""Account and asset."""
_ABOUT: Final = ("complete", "start", "watermark", "error")
"""What JSON says beside the sums, alike in every row of an account."""


class _Answer(Struct, frozen=True, kw_only=True):
    """What is said of one account; no lines unless its extent is complete."""

    extent: Extent
    lines: Sequence[Line] = ()


def command(flags: Namespace) -> int:
    """Print the totals; return 0, or 1 if an account that is asked for, or still read, has none."""
    return ask(flags, lambda ledger, clock, config: _totals(flags, ledger, clock, config))


def _totals(flags: Namespace, ledger: Ledger, clock: Clock, config: Config) -> int:
    books = chosen(ledger, flags.account, shard=flags.shard)
    refuse_nobody(books)
    now = clock.now()
    since = None if flags.since is None else resolve(flags.since, now=now)
    followed = {account.name for account in config.accounts if account.collectors.income.enabled}
    answers = [_answer(book, by=flags.by, since=since, now=now, followed=book.name in followed) for book in books]
    columns = ("account", "asset", *summing.COLUMNS[flags.by], *_SUMS)
    _print(flags.format, answers, columns)
    asked = (answer.extent for answer in answers if flags.account is not None or answer.extent.followed)
    return 0 if all(extent.complete for extent in asked) else 1


def _answer(book: AccountBook, *, by: str | None, since: datetime | None, now: datetime, followed: bool) -> _Answer:
    if since is None and by != "day":
        extent = extent_of(book, start=book.epoch, now=now, followed=followed)
        return _Answer(extent=extent, lines=summing.kept_lines(book, by=by) if extent.complete else ())
    begins = book.compacted_until or book.epoch
    begin = max(since or book.epoch, book.epoch)
    extent = extent_of(book, start=max(begin, begins), now=now, followed=followed)
    if not extent.complete:
        return _Answer(extent=extent)
    if begin < begins:
        get_logger(__name__).warning(
            "Earlier entries have been compacted and are not in these sums", account=book.name, before=begins
        )
    until = summing.end_of_entries(book, now=now)
    return _Answer(extent=extent, lines=summing.entered_lines(book, by=by, since=extent.start, until=until))


def _print(form: str, answers: Sequence[_Answer], columns: Sequence[str]) -> None:
    rows = [_cells(line) for answer in answers for line in answer.lines]
    if form == "json":
        told = [row for answer in answers for row in _told_rows(answer, columns)]
        print_rows(form, (*columns, *_ABOUT), told, numbers=len(_SUMS) + len(_ABOUT))
    elif form == "csv":
        print_rows(form, columns, rows, numbers=len(_SUMS))
        _log(answers)  # standard output is for a program here
    else:
        if rows:
            print_rows(form, columns, rows, numbers=len(_SUMS), captions=_CAPTIONS)
            print()
        for answer in answers:
            print_sentence(answer.extent.told())


def _log(answers: Iterable[_Answer]) -> None:
    logger = get_logger(__name__)
    for answer in answers:
        report = logger.info if answer.extent.complete else logger.warning
        report(answer.extent.told())


def _told_rows(answer: _Answer, columns: Sequence[str]) -> Iterable[tuple[Cell, ...]]:
    """Return the rows of an account with what is said of it; one without sums has one row, of the name alone."""
    extent = answer.extent
    watermark = None if extent.watermark is None else extent.watermark.isoformat()
    about = (extent.complete, extent.start.isoformat(), watermark, extent.why or None)
    if not answer.lines:
        return [(extent.account, *(None for _ in columns[1:]), *about)]
    return [(*_cells(line), *about) for line in answer.lines]


def _cells(line: Line) -> tuple[Cell, ...]:
    sums = line.sums
    amounts = (money(sums.credited), money(sums.debited), money(line.net))
    return (line.account, line.asset, *line.cut, *amounts, sums.entries)

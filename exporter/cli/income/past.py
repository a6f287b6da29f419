"""Which stretch of an account's past can be written, and how its series moved in it.

The past ends where the pages of the exporter begin, less the time for which rows turn up late: a counter in the blocks
must never stand higher than the first one that was scraped, for Prometheus would take that for a reset.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.cli.income.asking import NoIncome
from exporter.cli.income.history import Span
from exporter.cli.income.spool import Track
from exporter.cli.income.summing import daily, end_of_entries, sums_of
from exporter.ledger import TAIL, Sums
from exporter.model import from_milliseconds, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from exporter.cli.income.spool import Spool
    from exporter.ledger import AccountBook
    from exporter.model import IncomeEntry

Label = tuple[str, str, str]
"""Asset, symbol, income type: the labels of a series, in the order of the page."""

NOTHING: Final = Sums()
_MILLISECOND: Final = timedelta(milliseconds=1)


class Past(Struct, frozen=True, kw_only=True):
    """The past of one account: its span, and its series in the order of the page."""

    account: str
    span: Span
    tracks: Mapping[Label, Track]


def span_of(book: AccountBook, *, since: datetime | None, until: datetime | None, step: timedelta) -> Span:
    """Return the part of the past that the ledger knows and the pages do not; raises `NoIncome` if there is none.

    `until` moves the end, up to where the ledger has been read.
    """
    if not book.baseline_complete:
        message = f"the history of {book.name!r} has not been read completely; it is while the exporter runs"
        raise NoIncome(message)
    end = first_shown(book) - TAIL if until is None else min(until, book.cursor)
    start = max(book.epoch, since or book.epoch)
    if book.compacted_until is not None:
        start = max(start, book.compacted_until + step)  # the first sample stands up to a step before
    if end <= start:
        message = f"{book.name!r} has no past to write: its counters would begin at {start} and end at {end}"
        raise NoIncome(message)
    return Span.of(to_milliseconds(start), to_milliseconds(end), step // _MILLISECOND)


def first_shown(book: AccountBook) -> datetime:
    """Return a moment before the first page that had income of this account; the cursor if there was none."""
    return min((total.created_at for total in book.totals()), default=book.cursor)


def past_of(book: AccountBook, span: Span, spool: Spool, *, now: datetime) -> Past:
    """Read how the series of a book moved in the span."""
    carried = _compacted(book, now=now)
    tracks = {label: Track(before=sums, sums=sums) for label, sums in carried.items()}
    begin = book.epoch if book.compacted_until is None else book.compacted_until
    for entries in daily(book, start=begin, end=from_milliseconds(span.end_ms + 1)):
        for (at_ms, label), group in groupby(sorted(entries, key=_place), key=_place):
            amounts = [entry.amount for entry in group]
            track = tracks.setdefault(label, Track(before=NOTHING, sums=NOTHING))
            if at_ms < span.start_ms:
                track.before = track.sums = track.sums.plus(amounts)
            else:
                spool.move(track, at_ms, amounts)
    return Past(account=book.name, span=span, tracks=dict(sorted(tracks.items())))


def _compacted(book: AccountBook, *, now: datetime) -> dict[Label, Sums]:
    """Return the sums of the entries that are no longer there: the totals less those that are."""
    if book.compacted_until is None:
        return {}
    left = {(total.asset, total.symbol, total.income_type): sums_of(total) for total in book.totals()}
    for entries in daily(book, start=book.compacted_until, end=end_of_entries(book, now=now)):
        for label, group in groupby(sorted(entries, key=_label), key=_label):
            entered = Sums().plus(entry.amount for entry in group)
            left[label] = left.get(label, NOTHING).joined(_negative(entered))
    if any(sums.credited < 0 or sums.debited < 0 or sums.entries < 0 for sums in left.values()):
        message = f"the ledger of {book.name!r} has just changed; ask again"
        raise NoIncome(message)
    return {label: sums for label, sums in left.items() if sums.entries}


def _negative(sums: Sums) -> Sums:
    return Sums(credited=sums.credited.copy_negate(), debited=sums.debited.copy_negate(), entries=-sums.entries)


def _label(entry: IncomeEntry) -> Label:
    return entry.asset, entry.symbol, entry.income_type


def _place(entry: IncomeEntry) -> tuple[int, Label]:
    return to_milliseconds(entry.time), _label(entry)

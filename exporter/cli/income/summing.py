"""What income adds up to, cut by series, type, symbol or day; pure but for the book that is asked for its entries.

Sums are exact and never cross an account or an asset. Entries are read a day at a time, so that memory does not grow
with the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.ledger import DAY, Sums, Window
from exporter.model import from_milliseconds, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from decimal import Decimal

    from exporter.ledger import AccountBook
    from exporter.model import IncomeEntry, IncomeTotal

COLUMNS: Final[Mapping[str | None, tuple[str, ...]]] = {
    None: ("type", "symbol"),
    "type": ("type",),
    "symbol": ("symbol",),
    "day": ("day",),
}
"""What stands between the asset and the sums, by what the sums are cut by; `None` is by series."""

_INSTANT: Final = timedelta(milliseconds=1)


class Line(Struct, frozen=True, kw_only=True):
    """One sum: `cut` has the values of the columns that `COLUMNS` names."""

    account: str
    asset: str
    cut: tuple[str, ...]
    sums: Sums

    @property
    def net(self) -> Decimal:
        """What was credited less what was debited, in units of the asset."""
        return Sums(credited=self.sums.credited).joined(Sums(credited=self.sums.debited.copy_negate())).credited


def kept_lines(book: AccountBook, *, by: str | None) -> list[Line]:
    """Return the totals that the ledger keeps, put together by series, type or symbol."""
    sums: dict[tuple[str, ...], Sums] = defaultdict(Sums)
    for total in book.totals():
        key = (total.asset, *_cut(total, by))
        sums[key] = sums[key].joined(sums_of(total))
    return _lines(book.name, sums)


def entered_lines(book: AccountBook, *, by: str | None, since: datetime, until: datetime) -> list[Line]:
    """Return what the entries from `since` up to `until` add up to."""
    sums: dict[tuple[str, ...], Sums] = defaultdict(Sums)
    for entries in daily(book, start=since, end=until):
        for key, amounts in _amounts(entries, by).items():
            sums[key] = sums[key].plus(amounts)
    return _lines(book.name, sums)


def daily(book: AccountBook, *, start: datetime, end: datetime) -> Iterator[tuple[IncomeEntry, ...]]:
    """Yield the entries from `start` up to but without `end`, in ascending order, one day (UTC) after the other."""
    begin, stop = _whole(start), _whole(end)
    while begin < stop:
        midnight = begin.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + DAY
        yield book.entries(Window(begin, min(midnight, stop)))
        begin = midnight


def end_of_entries(book: AccountBook, *, now: datetime) -> datetime:
    """Return a moment behind every entry; the exchange's clock may be a little ahead of ours."""
    return max(book.cursor, now) + DAY


def sums_of(total: IncomeTotal) -> Sums:
    """Return a total without its labels."""
    return Sums(credited=total.credited, debited=total.debited, entries=total.entries)


def _amounts(entries: Iterable[IncomeEntry], by: str | None) -> dict[tuple[str, ...], list[Decimal]]:
    amounts: dict[tuple[str, ...], list[Decimal]] = defaultdict(list)
    for entry in entries:
        cut = (entry.time.astimezone(UTC).date().isoformat(),) if by == "day" else _cut(entry, by)
        amounts[entry.asset, *cut].append(entry.amount)
    return amounts


def _cut(item: IncomeEntry | IncomeTotal, by: str | None) -> tuple[str, ...]:
    if by is None:
        return (item.income_type, item.symbol)
    return (item.income_type if by == "type" else item.symbol,)


def _lines(account: str, sums: Mapping[tuple[str, ...], Sums]) -> list[Line]:
    return [
        Line(account=account, asset=asset, cut=tuple(cut), sums=total) for (asset, *cut), total in sorted(sums.items())
    ]


def _whole(moment: datetime) -> datetime:
    whole = from_milliseconds(to_milliseconds(moment))
    return whole if whole == moment else whole + _INSTANT

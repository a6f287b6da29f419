"""The exchange's workbook against the ledger: which rows only one of the two has, and what they add up to.

Pure: rows in, differences out. A workbook has no ids, so rows are matched by what they say, as often as they say it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from exporter.ledger.amounts import amount_text, total
from exporter.ledger.windows import Window, whole_second
from exporter.model import IncomeDifference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from exporter.model import IncomeEntry

KEPT: Final = timedelta(days=89)
"""How far back a workbook is believed to be whole: the exchange keeps three months, and not to the second."""

_Key: TypeAlias = "tuple[datetime, str, str, str, str]"
_Group: TypeAlias = "tuple[date, str, str]"


class DayDifference(Struct, frozen=True, kw_only=True):
    """A day (UTC), type and asset in which rows differ, and what all its rows add up to on either side."""

    day: date
    income_type: str
    asset: str
    ours: Decimal
    theirs: Decimal

    @property
    def difference(self) -> Decimal:
        """What the exchange says beyond the ledger, exactly; 0 if what differs cancels out."""
        return total((self.theirs, self.ours.copy_negate()))


class Reconciliation(Struct, frozen=True, kw_only=True):
    """A comparison of `period`: the days that differ, and every row that only the ledger or the exchange has."""

    period: Window
    rows: int
    days: tuple[DayDifference, ...]
    only_ours: tuple[IncomeEntry, ...]
    only_theirs: tuple[IncomeEntry, ...]

    @property
    def equal(self) -> bool:
        """Whether each row stands on both sides."""
        return not self.only_ours and not self.only_theirs

    def differences(self, known: Iterable[tuple[str, str]]) -> tuple[IncomeDifference, ...]:
        """Return the whole period's difference per (type, asset), 0 where there is none; of `known` ones always."""
        amounts: dict[tuple[str, str], list[Decimal]] = {pair: [] for pair in known}
        for row in self.only_theirs:
            amounts.setdefault((row.income_type, row.asset), []).append(row.amount)
        for row in self.only_ours:
            amounts.setdefault((row.income_type, row.asset), []).append(row.amount.copy_negate())
        return tuple(
            IncomeDifference(income_type=income_type, asset=asset, amount=total(found), rows=len(found))
            for (income_type, asset), found in sorted(amounts.items())
        )


def comparable(
    start: datetime, end: datetime, *, begins: datetime, cursor: datetime, tail: timedelta, now: datetime
) -> Window | None:
    """Return the part of a period in which ledger and exchange have to agree, `None` if it has none.

    The ledger has each row from `begins` up to `cursor`, save for late ones in the last `tail`; the exchange keeps
    rows for three months before `now`.
    """
    first = _next_second(max(start, begins, now - KEPT))
    last = whole_second(min(end, cursor - tail))
    return Window(first, last) if first < last else None


def reconcile(ours: Iterable[IncomeEntry], theirs: Iterable[IncomeEntry], *, period: Window) -> Reconciliation:
    """Compare the rows of the ledger and of the exchange that lie in `period`.

    Alike are rows of the same second, type, symbol, asset and amount; raises `ValueError` for an amount beyond measure.
    """
    mine = [row for row in ours if row.time in period]
    foreign = [row for row in theirs if row.time in period]
    of_ours, of_theirs = _by_key(mine), _by_key(foreign)
    only_ours = _beyond(of_ours, of_theirs)
    only_theirs = _beyond(of_theirs, of_ours)
    return Reconciliation(
        period=period,
        rows=len(mine),
        days=_days(mine, foreign, {_group(row) for row in (*only_ours, *only_theirs)}),
        only_ours=only_ours,
        only_theirs=only_theirs,
    )


def _by_key(rows: Iterable[IncomeEntry]) -> Mapping[_Key, Sequence[IncomeEntry]]:
    alike: dict[_Key, list[IncomeEntry]] = defaultdict(list)
    for row in rows:
        alike[whole_second(row.time), row.income_type, row.symbol, row.asset, amount_text(row.amount)].append(row)
    return alike


def _beyond(
    these: Mapping[_Key, Sequence[IncomeEntry]], those: Mapping[_Key, Sequence[IncomeEntry]]
) -> tuple[IncomeEntry, ...]:
    """Return the rows that these have more often than those; which ones of alike rows makes no difference."""
    return tuple(row for key in sorted(these) for row in these[key][len(those.get(key, ())) :])


def _days(
    ours: Iterable[IncomeEntry], theirs: Iterable[IncomeEntry], differing: set[_Group]
) -> tuple[DayDifference, ...]:
    mine, foreign = _amounts(ours), _amounts(theirs)
    return tuple(
        DayDifference(
            day=group[0],
            income_type=group[1],
            asset=group[2],
            ours=total(mine[group]),
            theirs=total(foreign[group]),
        )
        for group in sorted(differing)
    )


def _amounts(rows: Iterable[IncomeEntry]) -> Mapping[_Group, list[Decimal]]:
    amounts: dict[_Group, list[Decimal]] = defaultdict(list)
    for row in rows:
        amounts[_group(row)].append(row.amount)
    return amounts


def _group(row: IncomeEntry) -> _Group:
    return row.time.date(), row.income_type, row.asset


def _next_second(moment: datetime) -> datetime:
    whole = whole_second(moment)
    return whole if whole == moment else whole + timedelta(seconds=1)

"""The fund flow of one account: its rows, when each can be read, and the questions one can ask.

Owns rows, order, lateness, ends and totals. Must not know the wire: an answer is a list of rows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY_MS: Final = 86_400_000
RETENTION_MS: Final = 90 * DAY_MS
"""The exchange keeps three months."""

TRANSFER: Final = "TRANSFER"
REALIZED_PNL: Final = "REALIZED_PNL"
FUNDING_FEE: Final = "FUNDING_FEE"
TRADING_FEE: Final = "TRADING_FEE"
INSURANCE_CLEAR: Final = "INSURANCE_CLEAR"

INCOME_TYPES: Final = (
    TRANSFER,
    REALIZED_PNL,
    FUNDING_FEE,
    TRADING_FEE,
    INSURANCE_CLEAR,
    "TRIAL_FUND",
    "ADL",
    "SYSTEM_DEDUCTION",
    "GTD_PRICE",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeRow:
    """One row: `amount` is signed, `time_ms` is a whole second, and from `visible_ms` on it can be read."""

    time_ms: int
    visible_ms: int
    income_type: str
    symbol: str
    asset: str
    amount: Decimal
    info: str
    tran_id: str
    trade_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeQuestion:
    """Which rows to show: a time span whose ends count or not, and filters where `None` lets everything pass."""

    start_ms: int
    end_ms: int
    limit: int
    start_inclusive: bool = True
    end_inclusive: bool = True
    income_type: str | None = None
    symbol: str | None = None
    asset: str | None = None

    def passes(self, row: IncomeRow) -> bool:
        """Tell whether the filters let a row through; times are not looked at."""
        return (
            (self.income_type is None or row.income_type == self.income_type)
            and (self.symbol is None or row.symbol == self.symbol)
            and (self.asset is None or row.asset == self.asset)
        )


@dataclass(frozen=True, slots=True)
class IncomeTotal:
    """What one type, symbol and asset adds up to; `debited` carries no sign."""

    credited: Decimal = Decimal(0)
    debited: Decimal = Decimal(0)
    entries: int = 0

    def plus(self, amount: Decimal) -> IncomeTotal:
        """Return the total with one more row of that signed amount."""
        gain, loss = max(amount, Decimal(0)), max(-amount, Decimal(0))
        return IncomeTotal(self.credited + gain, self.debited + loss, self.entries + 1)


class IncomeBook:
    """All rows of an account in the order of their time; rows of one second stay in the order they came."""

    def __init__(self) -> None:
        self._rows: list[IncomeRow] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> tuple[IncomeRow, ...]:
        """Return every row, oldest first, whether it can be read yet or not."""
        return tuple(self._rows)

    def add(self, row: IncomeRow) -> None:
        """Write a row into its place."""
        insort(self._rows, row, key=_time)

    def extend(self, rows: Iterable[IncomeRow]) -> None:
        """Write many rows at once, in any order."""
        self._rows.extend(rows)
        self._rows.sort(key=_time)

    def answer(self, question: IncomeQuestion, *, now_ms: int) -> list[IncomeRow]:
        """Return the rows that can be read now, newest first, never more than the limit."""
        found: list[IncomeRow] = []
        for index in reversed(self._span(question, now_ms)):
            row = self._rows[index]
            if row.visible_ms <= now_ms and question.passes(row):
                found.append(row)
                if len(found) == question.limit:
                    break
        return found

    def knows_type(self, income_type: str) -> bool:
        """Tell whether a type is documented, or at least booked here."""
        return income_type in INCOME_TYPES or any(row.income_type == income_type for row in self._rows)

    def knows_symbol(self, symbol: str) -> bool:
        """Tell whether any row is of that symbol."""
        return any(row.symbol == symbol for row in self._rows)

    def _span(self, question: IncomeQuestion, now_ms: int) -> range:
        first = bisect_left if question.start_inclusive else bisect_right
        behind = bisect_right if question.end_inclusive else bisect_left
        low = first(self._rows, question.start_ms, key=_time)
        kept = bisect_left(self._rows, now_ms - RETENTION_MS, key=_time)
        return range(max(low, kept), behind(self._rows, question.end_ms, key=_time))


def totals(rows: Iterable[IncomeRow]) -> dict[tuple[str, str, str], IncomeTotal]:
    """Add rows up by type, symbol and asset."""
    sums: dict[tuple[str, str, str], IncomeTotal] = {}
    for row in rows:
        key = (row.income_type, row.symbol, row.asset)
        sums[key] = sums.get(key, IncomeTotal()).plus(row.amount)
    return sums


def _time(row: IncomeRow) -> int:
    return row.time_ms

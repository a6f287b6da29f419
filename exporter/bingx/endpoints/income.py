"""Income: the fund flow of the account, up to 1000 rows a call. Needs the right Perpetual Futures Trading.

The exchange keeps three months, answers an open-ended window with nothing, promises neither an order nor that ids are
unique, and offers no page: a full answer means that the window has to be split.
<https://bingx-api.github.io/docs/#/en-us/swapV2/account-api.html>
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exporter.bingx.wire import Drifts, Parsed, Row, rows
from exporter.model import IncomeEntry, to_milliseconds

if TYPE_CHECKING:
    from datetime import datetime

LIMIT: Final = 1000
_KNOWN: Final = frozenset(("symbol", "incomeType", "income", "asset", "info", "time", "tranId", "tradeId"))


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeQuery:
    """A window of income, from `start` to `end` (aware, sent as whole milliseconds), at most `limit` rows of it."""

    start: datetime
    end: datetime
    income_type: str | None = None
    symbol: str | None = None
    limit: int = LIMIT

    def __post_init__(self) -> None:
        """Refuse a window that runs backwards and a limit that the exchange refuses, with `ValueError`."""
        if self.start > self.end:
            message = "an income window must not end before it starts"
            raise ValueError(message)
        if not 1 <= self.limit <= LIMIT:
            message = f"an income limit is between 1 and {LIMIT}"
            raise ValueError(message)

    def params(self) -> tuple[tuple[str, str], ...]:
        """Return the venue's parameters; always both times, since one alone gets an empty answer."""
        optional = (("symbol", self.symbol), ("incomeType", self.income_type))
        return (
            *((name, value) for name, value in optional if value is not None),
            ("startTime", str(to_milliseconds(self.start))),
            ("endTime", str(to_milliseconds(self.end))),
            ("limit", str(self.limit)),
        )


def parse(data: object) -> Parsed[tuple[IncomeEntry, ...]]:
    """Read the entries in the order sent; raises `MalformedResponse` if one row cannot be read: none may be lost."""
    drifts = Drifts()
    if data is None or data == {}:
        return drifts.parsed(())
    return drifts.parsed(tuple(_entry(row) for row in rows(data, _KNOWN, drifts)))


def _entry(row: Row) -> IncomeEntry:
    return IncomeEntry(
        time=row.time("time"),
        income_type=row.label("incomeType"),
        symbol=row.label_or_empty("symbol"),
        asset=row.label("asset"),
        amount=row.decimal("income"),
        tran_id=row.identity("tranId"),
        trade_id=row.identity("tradeId"),
        info=row.remark("info"),
    )

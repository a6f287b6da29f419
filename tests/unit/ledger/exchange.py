"""A model of the exchange's income call, for tests of the ledger: a list of rows, and how it is shown."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from exporter.model import IncomeEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.ledger.windows import Query

START = datetime(2026, 9, 1, tzinfo=UTC)


def row(
    second: float = 0,
    amount: str = "1",
    income_type: str = "FUNDING_FEE",
    symbol: str = "BTC-USDT",
    tran_id: str = "t1",
    trade_id: str = "d1",
    *,
    asset: str = "USDT",
    info: str = "Funding Fee",
) -> IncomeEntry:
    """Compose an income row, `second` seconds after `START`."""
    return IncomeEntry(
        time=START + timedelta(seconds=second),
        income_type=income_type,
        symbol=symbol,
        asset=asset,
        amount=Decimal(amount),
        tran_id=tran_id,
        trade_id=trade_id,
        info=info,
    )


def multiset(rows: Iterable[IncomeEntry]) -> Counter[tuple[object, ...]]:
    """Count rows by everything but their free text."""
    return Counter(
        (item.time, item.income_type, item.symbol, item.asset, item.amount, item.tran_id, item.trade_id)
        for item in rows
    )


@dataclass
class ModelExchange:
    """Shows at most `limit` of the rows that a query asks for, in an order drawn anew for every answer."""

    rows: list[IncomeEntry] = field(default_factory=list)
    limit: int = 1000
    start_inclusive: bool = True
    end_inclusive: bool = True
    order: str = "shuffled"
    seed: int = 0
    calls: int = 0

    def show(self, query: Query) -> list[IncomeEntry]:
        self.calls += 1
        found = [item for item in self.rows if self._asked(query, item)]
        if self.order == "shuffled":
            random.Random(f"{self.seed} {self.calls}").shuffle(found)
        else:
            found.sort(key=lambda item: item.time, reverse=self.order == "newest")
        return found[: self.limit]

    def _asked(self, query: Query, item: IncomeEntry) -> bool:
        after = query.start <= item.time if self.start_inclusive else query.start < item.time
        before = item.time <= query.end if self.end_inclusive else item.time < query.end
        return (
            after and before and query.income_type in {None, item.income_type} and query.symbol in {None, item.symbol}
        )

"""Reading a period in windows, each answer of which shows at most 1000 rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from exporter.bingx.endpoints.income import LIMIT, IncomeQuery
from exporter.ledger import Window
from exporter.model import IncomeEntry
from exporter.polling.period import PeriodReading

START = datetime(2026, 9, 1, tzinfo=UTC)


def rows(count: int, *, apart: float, symbol: str = "BTC-USDT") -> list[IncomeEntry]:
    return [
        IncomeEntry(
            time=START + timedelta(seconds=number * apart),
            income_type="FUNDING_FEE",
            symbol=symbol,
            asset="USDT",
            amount=Decimal(number),
            tran_id="",
            trade_id="",
            info="",
        )
        for number in range(count)
    ]


def shown(every: Sequence[IncomeEntry], query: IncomeQuery) -> list[IncomeEntry]:
    found = [
        row
        for row in every
        if query.start <= row.time <= query.end
        and query.income_type in {None, row.income_type}
        and query.symbol in {None, row.symbol}
    ]
    return found[::-1][: query.limit]


def read(every: Sequence[IncomeEntry], days: float) -> PeriodReading:
    reading = PeriodReading(Window(START, START + timedelta(days=days)))
    while not reading.done:
        query = reading.query()
        assert query == reading.query()
        assert query.end - query.start <= timedelta(days=7, milliseconds=1)
        reading.feed(shown(every, query))
    return reading


def test_a_period_of_many_rows_is_read_whole_and_once() -> None:
    every = rows(3500, apart=600)

    reading = read(every, 30)

    assert reading.rows == every
    assert reading.truncated == []
    assert reading.calls >= 6


def test_a_quiet_week_takes_one_call() -> None:
    assert read(rows(10, apart=3600), 7).calls == 1


def test_a_second_that_cannot_be_shown_whole_is_named() -> None:
    reading = read(rows(LIMIT + 1, apart=0, symbol=""), 1)

    (window,) = reading.truncated
    assert START in window
    assert window.end - window.start <= timedelta(seconds=1)

"""What the income page shows, and what it keeps back."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from openpyxl import load_workbook

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.simulator.exchange import Exchange

    Ask = Callable[..., dict[str, Any]]
    Command = Callable[..., tuple[int, dict[str, Any]]]

INCOME = "/openApi/swap/v2/user/income"
EXPORT = "/openApi/swap/v2/user/income/export"
DAY_MS = 86_400_000


@pytest.fixture
def quiet(begin: Callable[..., Exchange]) -> Exchange:
    """An exchange without any income."""
    return begin(history_days=0, positions=0)


def test_no_rows_are_null_unless_told_otherwise(quiet: Exchange, ask: Ask, command: Command) -> None:
    assert ask(quiet, "alpha", INCOME)["data"] is None
    command(quiet, "POST", "rules", empty_as_null=False)
    assert ask(quiet, "alpha", INCOME)["data"] == []


def test_a_start_without_an_end_finds_nothing(exchange: Exchange, ask: Ask) -> None:
    now = exchange.world.now_ms()
    assert ask(exchange, "alpha", INCOME, startTime=now - 5 * DAY_MS)["data"] is None
    assert ask(exchange, "alpha", INCOME, startTime=now - 5 * DAY_MS, endTime=now)["data"]


def test_without_times_it_is_the_last_seven_days_newest_first(begin: Callable[..., Exchange], ask: Ask) -> None:
    exchange = begin(history_days=30)
    rows = ask(exchange, "alpha", INCOME, limit=1000)["data"]
    times = [row["time"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert times[-1] >= exchange.world.now_ms() - 7 * DAY_MS
    everything = exchange.world.account("alpha").book.rows
    assert len(rows) == sum(row.time_ms >= exchange.world.now_ms() - 7 * DAY_MS for row in everything) < len(everything)


def test_a_hundred_rows_by_default_and_a_thousand_at_most(quiet: Exchange, ask: Ask, command: Command) -> None:
    command(quiet, "POST", "income", account="alpha", count=1200, apart_seconds=1)
    assert len(ask(quiet, "alpha", INCOME)["data"]) == 100
    assert len(ask(quiet, "alpha", INCOME, limit=1000)["data"]) == 1000
    for limit in (0, 1001, -1, "x", "1.5"):
        assert ask(quiet, "alpha", INCOME, limit=limit)["code"] == 109400


def test_empty_values_count_as_not_given(exchange: Exchange, ask: Ask) -> None:
    plain = ask(exchange, "alpha", INCOME)
    assert ask(exchange, "alpha", INCOME, endTime="", startTime="", symbol="", incomeType="", limit="") == plain


@pytest.mark.parametrize("start_inclusive", [True, False])
@pytest.mark.parametrize("end_inclusive", [True, False])
def test_each_end_counts_or_not_as_it_is_set(
    quiet: Exchange, ask: Ask, command: Command, start_inclusive: bool, end_inclusive: bool
) -> None:
    command(quiet, "POST", "rules", start_inclusive=start_inclusive, end_inclusive=end_inclusive)
    _, added = command(quiet, "POST", "income", account="alpha", count=3, apart_seconds=10, ago_seconds=60)
    end, middle, start = (row["time"] for row in added["rows"])
    rows = ask(quiet, "alpha", INCOME, startTime=start, endTime=end)["data"]
    expected = [end] * end_inclusive + [middle] + [start] * start_inclusive
    assert [row["time"] for row in rows] == expected


def test_filters_by_type_symbol_and_currency(quiet: Exchange, ask: Ask, command: Command) -> None:
    for income_type, symbol, asset in (
        ("FUNDING_FEE", "BTC-USDT", "USDT"),
        ("TRADING_FEE", "BTC-USDC", "USDC"),
        ("NEW_TYPE", "", "USDT"),
    ):
        command(quiet, "POST", "income", account="alpha", income_type=income_type, symbol=symbol, asset=asset)
    types = [
        [row["incomeType"] for row in ask(quiet, "alpha", INCOME, **wanted)["data"]]
        for wanted in (
            {"incomeType": "FUNDING_FEE"},
            {"symbol": "BTC-USDC"},
            {"currency": "USDC"},
            {"incomeType": "NEW_TYPE"},
        )
    ]
    assert types == [["FUNDING_FEE"], ["TRADING_FEE"], ["TRADING_FEE"], ["NEW_TYPE"]]
    assert ask(quiet, "alpha", INCOME, incomeType="COMMISSION")["code"] == 109400


def test_a_late_row_appears_when_its_time_has_come(quiet: Exchange, ask: Ask, command: Command) -> None:
    command(quiet, "POST", "income", account="alpha", ago_seconds=100, late_seconds=40)
    command(quiet, "POST", "advance", seconds=39)
    assert ask(quiet, "alpha", INCOME)["data"] is None
    command(quiet, "POST", "advance", seconds=1)
    assert len(ask(quiet, "alpha", INCOME)["data"]) == 1


def test_identical_rows_are_all_shown(quiet: Exchange, ask: Ask, command: Command) -> None:
    command(quiet, "POST", "income", account="alpha", count=3, identical=True, amount="-0.5")
    rows = ask(quiet, "alpha", INCOME)["data"]
    assert rows == [rows[0]] * 3
    assert rows[0]["income"] == "-0.50000000"


def test_rows_older_than_ninety_days_are_gone(quiet: Exchange, ask: Ask, command: Command) -> None:
    now = quiet.world.now_ms()
    command(quiet, "POST", "income", account="alpha", ago_seconds=90 * 86_400, count=2, apart_seconds=1)
    rows = ask(quiet, "alpha", INCOME, startTime=now - 100 * DAY_MS, endTime=now)["data"]
    assert [row["time"] for row in rows] == [now - 90 * DAY_MS]


def test_a_span_that_is_upside_down_or_too_long_is_refused(quiet: Exchange, ask: Ask, command: Command) -> None:
    assert ask(quiet, "alpha", INCOME, startTime=2, endTime=1)["code"] == 109400
    assert ask(quiet, "alpha", INCOME, startTime=0, endTime=8 * DAY_MS)["code"] == 0
    command(quiet, "POST", "rules", longest_span_ms=7 * DAY_MS)
    assert ask(quiet, "alpha", INCOME, startTime=0, endTime=8 * DAY_MS)["code"] == 109400


def test_adding_rows_moves_the_wallet(quiet: Exchange, command: Command) -> None:
    before = quiet.world.account("alpha").wallet["USDT"]
    command(quiet, "POST", "income", account="alpha", count=4, amount="-2.5")
    assert quiet.world.account("alpha").wallet["USDT"] == before - 10


def test_the_workbook_holds_the_same_rows_in_the_time_of_the_web_site(
    quiet: Exchange, ask: Ask, command: Command
) -> None:
    opening = quiet.world.account("alpha").wallet["USDT"]
    command(quiet, "POST", "income", account="alpha", count=2, apart_seconds=60, info="Close Long")
    sheet = load_workbook(io.BytesIO(ask(quiet, "alpha", EXPORT)["file"]), read_only=True).worksheets[0]
    heads, newest, oldest = sheet.iter_rows(values_only=True)
    assert heads[:4] == ("Time(UTC+8)", "Type", "Details", "Amount")
    assert newest[:4] == ("2026-11-22 20:00:00", "Realized PnL", "Close Long", "1.00000000")
    assert [Decimal(str(row[4])) for row in (newest, oldest)] == [opening + 2, opening + 1]


def test_an_empty_workbook_has_its_heads(quiet: Exchange, ask: Ask) -> None:
    sheet = load_workbook(io.BytesIO(ask(quiet, "alpha", EXPORT)["file"]), read_only=True).worksheets[0]
    assert len(list(sheet.iter_rows())) == 1

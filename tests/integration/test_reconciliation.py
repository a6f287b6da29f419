"""The scheduled comparison with the exchange's workbook, over HTTP with a simulated exchange."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.exchange import Exchange
from support.exposition import Series, series
from support.processes import eventually

from exporter.app.workbooks import Workbooks
from exporter.bingx.errors import AccountMismatch, MalformedResponse
from exporter.clock import SystemClock
from exporter.config import AccountSettings, load
from exporter.ledger import Window

from .conftest import Running

pytestmark = pytest.mark.timeout(90)

Start = Callable[..., Running]
ON = {"reconciliation": {"enabled": True, "interval": "1s", "period": "15d"}}
DIFFERENCE = "bingx_income_reconciliation_difference"
ROWS = "bingx_income_reconciliation_differing_rows"
TEN_DAYS = 10 * 86400


def of(page: dict[Series, float], name: str, account: str = "alpha") -> dict[str, float]:
    return {
        dict(labels)["income_type"]: value
        for (metric, labels), value in page.items()
        if metric == name and ("account", account) in labels
    }


def wait(condition: Callable[[], object], what: str) -> None:
    eventually(condition, what=what)


def agrees(running: Running) -> bool:
    found = [*of(running.page(), DIFFERENCE).values(), *of(running.page(), ROWS).values()]
    return bool(found) and not any(found)


def calls(exchange: Exchange, account: str = "alpha") -> dict[str, Any]:
    found: dict[str, Any] = exchange.calls()["outcomes"].get(account, {}).get("income_export", {})
    return found


def test_a_ledger_that_has_all_rows_differs_by_nothing(start: Start) -> None:
    running = start(collectors=ON)

    wait(lambda: agrees(running), "the workbook agrees")
    assert {"FUNDING_FEE", "TRADING_FEE"} <= of(running.page(), DIFFERENCE).keys()
    assert running.page()[series("bingx_collector_success", account="alpha", collector="reconciliation")] == 1


def test_a_row_that_the_ledger_lacks_is_found_and_its_amount_told(start: Start, exchange: Exchange) -> None:
    running = start(collectors=ON)
    wait(lambda: agrees(running), "the workbook agrees")

    # Too long ago for any poll to look again.
    row = {"income_type": "TRADING_FEE", "symbol": "BTC-USDT", "amount": "-1.25", "ago_seconds": TEN_DAYS}
    exchange.tell("income", account="alpha", asset="USDT", count=2, late_seconds=0, **row)

    wait(lambda: of(running.page(), ROWS).get("TRADING_FEE") == 2, "the rows are missed")
    assert of(running.page(), DIFFERENCE)["TRADING_FEE"] == -2.5
    assert of(running.page(), DIFFERENCE)["FUNDING_FEE"] == 0
    assert not any(of(running.page(), ROWS, "beta").values())


def test_more_rows_than_a_workbook_holds_are_compared_all_the_same(start: Start, exchange: Exchange) -> None:
    row = {"income_type": "ADL", "symbol": "BTC-USDT", "amount": "0.5", "ago_seconds": TEN_DAYS, "apart_seconds": 60}
    exchange.tell("income", account="alpha", asset="USDT", count=2500, late_seconds=0, **row)

    # Reading it takes longer than a comparison is good for at an interval of a second.
    running = start(collectors={"reconciliation": {**ON["reconciliation"], "interval": "10s"}})

    eventually(lambda: agrees(running), what="the workbook agrees", seconds=60)
    assert of(running.page(), DIFFERENCE)["ADL"] == 0
    assert sum(calls(exchange).values()) > 4


def test_a_comparison_that_is_too_old_leaves_the_page_and_the_rest_stays(start: Start, exchange: Exchange) -> None:
    running = start(collectors=ON)
    wait(lambda: agrees(running), "the workbook agrees")

    exchange.tell("faults", kind="html", endpoint="income_export")

    wait(lambda: not of(running.page(), DIFFERENCE) and not of(running.page(), ROWS), "it has left")
    page = running.page()
    assert page[series("bingx_collector_success", account="alpha", collector="reconciliation")] == 0
    failures = series(
        "bingx_collector_failures_total", account="alpha", collector="reconciliation", reason="malformed_response"
    )
    assert page[failures] > 0
    assert page[series("bingx_income_complete", account="alpha")] == 1
    exchange.tell("faults/clear")
    wait(lambda: agrees(running), "it is back")


def test_by_default_nothing_of_it_is_there(start: Start, exchange: Exchange) -> None:
    running = start()

    wait(lambda: running.page().get(series("bingx_income_complete", account="alpha")) == 1, "income is read")
    wait(lambda: running.readiness() == 200, "ready")
    assert not [key for key in running.page() if "reconciliation" in str(key)]
    assert calls(exchange) == {}


def test_an_account_whose_history_cannot_be_read_is_not_compared_and_not_waited_for(
    start: Start, exchange: Exchange
) -> None:
    running = start(collectors=ON)

    wait(lambda: agrees(running), "the other account is compared")
    assert running.readiness() == 200
    assert calls(exchange, "gamma") == {}
    assert series("bingx_collector_success", account="gamma", collector="reconciliation") not in running.page()


def test_a_ledger_of_another_user_is_not_compared(start: Start, exchange: Exchange, tmp_path: Path) -> None:
    with_alpha = start(collectors=ON)
    wait(lambda: agrees(with_alpha), "the workbook agrees")
    with_alpha.app.stop()
    for kind in ("key", "secret"):
        (tmp_path / f"alpha.{kind}").write_text((tmp_path / f"beta.{kind}").read_text())
    before = calls(exchange)

    running = start(tmp_path / "config.yaml")

    mismatch = series(
        "bingx_collector_failures_total", account="alpha", collector="reconciliation", reason="account_mismatch"
    )
    wait(lambda: running.page().get(mismatch), "it is told")
    assert of(running.page(), DIFFERENCE) == {}
    assert calls(exchange) == before


@pytest.fixture
def alpha(exchange: Exchange, tmp_path: Path) -> AccountSettings:
    return next(account for account in load(exchange.config(tmp_path), environ={}).accounts if account.name == "alpha")


def last(days: float) -> Window:
    now = SystemClock().now().replace(microsecond=0)
    return Window(now - timedelta(days=days), now)


def test_a_period_is_fetched_whole_whatever_it_takes(exchange: Exchange, alpha: AccountSettings) -> None:
    exchange.tell("income", account="alpha", count=2500, ago_seconds=3600, apart_seconds=1, late_seconds=0)
    period = last(20)

    with Workbooks(SystemClock()) as workbooks:
        fetched = workbooks.fetch(alpha, period)

    world = exchange.world(account="alpha", since=str(int(period.start.timestamp() * 1000)))["accounts"][0]
    assert len(fetched.rows) == sum(row["entries"] for row in world["income"]["readable"])
    assert [row.time for row in fetched.rows] == sorted(row.time for row in fetched.rows)
    assert fetched.calls > 3
    assert fetched.file is None


def test_a_second_with_more_rows_than_can_be_shown_is_refused(exchange: Exchange, alpha: AccountSettings) -> None:
    exchange.tell("income", account="alpha", count=1200, ago_seconds=3600, apart_seconds=0, late_seconds=0, symbol="")

    with Workbooks(SystemClock()) as workbooks, pytest.raises(MalformedResponse) as caught:
        workbooks.fetch(alpha, last(1))

    assert "more rows" in caught.value.detail


def test_the_key_of_another_user_is_refused(alpha: AccountSettings) -> None:
    with Workbooks(SystemClock()) as workbooks:
        workbooks.refuse_stranger(alpha, user=None)
        with pytest.raises(AccountMismatch):
            workbooks.refuse_stranger(alpha, user="somebody else")

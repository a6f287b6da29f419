"""What the page says of accounts in every kind of trouble: the exporter and a simulated exchange, over HTTP."""

from __future__ import annotations

import io
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.exchange import Exchange
from support.exposition import Series, series
from support.heard import heard
from support.processes import eventually, get
from support.world import expected_gauges, expected_income

from exporter.bingx.limits import RULES, Scope
from exporter.ledger import AccountBook, Recorded
from exporter.polling.pace import usable

from .conftest import Running

pytestmark = pytest.mark.timeout(90)

Start = Callable[..., Running]
GAUGES = ("bingx_account_", "bingx_position", "bingx_commission_rate", "bingx_income_complete")

OF_THE_KEY = "bingx_account_key_"  # asked every hour, and shown for three


def gauges(page: dict[Series, float], account: str) -> set[str]:
    return {
        name
        for name, labels in page
        if ("account", account) in labels
        and name.startswith(GAUGES)
        and name not in {"bingx_account_info", "bingx_account_series_cut"}
        and not name.startswith(OF_THE_KEY)
    }


def status(running: Running, account: str, collector: str, what: str = "success", **labels: str) -> float | None:
    name = f"bingx_collector_{what}"
    return running.page().get(series(name, account=account, collector=collector, **labels))


def wait(condition: Callable[[], object], what: str, *, seconds: float = 20) -> None:
    eventually(condition, seconds=seconds, what=what)


def is_up_to_date(running: Running, exchange: Exchange) -> Callable[[], bool]:
    def agreed() -> bool:
        world, page = exchange.world(), running.page()
        wanted = expected_gauges(world) | expected_income(world)
        for key, value in wanted.items():
            assert page[key] == pytest.approx(value, rel=1e-12), key
        return True

    return agreed


def calls_of(exchange: Exchange, account: str) -> dict[str, Any]:
    found: dict[str, Any] = exchange.calls()["outcomes"].get(account, {})
    return found


def test_every_number_of_every_account_is_the_exchanges(start: Start, exchange: Exchange) -> None:
    running = start()

    wait(is_up_to_date(running, exchange), "the page agrees with the exchange")
    assert running.readiness() == 200


def test_a_read_only_key_still_gets_balance_and_positions(start: Start) -> None:
    running = start()

    right = {"balance": 1, "positions": 1, "income": 0, "commission_rate": 0}
    wait(lambda: {name: status(running, "gamma", name) for name in right} == right, "only the right is missed")
    for collector in ("income", "commission_rate"):
        assert status(running, "gamma", collector, "failures_total", reason="permission_denied") == 1
    assert running.page()[series("bingx_up", account="gamma")] == 1


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """Listen to the log, down to every request."""
    with heard() as text:
        yield text


def test_what_the_keys_may_do_is_shown_and_the_keys_are_in_no_output(
    start: Start, exchange: Exchange, said: io.StringIO
) -> None:
    exchange.tell("whitelist", account="gamma", addresses=["127.0.0.1"])
    running = start()

    wait(lambda: len([key for key in running.page() if key[0].startswith(OF_THE_KEY)]) == 6, "every key is known")
    page = running.page()
    for account, trade, withdraw in (("alpha", 1, 0), ("beta", 1, 1), ("gamma", 0, 0)):
        assert page[series("bingx_account_key_can_trade", account=account)] == trade
        assert page[series("bingx_account_key_can_withdraw", account=account)] == withdraw
        assert sum(calls_of(exchange, account)["permissions"].values()) == 1
    wait(lambda: said.getvalue().count("works from any address") == 2, "the keys that are not bound are told of")
    warned = [line for line in said.getvalue().splitlines() if "level=WARN" in line and "The key " in line]
    assert sorted(("withdraw" in line, word) for line in warned for word in line.split() if "account=" in word) == [
        (False, "account=alpha"),
        (False, "account=beta"),
        (True, "account=beta"),
    ]
    output = said.getvalue() + get(f"{running.url}/metrics")[1]
    assert "apiPermissions" in output
    for login in exchange.keys()["accounts"]:
        assert login["api_key"][:20] not in output
        assert login["api_secret"][:20] not in output


def test_a_key_that_may_not_ask_for_its_rights_loses_nothing_else(start: Start, exchange: Exchange) -> None:
    exchange.tell("faults", kind="code", code=100403, account="alpha", endpoint="permissions")
    exchange.tell("faults", kind="html", account="beta", endpoint="permissions")
    running = start()

    wait(lambda: running.page()[series("bingx_account_key_can_trade", account="gamma")] == 0, "one key is known")
    wait(lambda: {"permissions"} <= calls_of(exchange, "alpha").keys() & calls_of(exchange, "beta").keys(), "all asked")
    wait(lambda: running.readiness() == 200, "every collector has tried")
    for account in ("alpha", "beta"):
        assert not [key for key in running.page() if key[0].startswith(OF_THE_KEY) and ("account", account) in key[1]]
        for collector in ("balance", "positions", "income", "commission_rate"):
            assert status(running, account, collector) == 1


def test_one_sick_account_never_touches_another(start: Start, exchange: Exchange) -> None:
    running = start()
    wait(is_up_to_date(running, exchange), "all is well")

    exchange.tell("faults", kind="not_json", account="alpha")

    wait(lambda: not gauges(running.page(), "alpha"), "the sick account's gauges have left")
    assert running.page()[series("bingx_up", account="alpha")] == 0
    assert running.page()[series("bingx_up", account="beta")] == 1
    assert {"bingx_account_equity", "bingx_position_amount"} <= gauges(running.page(), "beta")


def test_one_sick_endpoint_never_touches_another(start: Start, exchange: Exchange) -> None:
    running = start()
    wait(is_up_to_date(running, exchange), "all is well")

    exchange.tell("faults", kind="wrong_types", account="alpha", endpoint="positions")

    wait(lambda: "bingx_position_amount" not in gauges(running.page(), "alpha"), "its positions have left")
    assert "bingx_positions" not in gauges(running.page(), "alpha")
    assert "bingx_account_equity" in gauges(running.page(), "alpha")
    assert (status(running, "alpha", "positions", "failures_total", reason="malformed_response") or 0) > 0
    assert running.page()[series("bingx_up", account="alpha")] == 1


def test_a_refused_key_is_told_for_all_collectors_and_tried_by_one_call_at_a_time(
    start: Start, exchange: Exchange
) -> None:
    exchange.tell("faults", kind="code", code=100413, account="alpha")
    running = start()

    wait(lambda: status(running, "alpha", "commission_rate") == 0, "every collector is told of")
    page = running.page()
    assert all(
        page[series("bingx_collector_success", account="alpha", collector=name)] == 0
        for name in ("balance", "positions", "income", "commission_rate")
    )
    assert page[series("bingx_up", account="alpha")] == 0
    wait(lambda: running.readiness() == 200, "ready all the same")
    assert (
        sum(
            value
            for (name, labels), value in page.items()
            if name == "bingx_collector_failures_total" and ("account", "alpha") in labels
        )
        <= 2
    )

    exchange.tell("faults/clear")
    wait(lambda: running.page()[series("bingx_up", account="alpha")] == 1, "it heals by itself", seconds=30)


def test_the_clock_of_the_exchange_is_measured_and_used(start: Start, exchange: Exchange) -> None:
    exchange.tell("clock", offset_seconds=3600)
    running = start()

    wait(is_up_to_date(running, exchange), "the page agrees with an exchange an hour ahead")
    host = exchange.url.removeprefix("http://")
    assert running.page()[series("bingx_api_clock_offset_seconds", host=host)] == pytest.approx(3600, abs=1)
    assert not [labels for _, labels in running.page() if ("reason", "clock_skew") in labels]


def test_a_jump_of_the_exchanges_clock_heals(start: Start, exchange: Exchange) -> None:
    running = start()
    wait(is_up_to_date(running, exchange), "all is well")

    exchange.tell("clock", offset_seconds=600)

    wait(
        lambda: any(("reason", "clock_skew") in labels for _, labels in running.page()),
        "the exchange doubts our time",
    )
    wait(lambda: status(running, "alpha", "balance") == 1, "the clock is corrected")
    host = exchange.url.removeprefix("http://")
    assert running.page()[series("bingx_api_clock_offset_seconds", host=host)] == pytest.approx(600, abs=1)


def test_a_named_end_of_a_ban_is_waited_out_and_shown(start: Start, exchange: Exchange) -> None:
    running = start()
    wait(is_up_to_date(running, exchange), "all is well")
    until = exchange.world()["now_milliseconds"] + 4000
    message = f"This endpoint is in its disabled period and will be unblocked after {until}"
    exchange.tell("faults", kind="code", code=100410, message=message, account="alpha", endpoint="balance", count=1)

    wait(lambda: status(running, "alpha", "balance") == 0, "the ban is met")
    blocked = running.page()[series("bingx_api_blocked_until_timestamp_seconds", account="alpha", endpoint="balance")]
    assert blocked == pytest.approx(until / 1000, abs=0.5)
    wait(lambda: status(running, "alpha", "balance") == 1, "it is over")

    assert status(running, "alpha", "balance", "failures_total", reason="rate_limited") == 1
    calls = [one for one in exchange.calls()["last"] if (one["account"], one["endpoint"]) == ("alpha", "balance")]
    refused = next(place for place, one in enumerate(calls) if one["fault"])
    assert calls[refused + 1 :]
    assert all(one["arrived_milliseconds"] >= until for one in calls[refused + 1 :])
    assert (
        series("bingx_api_blocked_until_timestamp_seconds", account="alpha", endpoint="balance") not in running.page()
    )


def test_no_call_is_ever_refused_to_a_process_that_keeps_the_limits(start: Start, exchange: Exchange) -> None:
    running = start(collectors={"balance": {"interval": "100ms"}, "positions": {"interval": "100ms"}})
    wait(is_up_to_date(running, exchange), "all is well")

    told = exchange.calls()["total"]
    wait(lambda: exchange.calls()["total"] > told + 100, "calls go on")
    assert status(running, "alpha", "balance", "interval_seconds") == pytest.approx(1 / usable(RULES, Scope.USER))

    assert exchange.calls()["refusals"].get("100410", 0) == 0
    assert exchange.calls()["refusals"].get("109429", 0) == 0
    assert (status(running, "alpha", "balance", "consecutive_failures")) == 0


def test_two_keys_of_one_user_share_a_budget(start: Start, exchange: Exchange, tmp_path: Path) -> None:
    exchange.tell("keys", account="alpha")
    config = exchange.config(
        tmp_path, collectors={"balance": {"interval": "200ms"}, "positions": {"interval": "200ms"}}
    )
    document = yaml.safe_load(config.read_text())
    accounts = [one for one in document["accounts"] if one["name"].startswith("alpha")]
    if len(accounts) == 1:
        extra = [one for one in json.loads(json.dumps(exchange.keys())) if one["name"] == "alpha"][-1]
        accounts.append(
            {
                "name": "alpha-2",
                "api_key": extra["api_key"],
                "api_secret": extra["api_secret"],
                "base_url": exchange.url,
            }
        )
    accounts[1] = {**accounts[1], "name": "alpha-2"}
    config.write_text(yaml.safe_dump({**document, "accounts": accounts}))
    running = start(config)

    wait(
        lambda: all(
            status(running, account, "balance", "interval_seconds") == pytest.approx(2 / usable(RULES, Scope.USER))
            for account in ("alpha", "alpha-2")
        ),
        "the two make room for each other",
    )
    told = exchange.calls()["total"]
    wait(lambda: exchange.calls()["total"] > told + 50, "both go on")

    assert exchange.calls()["refusals"].get("100410", 0) == 0
    assert status(running, "alpha-2", "balance") == 1


def test_the_key_of_another_user_stops_the_income_and_mixes_nothing(
    start: Start, exchange: Exchange, tmp_path: Path
) -> None:
    config = exchange.config(tmp_path)
    first = start(config)
    wait(is_up_to_date(first, exchange), "alpha is in the ledger")
    before = {key: value for key, value in first.page().items() if key[0].startswith("bingx_income_entries_total")}
    first.app.stop()
    document = yaml.safe_load(config.read_text())
    alpha, beta = (next(one for one in document["accounts"] if one["name"] == name) for name in ("alpha", "beta"))
    alpha["api_key_file"], alpha["api_secret_file"] = beta["api_key_file"], beta["api_secret_file"]
    config.write_text(yaml.safe_dump({**document, "accounts": [alpha]}))

    second = start(config)

    wait(
        lambda: (status(second, "alpha", "income", "failures_total", reason="account_mismatch") or 0) > 0,
        "the stranger is noticed",
    )
    assert status(second, "alpha", "balance") == 1
    after = {key: value for key, value in second.page().items() if key[0].startswith("bingx_income_entries_total")}
    assert after == {key: value for key, value in before.items() if ("account", "alpha") in key[1]}


def test_income_and_fees_wait_for_the_identity_and_readiness_does_not_hang(start: Start, exchange: Exchange) -> None:
    exchange.tell("faults", kind="status", status=503, body="html", account="alpha", endpoint="balance")
    running = start()

    wait(lambda: running.readiness() == 200, "ready all the same")
    assert status(running, "alpha", "positions") == 1
    assert status(running, "alpha", "income") == 0
    assert "income" not in calls_of(exchange, "alpha")

    exchange.tell("faults/clear")
    wait(is_up_to_date(running, exchange), "it catches up", seconds=40)


def test_without_the_balance_collector_the_others_work(start: Start, exchange: Exchange) -> None:
    running = start(collectors={"balance": {"enabled": False}})

    wait(lambda: status(running, "alpha", "commission_rate") == 1, "fees are there")
    wait(lambda: running.page().get(series("bingx_income_complete", account="alpha")) == 1, "the income is complete")
    assert not [key for key in running.page() if key[0] == "bingx_account_equity"]


def test_nothing_of_the_income_is_shown_before_the_whole_history_has_been_read(
    start: Start, exchange: Exchange
) -> None:
    exchange.tell("faults", kind="delay", milliseconds=700, endpoint="income", account="alpha")
    running = start()
    complete, progress = (
        series(name, account="alpha") for name in ("bingx_income_complete", "bingx_income_baseline_progress_ratio")
    )
    seen: set[tuple[float, float, bool]] = set()

    def is_complete() -> bool:
        page = running.page()
        if complete in page:
            counters = any(("account", "alpha") in key[1] for key in page if key[0].startswith("bingx_income_entries"))
            seen.add((page[complete], page[progress], counters))
        return page.get(complete) == 1

    wait(is_complete, "the history has been read")
    partly = {one for one in seen if one[0] == 0}
    assert partly
    assert all(0 < share < 1 and not counters for _, share, counters in partly)
    assert seen - partly == {(1.0, 1.0, True)}


def test_a_row_that_turns_up_late_is_entered_and_counted_as_late(start: Start, exchange: Exchange) -> None:
    running = start()
    wait(is_up_to_date(running, exchange), "all is well")
    late = series("bingx_income_late_entries_total", account="alpha")
    assert running.page()[late] == 0

    exchange.tell("income", account="alpha", income_type="FUNDING_FEE", amount="0.5", ago_seconds=300)

    wait(lambda: running.page()[late] == 1, "it is counted as late")
    wait(is_up_to_date(running, exchange), "it is entered")


def test_a_new_series_shows_zero_before_it_moves(start: Start, exchange: Exchange) -> None:
    running = start()
    wait(is_up_to_date(running, exchange), "all is well")
    new = series(
        "bingx_income_credited_total", account="alpha", asset="USDT", symbol="NEW-USDT", income_type="REALIZED_PNL"
    )
    assert new not in running.page()

    exchange.tell("income", account="alpha", symbol="NEW-USDT", amount="12.5")

    seen: list[float] = []

    def moved() -> bool:
        value = running.page().get(new)
        if value is not None:
            seen.append(value)
        return value == 12.5

    wait(moved, "the series moves")
    assert seen[0] == 0.0
    assert set(seen) == {0.0, 12.5}


def test_the_series_of_a_position_stand_at_zero_from_its_opening(start: Start, exchange: Exchange) -> None:
    running = start()
    wait(is_up_to_date(running, exchange), "all is well")
    beta = exchange.world(account="beta")["accounts"][0]
    used = {row["symbol"] for row in beta["income"]["all"]} | {one["symbol"] for one in beta["positions"]}
    symbol = next(one for one in ("LTC-USDT", "LINK-USDT", "AVAX-USDT", "DOT-USDT", "BTC-USDC") if one not in used)
    labels = {"account": "beta", "asset": symbol[-4:], "symbol": symbol}

    exchange.tell("open", account="beta", symbol=symbol, side="LONG", amount="1")

    wait(
        lambda: series("bingx_income_debited_total", income_type="FUNDING_FEE", **labels) in running.page(),
        "the series begin",
    )
    for kind in ("FUNDING_FEE", "REALIZED_PNL"):
        assert running.page()[series("bingx_income_entries_total", income_type=kind, **labels)] == 0


def test_a_field_that_nobody_knows_is_counted_and_breaks_nothing(start: Start, exchange: Exchange) -> None:
    exchange.tell("faults", kind="new_field")
    running = start()

    wait(is_up_to_date(running, exchange), "the page agrees with the exchange")

    page = running.page()
    for endpoint in ("balance", "positions", "income", "commission_rate"):
        drift = series("bingx_exporter_schema_drift_total", endpoint=endpoint, kind="unknown_field")
        assert page[drift] > 0


def test_a_ledger_that_fails_stops_the_counters_and_not_the_gauges(
    start: Start, exchange: Exchange, tmp_path: Path
) -> None:
    running = start()
    wait(is_up_to_date(running, exchange), "all is well")
    ledger = running.app._ledger
    assert ledger is not None
    ledger.close()

    exchange.tell("income", account="alpha", amount="1")

    wait(lambda: status(running, "alpha", "income") == 0, "the failure shows")
    page = running.page()
    assert [value for key, value in page.items() if key[0] == "bingx_exporter_ledger_failures_total"]
    assert status(running, "alpha", "balance") == 1
    assert not [
        key
        for key in page
        if key[0] == "bingx_collector_failures_total"
        and ("collector", "income") in key[1]
        and ("account", "alpha") in key[1]
    ]


def test_a_locked_ledger_stops_the_counters_and_not_the_gauges(
    start: Start, exchange: Exchange, tmp_path: Path
) -> None:
    running = start()
    wait(is_up_to_date(running, exchange), "all is well")
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        exchange.tell("open", account="alpha", symbol="LTC-USDT", side="LONG", amount="1")
        exchange.tell("income", account="alpha", amount="1")
        wait(lambda: status(running, "alpha", "income") == 0, "the failure shows")

        seen = [gauges(running.page(), "alpha") for _ in range(20) if not threading.Event().wait(0.1)]

        assert all("bingx_position_amount" in one and "bingx_account_equity" in one for one in seen)
        began = time.monotonic()  # noqa: TID251 - the time of the test
        running.app.stop()
        # The other process holds it for ever: whoever waits for it waits for 5 s at least.
        assert time.monotonic() - began < 4  # noqa: TID251 - the same
        other.execute("ROLLBACK")


def test_a_fault_of_ours_shows_and_the_income_recovers(
    start: Start, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.polling.scheduler._CRASH_PAUSE", 2.0)
    running = start()
    wait(is_up_to_date(running, exchange), "all is well")
    record = AccountBook.record_window
    faults = iter([True])

    def broken(book: AccountBook, *arguments: Any, **more: Any) -> Recorded:  # noqa: ANN401 - passed on
        if book.name == "alpha" and next(faults, False):
            message = "a fault of ours"
            raise RuntimeError(message)
        return record(book, *arguments, **more)

    monkeypatch.setattr(AccountBook, "record_window", broken)

    wait(lambda: status(running, "alpha", "income") == 0, "the fault shows")
    exchange.tell("income", account="alpha", amount="1")
    wait(lambda: status(running, "alpha", "income") == 1, "it goes on")
    wait(is_up_to_date(running, exchange), "nothing is lost")


def test_income_goes_on_after_the_exchanges_clock_was_put_forward_and_back(start: Start, exchange: Exchange) -> None:
    running = start()
    wait(is_up_to_date(running, exchange), "all is well")
    watermark = series("bingx_income_watermark_timestamp_seconds", account="alpha")
    before = running.page()[watermark]

    exchange.tell("clock", offset_seconds=10_800)
    wait(lambda: running.page().get(watermark, 0) > before + 10_000, "the exchange is three hours ahead", seconds=30)
    exchange.tell("clock", offset_seconds=0)
    wait(lambda: status(running, "alpha", "balance") == 1, "the clock is corrected")
    sent = exchange.calls()["outcomes"]["alpha"]["income"]

    wait(lambda: exchange.calls()["outcomes"]["alpha"]["income"] != sent, "income is asked for", seconds=30)
    wait(lambda: status(running, "alpha", "income") == 1, "and answered")


def test_an_account_behind_a_dead_proxy_takes_the_clock_from_nobody(
    start: Start, exchange: Exchange, tmp_path: Path
) -> None:
    exchange.tell("clock", offset_seconds=20)
    config = exchange.config(tmp_path)
    document = yaml.safe_load(config.read_text())
    document["accounts"][0]["proxy"] = "http://127.0.0.1:9"
    config.write_text(yaml.safe_dump(document))

    running = start(config)

    wait(lambda: status(running, "beta", "balance") == 1, "another account is well")
    host = exchange.url.removeprefix("http://")
    assert running.page()[series("bingx_api_clock_offset_seconds", host=host)] == pytest.approx(20, abs=1)
    assert running.page()[series("bingx_up", account="alpha")] == 0
    assert not [labels for _, labels in running.page() if ("reason", "clock_skew") in labels]


def test_a_key_that_is_taken_again_brings_back_what_polls_once_an_hour(start: Start, exchange: Exchange) -> None:
    running = start(collectors={"commission_rate": {"interval": "1h"}})
    wait(is_up_to_date(running, exchange), "all is well")

    exchange.tell("faults", kind="code", code=100419, account="alpha", seconds=3)
    wait(lambda: status(running, "alpha", "commission_rate") == 0, "the refusal holds the whole account")

    wait(lambda: status(running, "alpha", "commission_rate") == 1, "fees are back with the rest", seconds=40)

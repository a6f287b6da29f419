"""The second host of the exchange: one simulated exchange behind two ports, either of which can be cut."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.exchange import Exchange
from support.exposition import Series, series
from support.forwarder import Forwarder
from support.heard import heard
from support.processes import eventually
from support.world import expected_gauges, expected_income

from exporter.app.checkup import check_accounts, usable
from exporter.app.workbooks import Workbooks
from exporter.clock import SystemClock
from exporter.config import load
from exporter.ledger import Window

from .conftest import Running

pytestmark = pytest.mark.timeout(90)

Start = Callable[..., Running]
TIME = "/openApi/swap/v2/server/time"


@pytest.fixture
def first(exchange: Exchange) -> Iterator[Forwarder]:
    with Forwarder(exchange.url) as forwarder:
        yield forwarder


@pytest.fixture
def second(exchange: Exchange) -> Iterator[Forwarder]:
    with Forwarder(exchange.url) as forwarder:
        yield forwarder


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    with heard("info") as text:
        yield text


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rule, with less patience."""
    monkeypatch.setattr("exporter.bingx.fallback.UNREACHED_SECONDS", 1.0)
    monkeypatch.setattr("exporter.bingx.fallback.UNANSWERED_SECONDS", 2.0)
    monkeypatch.setattr("exporter.polling.host.PROBE_SECONDS", 1.0)


def wait(condition: Callable[[], object], what: str, *, seconds: float = 25) -> None:
    eventually(condition, seconds=seconds, what=what)


def configured(exchange: Exchange, folder: Path, hosts: Mapping[str, str], **of_alpha: str) -> Path:
    path = exchange.config(folder)
    document = yaml.safe_load(path.read_text())
    for account in document["accounts"]:
        del account["base_url"]
        account.update(hosts)
    document["accounts"][0].update(of_alpha)
    path.write_text(yaml.safe_dump(document))
    return path


def both(first: Forwarder, second: Forwarder) -> dict[str, str]:
    return {"base_url": first.url, "fallback_url": second.url}


def is_up_to_date(running: Running, exchange: Exchange) -> Callable[[], bool]:
    def agreed() -> bool:
        world, page = exchange.world(), running.page()
        for key, value in (expected_gauges(world) | expected_income(world)).items():
            assert page[key] == pytest.approx(value, rel=1e-12), key
        return True

    return agreed


def all_well(running: Running) -> Callable[[], bool]:
    return lambda: all(
        running.page()[series("bingx_collector_success", account=name, collector=collector)] == 1
        for name in ("alpha", "beta", "gamma")
        for collector in ("balance", "positions")
    )


def failures(page: Mapping[Series, float]) -> float:
    return sum(value for key, value in page.items() if key[0] == "bingx_collector_failures_total")


def hosts_shown(running: Running) -> set[str]:
    return {dict(labels)["host"] for name, labels in running.page() if name == "bingx_api_clock_offset_seconds"}


def moves(said: io.StringIO) -> list[str]:
    return ["WARN" if "level=WARN" in line else "INFO" for line in said.getvalue().splitlines() if "fallback=" in line]


def test_income_counts_once_while_calls_go_to_the_second_host_and_back(
    start: Start, exchange: Exchange, first: Forwarder, second: Forwarder, tmp_path: Path, said: io.StringIO
) -> None:
    running = start(configured(exchange, tmp_path, both(first, second)))
    wait(is_up_to_date(running, exchange), "all is well by the first host")
    assert (second.asked(), hosts_shown(running)) == ([], {first.name})

    first.cut()
    exchange.tell("income", account="alpha", amount="7.25")
    exchange.tell("open", account="beta", symbol="LTC-USDT", side="LONG", amount="1")
    wait(all_well(running), "all is well by the second host")
    wait(is_up_to_date(running, exchange), "what happened meanwhile is there")
    assert hosts_shown(running) == {second.name}
    assert second.asked()[0] == TIME

    first.asked()
    first.join()
    wait(lambda: hosts_shown(running) == {first.name}, "the first host is used again")
    assert first.asked()[0] == TIME
    exchange.tell("income", account="alpha", amount="-3")
    wait(is_up_to_date(running, exchange), "all is well by the first host again")
    second.asked()
    wait(lambda: len(first.asked()) > 0, "polls go on")
    assert second.asked() == []
    assert moves(said) == ["WARN", "INFO"]


def test_a_name_that_does_not_resolve_leads_to_the_second_host(
    start: Start, exchange: Exchange, second: Forwarder, tmp_path: Path
) -> None:
    hosts = {"base_url": "http://nosuch.invalid", "fallback_url": second.url}
    running = start(configured(exchange, tmp_path, hosts))

    wait(is_up_to_date(running, exchange), "the page agrees with the exchange", seconds=40)
    assert not [labels for _, labels in running.page() if ("reason", "clock_skew") in labels]


def test_a_host_that_takes_calls_and_answers_none_leads_to_the_second_host(
    start: Start, exchange: Exchange, first: Forwarder, second: Forwarder, tmp_path: Path
) -> None:
    running = start(configured(exchange, tmp_path, both(first, second), timeout="1s"))
    wait(is_up_to_date(running, exchange), "all is well by the first host")

    first.is_silent = True

    wait(lambda: hosts_shown(running) == {second.name}, "the second host is used", seconds=40)
    wait(all_well(running), "all is well by the second host")


ANSWERS: Mapping[str, dict[str, Any]] = {
    "HTTP 500": {"kind": "status", "status": 500, "body": "empty"},
    "HTTP 504": {"kind": "status", "status": 504, "body": "html"},
    "HTTP 403": {"kind": "status", "status": 403, "body": "html"},
    "HTTP 429": {"kind": "status", "status": 429, "body": "empty"},
    "code 100410": {"kind": "code", "code": 100410, "message": "no"},
    "code 109400": {"kind": "code", "code": 109400, "message": "no"},
    "code 100421": {"kind": "code", "code": 100421, "message": "timestamp is invalid"},
    "a cut body": {"kind": "cut"},
    "a web page": {"kind": "html"},
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for patience in ("UNREACHED_SECONDS", "UNANSWERED_SECONDS"):
        monkeypatch.setattr(f"exporter.bingx.fallback.{patience}", 0.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_never_leads_to_the_second_host(
    answer: str,
    start: Start,
    exchange: Exchange,
    first: Forwarder,
    second: Forwarder,
    tmp_path: Path,
) -> None:
    running = start(configured(exchange, tmp_path, both(first, second)))
    wait(all_well(running), "all is well")

    exchange.tell("faults", **ANSWERS[answer])

    wait(lambda: failures(running.page()) >= 10, "every collector of every account has failed")
    assert second.asked() == []
    assert hosts_shown(running) == {first.name}


def test_accounts_by_another_egress_address_stay_where_they_are(
    start: Start, exchange: Exchange, first: Forwarder, second: Forwarder, tmp_path: Path
) -> None:
    running = start(configured(exchange, tmp_path, both(first, second), source_address="127.0.9.1"))
    wait(is_up_to_date(running, exchange), "all is well by the first host")

    first.denied = frozenset({"127.0.9.1"})
    first.reset()

    wait(lambda: hosts_shown(running) == {first.name, second.name}, "alpha's calls have moved")
    wait(all_well(running), "everybody is well")
    assert {host for host, _ in second.requests} == {"127.0.9.1"}


def test_with_neither_host_in_reach_nothing_moves_and_nothing_is_hammered(
    start: Start, exchange: Exchange, first: Forwarder, second: Forwarder, tmp_path: Path, said: io.StringIO
) -> None:
    running = start(configured(exchange, tmp_path, both(first, second)))
    wait(all_well(running), "all is well")
    second.cut()
    first.cut()
    wait(lambda: failures(running.page()) >= 20, "calls fail", seconds=40)

    first.join()

    wait(is_up_to_date(running, exchange), "all is well by the first host again")
    assert moves(said) == []


def test_check_says_that_the_second_host_was_asked(
    exchange: Exchange, first: Forwarder, second: Forwarder, tmp_path: Path
) -> None:
    first.cut()
    config = load(configured(exchange, tmp_path, both(first, second)), environ={})

    findings = list(check_accounts(config, clock=SystemClock()))

    assert usable(findings)
    told = [finding for finding in findings if finding.endpoint == "server_time"]
    assert [finding.account for finding in told] == ["alpha", "beta", "gamma"]
    for finding in told:
        assert finding.works
        assert finding.detail == f"{first.name} cannot be reached, {second.name} was asked instead"
        assert first.name in finding.mend
    assert second.asked().count(TIME) == len(told)


def test_check_says_nothing_of_a_second_host_that_was_not_needed_or_did_not_help(
    exchange: Exchange, first: Forwarder, second: Forwarder, tmp_path: Path
) -> None:
    config = load(configured(exchange, tmp_path, both(first, second)), environ={})
    assert not [one for one in check_accounts(config, clock=SystemClock()) if "instead" in one.detail]
    assert second.asked() == []

    first.cut()
    second.cut()
    outcomes = {one.outcome for one in check_accounts(config, clock=SystemClock())}
    assert outcomes == {"connection"}


def test_a_workbook_is_fetched_from_the_second_host(
    exchange: Exchange, first: Forwarder, second: Forwarder, tmp_path: Path
) -> None:
    account = load(configured(exchange, tmp_path, both(first, second)), environ={}).accounts[0]
    end = SystemClock().now().replace(microsecond=0)
    period = Window(end - timedelta(days=5), end)
    with Workbooks(SystemClock()) as workbooks:
        rows = workbooks.fetch(account, period).rows
        assert rows
        first.cut()
        assert workbooks.fetch(account, period).rows == rows
    assert second.asked()

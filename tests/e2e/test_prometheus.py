"""The whole way: a simulated exchange, the installed command, and a real Prometheus that scrapes it."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.exchange import Exchange
from support.exposition import Series, families_of_openmetrics, families_of_text, samples
from support.processes import Exporter, Prometheus, eventually, exporter, get, prometheus, run
from support.world import expected_gauges, expected_income, without_idle

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("e2e")]

LOCAL = "--web.listen-address=127.0.0.1:0"
OF_INCOME = "income_(credited|debited|entries)_total"
OF_THE_WORLD = f'{{__name__=~"bingx_(account_.+|positions?|position_.+|commission_rate|{OF_INCOME})"}}'


def read(metrics: Prometheus, selector: str) -> dict[Series, float]:
    found = {}
    for labels, value in metrics.query(selector).items():
        plain = dict(labels)
        found[plain.pop("__name__"), frozenset(plain.items())] = value
    return found


def close_to(expected: Mapping[Series, float]) -> dict[Series, object]:
    """Derived ratios are rounded where they are derived; everything else is exact."""
    return {
        key: pytest.approx(value, rel=1e-12) if "ratio" in key[0] or "price" in key[0] else value
        for key, value in expected.items()
    }


def settled(process: Exporter) -> None:
    """Wait until the income history is in the ledger and on the page."""
    process.ready()
    eventually(lambda: process.log.count("The income history has been read") == 2, what="two baselines", seconds=30)


def of_the_exchange(found: Mapping[Series, float]) -> dict[Series, float]:
    ours = {"bingx_account_info", "bingx_account_series_cut"}
    return {key: value for key, value in found.items() if key[0] not in ours}


def test_prometheus_says_what_the_exchange_says(exchange: Exchange, tmp_path: Path) -> None:
    with exporter(f"--config.file={exchange.config(tmp_path)}", LOCAL, folder=tmp_path) as process:
        settled(process)
        with prometheus(urlsplit(process.url).netloc, tmp_path) as metrics:
            world = exchange.world()
            expected = expected_gauges(world) | expected_income(world)

            def agreed() -> bool:
                assert without_idle(of_the_exchange(read(metrics, OF_THE_WORLD))) == close_to(expected)
                return True

            eventually(agreed, what="Prometheus agrees with the exchange")
            assert read(metrics, "bingx_account_info").keys() == {
                ("bingx_account_info", frozenset({("account", name), ("environment", "live")}))
                for name in ("alpha", "beta", "gamma")
            }
            assert set(read(metrics, "bingx_income_complete").values()) == {1.0}
            assert_health(read(metrics, '{__name__=~"bingx_(up|collector_.+)"}'))
            assert_every_metric_is_there(metrics)


def assert_health(found: Mapping[Series, float]) -> None:
    def value(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    for account in ("alpha", "beta", "gamma"):
        assert value("bingx_up", account=account) == 1
        for collector, interval in (("balance", 1), ("positions", 1), ("income", 1), ("commission_rate", 2)):
            here = {"account": account, "collector": collector}
            refused = account == "gamma" and collector in {"income", "commission_rate"}
            assert value("bingx_collector_success", **here) == (not refused)
            assert value("bingx_collector_interval_seconds", **here) == interval
            assert (value("bingx_collector_consecutive_failures", **here) > 0) == refused
            if refused:
                assert value("bingx_collector_failures_total", reason="permission_denied", **here) > 0
            else:
                assert value("bingx_collector_last_success_timestamp_seconds", **here) > 1_700_000_000


def assert_every_metric_is_there(metrics: Prometheus) -> None:
    catalogue = {entry["name"]: entry for entry in json.loads(run("metrics", "--format=json").stdout)}
    histogram = {name for name, entry in catalogue.items() if entry["type"] == "histogram"}
    only_in_trouble = {
        "bingx_api_blocked_until_timestamp_seconds",
        "bingx_exporter_schema_drift_total",
        "bingx_exporter_ledger_failures_total",
    }
    switched_on = {
        "bingx_income_reconciliation_difference",
        "bingx_income_reconciliation_differing_rows",
        "bingx_exporter_web_config_last_reload_successful",
    }
    seen = {name for name, _ in read(metrics, '{__name__=~"bingx_.+"}')}

    assert catalogue.keys() - histogram - only_in_trouble - switched_on - seen == set()
    assert {f"{name}_bucket" for name in histogram} <= seen
    known = catalogue.keys() | {name + part for name in histogram for part in ("_bucket", "_count", "_sum")}
    assert {name for name in seen if not name.endswith("_created")} - known == set()


def test_a_closed_position_is_gone_from_prometheus_at_the_next_scrape(exchange: Exchange, tmp_path: Path) -> None:
    (position,) = [one for one in exchange.world(account="alpha")["accounts"][0]["positions"] if "SOL" in one["symbol"]]
    selector = 'bingx_position_amount{account="alpha",symbol="SOL-USDT"}'
    with exporter(f"--config.file={exchange.config(tmp_path)}", LOCAL, folder=tmp_path) as process:
        process.ready()
        with prometheus(urlsplit(process.url).netloc, tmp_path) as metrics:
            eventually(lambda: metrics.query(selector), what="the position is there")

            exchange.tell("close", account="alpha", position_id=position["position_id"])

            eventually(lambda: not metrics.query(selector), seconds=5, what="the position is gone")
            assert metrics.query('bingx_position_amount{account="alpha"}')


def test_an_outage_withdraws_gauges_and_keeps_counters(exchange: Exchange, tmp_path: Path) -> None:
    gauges = '{__name__=~"bingx_(account_equity|positions|position_.+|commission_rate|income_complete)"}'
    with exporter(f"--config.file={exchange.config(tmp_path)}", LOCAL, folder=tmp_path) as process:
        settled(process)
        with prometheus(urlsplit(process.url).netloc, tmp_path) as metrics:
            eventually(lambda: metrics.query(gauges), what="gauges are there")
            counters = read(metrics, f'{{__name__=~"bingx_{OF_INCOME}"}}')

            exchange.tell("faults", kind="silent")

            eventually(lambda: not metrics.query(gauges), seconds=20, what="stale gauges have left")
            assert read(metrics, f'{{__name__=~"bingx_{OF_INCOME}"}}') == counters
            assert set(metrics.query("bingx_up").values()) == {0.0}
            assert metrics.query('bingx_collector_failures_total{reason="timeout"}')

            exchange.tell("faults/clear")
            eventually(lambda: metrics.query(gauges), seconds=30, what="gauges are back")


def test_counters_survive_a_restart_and_count_what_happened_meanwhile(exchange: Exchange, tmp_path: Path) -> None:
    config = exchange.config(tmp_path)
    with exporter(f"--config.file={config}", LOCAL, folder=tmp_path) as process:
        settled(process)
        before = without_idle(process.income())
        assert before == expected_income(exchange.world())
        assert process.end() == 0

    exchange.tell("income", account="alpha", income_type="FUNDING_FEE", amount="-1.25", count=3, ago_seconds=5)
    with exporter(f"--config.file={config}", LOCAL, folder=tmp_path) as process:
        process.ready()
        after = expected_income(exchange.world())
        assert after != before

        def agreed() -> bool:
            assert without_idle(process.income()) == after
            return True

        eventually(agreed, what="the counters include what happened while it was down")


def test_a_kill_loses_and_doubles_nothing(exchange: Exchange, tmp_path: Path) -> None:
    config = exchange.config(tmp_path)
    for _ in range(3):
        with exporter(f"--config.file={config}", LOCAL, folder=tmp_path) as process:
            process.ready()
            process.end(signal.SIGKILL)
    with exporter(f"--config.file={config}", LOCAL, folder=tmp_path) as process:
        process.ready()

        def agreed() -> bool:
            assert without_idle(process.income()) == expected_income(exchange.world())
            return True

        eventually(agreed, seconds=30, what="the counters agree with the exchange")


def test_both_formats_say_the_same_and_promtool_finds_no_fault(exchange: Exchange, tmp_path: Path) -> None:
    with exporter(f"--config.file={exchange.config(tmp_path)}", LOCAL, folder=tmp_path) as process:
        settled(process)
        exchange.tell("faults", kind="silent")
        text = samples(families_of_text(process.page()))
        _, page = get(f"{process.url}/metrics", headers={"Accept": "application/openmetrics-text"})
        openmetrics = samples(families_of_openmetrics(page))

    def ours(found: Mapping[Series, float]) -> dict[Series, float]:
        return {
            key: value
            for key, value in found.items()
            if key[0].startswith("bingx_")
            and not key[0].endswith(("_created", "_last_turn_timestamp_seconds"))
            and "_api_" not in key[0]
        }

    assert ours(text) == ours(openmetrics)
    created = [name for name, _ in openmetrics if name == "bingx_income_credited_created"]
    assert created
    assert not [name for name, _ in text if name.endswith("_created")]

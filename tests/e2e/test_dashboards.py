"""Every expression of the dashboards on a real Prometheus: none is empty, and what they say is right."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from support.exchange import Exchange
from support.processes import Prometheus, eventually, exporter, get, prometheus_with

from bench.ports import free_port
from exporter.simulator import Options, Simulator

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("e2e")]

FILES: Final = sorted((Path(__file__).resolve().parents[2] / "deploy" / "grafana").glob("*.json"))
CHOSEN: Final = {
    "$__rate_interval": "15s",
    "$__range": "3600s",
    "$account": ".*",
    "$asset": "USDT",
    "$symbol": ".*",
}
RECONCILED: Final = {"collectors": {"reconciliation": {"enabled": True, "interval": "5s"}}}
DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Asked:
    """An expression, where it stands, and the step of its graph in seconds; `None` asks for one moment."""

    where: str
    expr: str
    step: int | None


def substituted(expr: str) -> str:
    for variable, value in CHOSEN.items():
        expr = expr.replace(variable, value)
    assert "$" not in expr, expr
    return expr


def panels(path: Path) -> list[dict[str, Any]]:
    return [panel for panel in json.loads(path.read_text("utf-8"))["panels"] if panel["type"] != "row"]


def expressions(path: Path) -> Iterator[Asked]:
    for panel in panels(path):
        step = DAY if panel.get("interval") == "1d" else 5
        for target in panel["targets"]:
            where = f"{path.stem} / {panel['title']} / {target['refId']}"
            yield Asked(where, substituted(target["expr"]), None if target["instant"] else step)
    for annotation in json.loads(path.read_text("utf-8"))["annotations"]["list"]:
        yield Asked(f"{path.stem} / {annotation['name']}", annotation["expr"], 60)


def ask(metrics: Prometheus, asked: Asked) -> list[dict[str, Any]]:
    """Return the series as Grafana gets them: of this moment, over the last minute, or of yesterday and today."""
    now = time.time()  # noqa: TID251 - the clock of the real Prometheus
    if asked.step is None:
        call = f"query?{urlencode({'query': asked.expr})}"
    else:
        end = now // asked.step * asked.step
        span = {"start": end - max(asked.step, 60), "end": end, "step": asked.step}
        call = f"query_range?{urlencode({'query': asked.expr, **span})}"
    status, text = get(f"{metrics.url}/api/v1/{call}")
    assert status == 200, f"{asked.where}: {text}"
    return list(json.loads(text)["data"]["result"])


def numbers(series: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return all finite numbers of an answer."""
    samples = [sample for one in series for sample in one.get("values", [one.get("value")])]
    return [number for _, text in samples if math.isfinite(number := float(text))]


def empty(metrics: Prometheus, asked: Sequence[Asked]) -> list[str]:
    return [one.where for one in asked if not numbers(ask(metrics, one))]


@contextmanager
def scraping(targets: Sequence[str], folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes every second; each target is a replica to it."""
    job = {"job_name": "bingx", "static_configs": [{"targets": list(targets)}]}
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}
    with prometheus_with(json.dumps(config), folder) as metrics:
        yield metrics


@pytest.fixture(scope="module")
def drawdown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """The demo's exchange in its drawdown, with a ban and an unknown field on top, scraped until nothing is missing."""
    folder = tmp_path_factory.mktemp("drawdown")
    with Simulator(Options(scenario="drawdown")) as simulator:
        exchange = Exchange(simulator)
        config = exchange.config(folder, **RECONCILED)
        port = free_port()
        with (
            exporter(f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", folder=folder) as process,
            scraping([f"127.0.0.1:{port}"], folder) as metrics,
        ):
            process.ready()
            exchange.tell("faults", kind="new_field", count=3)
            ends = round(time.time() * 1000) + 600_000  # noqa: TID251 - as the exchange writes it
            exchange.tell(
                "faults",
                kind="code",
                account="beta",
                endpoint="commission_rate",
                code=100410,
                message=f"rate limited, will be unblocked after {ends}",
                count=1,
            )
            left = [asked for path in FILES for asked in expressions(path)]

            def filled() -> bool:
                missing = set(empty(metrics, left))
                left[:] = [asked for asked in left if asked.where in missing]
                assert not left, sorted(missing)
                return True

            eventually(filled, seconds=90, what="every expression has had data")
            yield metrics


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_panel_is_empty(path: Path, drawdown: Prometheus) -> None:
    asked = list(expressions(path))
    assert len(asked) > len(panels(path))
    assert empty(drawdown, asked) == []


def test_a_misspelt_metric_is_noticed(drawdown: Prometheus) -> None:
    asked = [
        Asked(one.where, one.expr.replace("bingx_account_equity", "bingx_account_equitty"), one.step)
        for path in FILES
        for one in expressions(path)
    ]
    missing = empty(drawdown, asked)
    assert any(where.startswith("bingx-overview / Equity ($asset)") for where in missing)
    assert any(where.startswith("bingx-account / Effective leverage") for where in missing)


def test_every_variable_has_values(drawdown: Prometheus) -> None:
    for path in FILES:
        for variable in json.loads(path.read_text("utf-8"))["templating"]["list"]:
            if variable["type"] == "query":
                series, _, label = (
                    variable["definition"].removeprefix("label_values(").removesuffix(")").rpartition(", ")
                )
                found = drawdown.query(f"count by ({label}) ({substituted(series)})")
                assert len(found) > 1, variable["name"]


def rows(metrics: Prometheus, path: Path, title: str) -> dict[frozenset[tuple[str, str]], dict[str, float]]:
    """Return a table as Grafana joins it: the labels of a row -> names of columns -> numbers."""
    (panel,) = [one for one in panels(path) if one["title"] == title]
    names = panel["transformations"][1]["options"]["renameByName"]
    found: dict[frozenset[tuple[str, str]], dict[str, float]] = {}
    for target in panel["targets"]:
        for one in ask(metrics, Asked(title, substituted(target["expr"]), None)):
            labels = frozenset(one["metric"].items())
            assert names.get(f"Value #{target['refId']}") not in found.get(labels, {})
            found.setdefault(labels, {})[names[f"Value #{target['refId']}"]] = float(one["value"][1])
    return found


def board(name: str) -> Path:
    (path,) = [path for path in FILES if path.stem == name]
    return path


def one_number(metrics: Prometheus, name: str, title: str) -> float:
    (panel,) = [one for one in panels(board(name)) if (one["title"], one["type"]) == (title, "stat")]
    (number,) = numbers(ask(metrics, Asked(title, substituted(panel["targets"][0]["expr"]), None)))
    return number


def of_days(metrics: Prometheus) -> dict[str, float]:
    """Return what the bars of today and yesterday add up to, in case that midnight is between them."""
    return {kind: sum(values) for kind, values in by_type(metrics, "Income by type and day ($asset)", DAY).items()}


def of_all_time(metrics: Prometheus) -> dict[str, float]:
    return {kind: values[-1] for kind, values in by_type(metrics, "By type, cumulative ($asset)", 5).items()}


def by_type(metrics: Prometheus, title: str, step: int) -> dict[str, list[float]]:
    (panel,) = [one for one in panels(board("bingx-income")) if one["title"] == title]
    series = ask(metrics, Asked(title, substituted(panel["targets"][0]["expr"]), step))
    return {one["metric"]["income_type"]: numbers([one]) for one in series}


def test_tables_say_what_the_exchange_says_although_two_replicas_do(exchange: Exchange, tmp_path: Path) -> None:
    """One exporter under two addresses is what two of them with the same data are to Prometheus."""
    port = free_port()
    config = exchange.config(tmp_path)
    with (
        exporter(f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", folder=tmp_path) as process,
        scraping([f"127.0.0.1:{port}", f"localhost:{port}"], tmp_path) as metrics,
    ):
        process.ready()
        eventually(lambda: set(metrics.query("count by (account) (bingx_up)").values()) == {2.0}, what="two replicas")
        world = exchange.world()["accounts"]
        eventually(
            lambda: set(metrics.query("count by (account) (bingx_positions)").values()) == {2.0}, what="positions"
        )

        positions = rows(metrics, board("bingx-account"), "Positions ($asset)")
        held = {
            (one["name"], position["symbol"], position["side"], position["margin_mode"])
            for one in world
            for position in one["positions"]
            if position["asset"] == "USDT"
        }
        keys = [dict(labels) for labels in positions]
        assert {(key["account"], key["symbol"], key["side"], key["margin_mode"]) for key in keys} == held
        assert len(keys) == len(held)
        assert all({"Size", "Entry", "Mark", "Leverage", "PnL"} <= row.keys() for row in positions.values())
        assert any("Distance" in row for row in positions.values())

        accounts = rows(metrics, board("bingx-overview"), "Accounts ($asset)")
        equity = {one["name"]: float(one["balances"]["USDT"]["equity"]) for one in world}
        assert {dict(labels)["account"]: row["Equity"] for labels, row in accounts.items()} == equity
        assert one_number(metrics, "bingx-overview", "Equity ($asset)") == pytest.approx(sum(equity.values()))


def test_the_income_of_a_day_is_exact_over_a_restart(exchange: Exchange, tmp_path: Path) -> None:
    port = free_port()
    config = exchange.config(tmp_path)
    flags = (f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}")

    def told(amounts: Mapping[str, float]) -> None:
        """Wait until the day, the chosen time and all time agree with what was added."""

        def agreed() -> bool:
            total = of_all_time(metrics)
            assert {kind: value for kind, value in of_days(metrics).items() if value} == pytest.approx(amounts)
            assert {kind: total[kind] for kind in amounts} == pytest.approx(amounts)
            return True

        eventually(agreed, seconds=40, what=f"the dashboard says {amounts}")
        net = one_number(metrics, "bingx-income", "Net ($asset)")
        assert net == pytest.approx(sum(amounts.values()))

    with scraping([f"127.0.0.1:{port}", f"localhost:{port}"], tmp_path) as metrics:
        with exporter(*flags, folder=tmp_path) as process:
            process.ready()
            eventually(lambda: metrics.query('bingx_income_complete{account="alpha"} == 1'), what="the history is read")
            exchange.tell("income", account="alpha", income_type="GTD_PRICE", amount="-1.25", count=3)
            told({"GTD_PRICE": -3.75})
            process.end(signal.SIGKILL)
        exchange.tell("income", account="alpha", income_type="GTD_PRICE", amount="-2.5", count=1)
        with exporter(*flags, folder=tmp_path) as process:
            process.ready()
            exchange.tell("income", account="beta", income_type="SYSTEM_DEDUCTION", amount="-0.125", count=2)
            told({"GTD_PRICE": -6.25, "SYSTEM_DEDUCTION": -0.25})

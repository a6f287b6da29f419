"""No increment is missed: what a real Prometheus has seen of the counters adds up to what happened, entry for entry."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from support.exchange import Exchange
from support.processes import Exporter, Prometheus, eventually, exporter, prometheus
from support.world import expected_income

from bench.ports import free_port

pytestmark = pytest.mark.timeout(180)

ROUNDS = 6
COUNTERS = '{__name__=~"bingx_income_(credited|debited|entries)_total"}'


@contextmanager
def agreeing(exchange: Exchange, config: Path, port: int, folder: Path) -> Iterator[Exporter]:
    """Run an exporter until its page agrees with the exchange, series that stand at 0 aside."""
    with exporter(f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", folder=folder) as process:
        process.ready()

        def agreed() -> bool:
            moved = {key: value for key, value in process.income().items() if value}
            assert moved == {key: value for key, value in expected_income(exchange.world()).items() if value}
            return True

        eventually(agreed, seconds=30, what="the counters agree with the exchange")
        yield process


def scraped(metrics: Prometheus, process: Exporter) -> None:
    """Wait until Prometheus has what the page says."""
    page = process.income()

    def seen() -> bool:
        found = {}
        for labels, value in metrics.query(COUNTERS).items():
            plain = dict(labels)
            found[plain.pop("__name__"), frozenset(plain.items())] = value
        assert found == page
        return True

    eventually(seen, what="Prometheus has scraped the page")


def happen(exchange: Exchange, rng: random.Random, number: int) -> None:
    """Let income happen: of known series, of a symbol never seen, in one second, identical, and late."""
    for account in ("alpha", "beta"):
        exchange.tell("income", account=account, amount=f"{rng.randint(-999, 999)}.25", income_type="FUNDING_FEE")
        exchange.tell("income", account=account, symbol=f"NEW{number}-USDT", amount=f"{rng.randint(1, 99)}.5", count=3)
        exchange.tell("income", account=account, amount="-0.125", count=2, identical=True, income_type="TRADING_FEE")
        exchange.tell("income", account=account, amount="7", ago_seconds=400, income_type="REALIZED_PNL")


def test_the_increments_that_prometheus_saw_are_what_happened(exchange: Exchange, tmp_path: Path) -> None:
    rng = random.Random(20261122)
    config, port = exchange.config(tmp_path), free_port()
    with prometheus(f"127.0.0.1:{port}", tmp_path) as metrics:
        with agreeing(exchange, config, port, tmp_path) as process:
            scraped(metrics, process)
            baseline = process.income()
        for number in range(ROUNDS):
            if rng.random() < 0.5:
                happen(exchange, rng, number)
            with exporter(
                f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", folder=tmp_path
            ) as process:
                process.ready()
                happen(exchange, rng, number + ROUNDS)
                eventually(lambda: process.process.poll() is None and rng.random() < 0.2, what="a random moment")
                process.end(rng.choice([signal.SIGKILL, signal.SIGTERM]))
        with agreeing(exchange, config, port, tmp_path) as process:
            scraped(metrics, process)
            final = process.income()
        raw = metrics.raw(COUNTERS)

    assert len(final) > len(baseline)
    for key, total in final.items():
        values = [value for _, value in raw[frozenset({("__name__", key[0]), *key[1]})]]
        steps = [later - earlier for earlier, later in pairwise(values)]
        assert values[0] == baseline.get(key, 0.0), key
        assert min(steps, default=0.0) >= 0, key
        assert sum(steps) == pytest.approx(total - baseline.get(key, 0.0), abs=1e-6), key

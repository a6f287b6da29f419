"""How long a change at the exchange takes to be on /metrics.

Owns an exporter of one account that asks for positions every second, and an exchange that answers after 150 ms. A
position is opened or closed there at a random moment, and the page is read until it shows that.
"""

from __future__ import annotations

import json
import random
import re
import urllib.request
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING, Final

from bench.measure import Benchmark, Case, percentile
from bench.processes import Exchange, configuration, exchange
from bench.references.server import Scraper
from bench.watched import adjusted, watched
from exporter.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CASE: Final = "a position opened or closed"
GOAL_SECONDS: Final = 1.0 + 0.15 + 0.05
"""An interval, a round trip and 50 ms."""
_INTERVAL: Final = 1.0
_LATENCY: Final = 0.15
_CHANGES: Final = 100
_LOOK_AGAIN: Final = 0.002
_COLLECTORS: Final[Mapping[str, Mapping[str, object]]] = {"positions": {"interval": f"{_INTERVAL:g}s"}}
_POSITIONS: Final = re.compile(rb'^bingx_positions\{account="[^"]*"\} (\S+)$', re.MULTILINE)


def delays(changes: int) -> tuple[float, float, float]:
    """Return after how many seconds changes were seen: median, p99, and the longest."""
    with (
        exchange(accounts=1, positions=0, history_days=0, trade_interval=0, funding_interval=0) as running,
        TemporaryDirectory(prefix="bingx-exporter-bench-") as folder,
    ):
        running.tell("latency", milliseconds=round(_LATENCY * 1000))
        setting = configuration(running, Path(folder), accounts=1)
        with watched(adjusted(setting, _COLLECTORS)) as exporter:
            seen = _measure(running, Scraper(f"{exporter.url}/metrics"), changes)
    return percentile(seen, 50), percentile(seen, 99), max(seen)


def _measure(running: Exchange, scraper: Scraper, changes: int) -> list[float]:
    clock, still, chance = SystemClock(), Event(), random.Random(1)
    seen: list[float] = []
    for _ in range(changes):
        still.wait(chance.uniform(0.0, _INTERVAL))
        before = _shown(scraper)
        asked = clock.elapsed()
        _change(running, opens=not before)
        while _shown(scraper) == before:
            still.wait(_LOOK_AGAIN)
        seen.append(clock.elapsed() - asked)
    scraper.close()
    return seen


def _change(running: Exchange, *, opens: bool) -> None:
    account = running.accounts[0]["name"]
    if opens:
        running.tell("open", account=account, symbol="BTC-USDT", side="LONG", amount="0.01", leverage=5)
        return
    with urllib.request.urlopen(f"{running.url}/_sim/world", timeout=10) as answer:
        (mine,) = json.load(answer)["accounts"][0]["positions"]
    running.tell("close", account=account, position_id=mine["position_id"])


def _shown(scraper: Scraper) -> float:
    found = _POSITIONS.search(scraper.scrape(gzip=False))
    if found is None:
        message = "the positions have left the page"
        raise RuntimeError(message)
    return float(found[1])


@contextmanager
def _cases() -> Iterator[tuple[Case]]:
    yield (Case(name=CASE, cost=partial(delays, _CHANGES), large=True),)


BENCHMARK: Final = Benchmark(
    name="freshness",
    title="Freshness",
    text=f"""\
How long a change at the exchange takes to be on `/metrics`: {_CHANGES} changes at random moments, positions polled
every {_INTERVAL:g} s, answers after {_LATENCY * 1000:.0f} ms. The page is read every few milliseconds until it shows
the change.""",
    quantities=("s, p50", "s, p99", "s, longest"),
    once=True,
    ratio=None,
    cases=_cases,
)

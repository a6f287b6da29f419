"""`python -m bench.freshness [--changes N]`: how long a change at the exchange takes to be on /metrics.

Owns an exporter of one account that asks for positions every second, from a simulated exchange in another process that
answers after 150 ms. A position is opened or closed there at a random moment, and the page is read until it shows that.
The goal: no longer than an interval, a round trip and 50 ms. Linux only; two minutes.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import urllib.request
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from threading import Event
from typing import Final

from bench.processes import Exchange, configuration, exchange
from exporter import logs
from exporter.app import App, Options
from exporter.clock import SystemClock
from exporter.config import load

_LATENCY: Final = 0.15
_INTERVAL: Final = 1.0
_GOAL: Final = _INTERVAL + _LATENCY + 0.05
_LOOK_AGAIN: Final = 0.002
_POSITIONS: Final = re.compile(r'^bingx_positions\{account="[^"]*"\} (\S+)$', re.MULTILINE)


def main() -> int:
    """Make changes, print after how many seconds they were seen, and return 1 if p99 misses the goal."""
    parser = argparse.ArgumentParser(description="How long a change at the exchange takes to be on /metrics.")
    parser.add_argument("--changes", type=int, default=100, help="how many (default: %(default)s)")
    flags = parser.parse_args()
    logs.configure("error", "logfmt")
    with (
        exchange(accounts=1, positions=0, history_days=0, trade_interval=0, funding_interval=0) as running,
        TemporaryDirectory(prefix="bingx-exporter-bench-") as folder,
    ):
        delays = _measure(running, folder, flags.changes)
    cuts = quantiles(delays, n=100)
    print(
        f"{len(delays)} changes, positions every {_INTERVAL:g} s, answers after {_LATENCY * 1000:.0f} ms: "
        f"seen after p50 {cuts[49]:.3f} s, p99 {cuts[98]:.3f} s, longest {max(delays):.3f} s; goal {_GOAL:.3f} s"
    )
    return 0 if cuts[98] <= _GOAL else 1


def _measure(running: Exchange, folder: str, changes: int) -> list[float]:
    setting = configuration(running, Path(folder), accounts=1)
    text = setting.path.read_text().replace("income:", f"positions: {{interval: {_INTERVAL:g}s}}\n    income:")
    setting.path.write_text(text)
    running.tell("latency", milliseconds=round(_LATENCY * 1000))
    clock, still, chance = SystemClock(), Event(), random.Random(1)
    delays: list[float] = []
    with App(load(setting.path, environ=setting.environ), Options(addresses=("127.0.0.1:0",))) as app:
        url = f"{app.urls[0]}/metrics"
        while _shown(url) is None:
            still.wait(0.1)
        for _ in range(changes):
            still.wait(chance.uniform(0.0, _INTERVAL))
            before = _shown(url)
            asked = clock.elapsed()
            _change(running, opens=not before)
            while _shown(url) == before:
                still.wait(_LOOK_AGAIN)
            delays.append(clock.elapsed() - asked)
    return delays


def _change(running: Exchange, *, opens: bool) -> None:
    account = running.accounts[0]["name"]
    if opens:
        running.tell("open", account=account, symbol="BTC-USDT", side="LONG", amount="0.01", leverage=5)
        return
    with urllib.request.urlopen(f"{running.url}/_sim/world", timeout=10) as answer:
        (mine,) = json.loads(answer.read())["accounts"][0]["positions"]
    running.tell("close", account=account, position_id=mine["position_id"])


def _shown(url: str) -> float | None:
    with urllib.request.urlopen(url, timeout=10) as answer:
        found = _POSITIONS.search(answer.read().decode())
    return None if found is None else float(found[1])


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.budget [--short]`: how well a crowd uses what the exchange allows, and how late its polls are.

Owns two crowds, each polled by a real exporter in this process from a simulated exchange in another one that keeps its
limits and answers after 150 ms. A thousand accounts on one address ask seven times what is allowed; four hundred on
four addresses ask for 200 calls a second, which is allowed. Linux only; seven minutes, or two with `--short`.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import urllib.request
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING, Any, Final

import yaml

from bench.processes import Exchange, exchange
from exporter import logs
from exporter.app import App, Options
from exporter.clock import SystemClock
from exporter.config import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.polling.scheduler import Scheduler

_LATENCY_MS: Final = 150
_SCRAPE_SECONDS: Final = 5.0
_SUCCESS: Final = re.compile(
    r'^bingx_collector_last_success_timestamp_seconds\{account="[^"]*",collector="(positions|balance)"\} (\S+)$',
    re.MULTILINE,
)
_CALLS: Final = re.compile(r'^bingx_api_requests_total\{endpoint="(positions|balance)"\} (\S+)$', re.MULTILINE)
_SHOWN: Final = {
    "positions": re.compile(r'^bingx_positions\{account="([^"]*)"', re.MULTILINE),
    "balance": re.compile(r'^bingx_account_equity\{account="([^"]*)"', re.MULTILINE),
}
_COLLECTORS: Final = ("positions", "balance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How many accounts poll by how many addresses, every so many seconds, and for how long they are watched."""

    name: str
    accounts: int
    addresses: int
    intervals: dict[str, str]
    settle: float
    seconds: float


@dataclass(slots=True)
class Lateness:
    """How many seconds after their due time polls began."""

    seconds: list[float] = field(default_factory=list)

    def watch(self, scheduler: Scheduler) -> None:
        """Note every poll that begins from now on."""
        begin, clock = scheduler._begin, SystemClock()  # noqa: SLF001 - nothing else knows when a poll begins

        def noting(task: Any, permit: Any) -> bool:  # noqa: ANN401 - passed on as it is
            due = scheduler._due[task][0]  # noqa: SLF001 - the same
            begun = begin(task, permit)
            if begun:
                self.seconds.append(clock.elapsed() - due)
            return begun

        scheduler._begin = noting  # type: ignore[method-assign]  # noqa: SLF001 - the same


@dataclass(frozen=True, slots=True)
class Page:
    """How old the data of each account is, of how many there is any, and how many calls there were, by collector."""

    ages: dict[str, list[float]]
    shown: dict[str, int]
    calls: dict[str, float]


def look(url: str) -> Page:
    """Read a page; in a process of its own, for the exporter's threads are not to wait for that."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        page = answer.read().decode()
    now, ages = SystemClock().now().timestamp(), dict[str, list[float]]()
    for collector, at in _SUCCESS.findall(page):
        ages.setdefault(collector, []).append(now - float(at))
    shown = {name: len(set(pattern.findall(page))) for name, pattern in _SHOWN.items()}
    return Page(ages, shown, {endpoint: float(calls) for endpoint, calls in _CALLS.findall(page)})


@dataclass(slots=True)
class Seen:
    """What the pages of one crowd said."""

    oldest: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in _COLLECTORS})
    middle: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in _COLLECTORS})
    fewest: dict[str, int] = field(default_factory=dict)

    def note(self, page: Page) -> None:
        """Take note of a page."""
        for collector, its in page.ages.items():
            self.oldest[collector].append(max(its))
            self.middle[collector].append(median(its))
            self.fewest[collector] = min(self.fewest.get(collector, page.shown[collector]), page.shown[collector])


def main() -> int:
    """Watch both crowds and print what was seen."""
    parser = argparse.ArgumentParser(description="How well a crowd uses what the exchange allows.")
    parser.add_argument("--short", action="store_true", help="a fifth of the time and the crowd")
    parser.add_argument("--only", choices=("over", "within"), help="one of the two crowds")
    flags = parser.parse_args()
    logs.configure("error", "logfmt")
    size = 5 if flags.short else 1
    over = {"positions": "5s", "balance": "10s", "income": "60s", "commission_rate": "1h"}
    within = {"positions": "4s", "balance": "4s"}
    crowds = (
        Crowd(name="over", accounts=1000 // size, addresses=1, intervals=over, settle=120 / size, seconds=200 / size),
        Crowd(name="within", accounts=400, addresses=4, intervals=within, settle=30, seconds=100 / size),
    )
    for crowd in crowds:
        if flags.only in {None, crowd.name}:
            _watch(crowd)
    return 0


def _watch(crowd: Crowd) -> None:
    still, seen, lateness = Event(), Seen(), Lateness()
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as elsewhere,
        exchange(accounts=crowd.accounts, positions=1, history_days=0, trade_interval=0, funding_interval=0) as running,
        _exporter(crowd, running) as app,
    ):
        scheduler: Scheduler = app._scheduler  # noqa: SLF001 - its thread's time is to be measured
        url = f"{app.urls[0]}/metrics"
        still.wait(crowd.settle)
        before = after = elsewhere.submit(look, url).result()
        lateness.watch(scheduler)
        clock = time.pthread_getcpuclockid(scheduler._thread.ident or 0)  # noqa: SLF001 - the same
        began, cpu, own = time.perf_counter(), time.clock_gettime(clock), time.process_time()
        while (gone := time.perf_counter() - began) < crowd.seconds:
            still.wait(min(_SCRAPE_SECONDS, crowd.seconds - gone))
            after = elsewhere.submit(look, url).result()
            seen.note(after)
        gone = time.perf_counter() - began
        refused = sum(_refusals(running).values())
        calls = sum(after.calls[name] - before.calls[name] for name in _COLLECTORS)
        _say(crowd, f"{calls / gone:.1f} calls/s, {refused} refused")
        for name in _COLLECTORS:
            rate, allowed = (after.calls[name] - before.calls[name]) / gone, 30.0 * crowd.addresses
            oldest, middle = max(seen.oldest[name]), median(seen.middle[name])
            interval = crowd.accounts / rate
            _say(
                crowd,
                f"{name}: {rate:.2f} calls/s, {rate / allowed:.1%} of what is allowed; oldest {oldest:.2f} s, "
                f"{oldest / middle:.2f} times the median age and {oldest / interval:.2f} times the time between two "
                f"polls; shown at every scrape: {seen.fewest[name]} of {crowd.accounts}",
            )
        late = quantiles(lateness.seconds, n=100)
        share = (time.clock_gettime(clock) - cpu) / gone, (time.process_time() - own) / gone
        _say(crowd, f"lateness p50 {late[49] * 1000:.1f} ms, p99 {late[98] * 1000:.1f} ms")
        _say(crowd, f"CPU: scheduler {share[0]:.2f} of a core, whole exporter {share[1]:.2f}")


def _refusals(running: Exchange) -> dict[str, int]:
    with urllib.request.urlopen(f"{running.url}/_sim/calls?last=1", timeout=10) as answer:
        refused: dict[str, int] = yaml.safe_load(answer.read())["refusals"]
    return {code: number for code, number in refused.items() if code in {"100409", "100410", "109429"}}


@contextmanager
def _exporter(crowd: Crowd, running: Exchange) -> Iterator[App]:
    with TemporaryDirectory(prefix="bingx-exporter-bench-") as name:
        folder = Path(name)
        ways = [
            {"source_address": f"127.0.0.{2 + number % crowd.addresses}"} if crowd.addresses > 1 else {}
            for number in range(crowd.accounts)
        ]
        collectors: dict[str, dict[str, object]] = {name: {"interval": text} for name, text in crowd.intervals.items()}
        for switched_off in {"income", "commission_rate"} - crowd.intervals.keys():
            collectors[switched_off] = {"enabled": False}
        collectors.get("income", {}).setdefault("since", "1h")
        document = {
            "ledger": {"url": f"sqlite:///{folder / 'ledger.db'}"},
            "defaults": {"collectors": collectors},
            "accounts": [
                {key: one[key] for key in ("name", "api_key", "api_secret")} | {"base_url": running.url} | way
                for one, way in zip(running.accounts, ways, strict=True)
            ],
        }
        path = folder / "config.yaml"
        path.write_text(yaml.safe_dump(document))
        path.chmod(0o600)
        config = load(path, environ={})
        running.tell("latency", milliseconds=_LATENCY_MS)
        with App(config, Options(addresses=("127.0.0.1:0",))) as app:
            yield app


def _say(crowd: Crowd, text: str) -> None:
    print(f"{crowd.name} ({crowd.accounts} accounts, {crowd.addresses} addresses): {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""How well a crowd uses what the exchange allows, and how late its polls are where all of them fit.

Owns two crowds, each polled by a real exporter; the simulated exchange keeps its limits and answers after 150 ms.
"""

from __future__ import annotations

import json
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING, Final

from bench.ages import COLLECTORS, Ages, Look, read
from bench.measure import Benchmark, Case, percentile
from bench.paced import Paced, paced
from bench.processes import Exchange, configuration, cpu_seconds, exchange
from bench.references.server import Scraper
from bench.watched import adjusted
from exporter.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LATENCY_MS: Final = 150
_PER_ADDRESS: Final = 30.0
_REFUSALS: Final = ("100409", "100410", "109429")
_OFF: Final[Mapping[str, object]] = {"enabled": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """So many accounts that leave by so many addresses, watched for `seconds` when they have settled.

    Their page is read every `scrape` seconds: to tell ages, more often than any account is polled.
    """

    accounts: int
    addresses: int
    collectors: Mapping[str, Mapping[str, object]]
    settle: float
    seconds: float
    scrape: float = 5.0

    def __str__(self) -> str:
        """Name the case."""
        return f"{self.accounts:,} accounts, {self.addresses} address{'es' if self.addresses > 1 else ''}"

    def way_of(self, number: int) -> dict[str, str]:
        """Return the way out of an account."""
        return {"source_address": f"127.0.4.{1 + number % self.addresses}"}


OVER: Final = Crowd(
    accounts=1000,
    addresses=1,
    collectors={
        "positions": {"interval": "5s"},
        "balance": {"interval": "10s"},
        "income": {"interval": "60s", "since": "1h"},
        "commission_rate": {"interval": "1h"},
    },
    settle=45,
    seconds=140,
)
WITHIN: Final = Crowd(
    accounts=400,
    addresses=4,
    collectors={
        "positions": {"interval": "4s"},
        "balance": {"interval": "4s"},
        "income": _OFF,
        "commission_rate": _OFF,
    },
    settle=15,
    seconds=60,
)


def use(crowd: Crowd) -> tuple[float, ...]:
    """Return the shares of what is allowed, what was refused and shown, and how old the oldest data was."""
    ages = {name: Ages(name) for name in COLLECTORS}

    def noting(look: Look) -> None:
        for each in ages.values():
            each.note(look)

    with _crowd(crowd) as (running, exporter):
        before, after, seconds = _watch(crowd, exporter, noting)
        refused = _refusals(running)
    allowed = _PER_ADDRESS * crowd.addresses * seconds
    shares = [(after.calls[name] - before.calls[name]) / allowed for name in COLLECTORS]
    return (
        *shares,
        refused,
        min(each.fewest or 0 for each in ages.values()),
        max(each.in_intervals for each in ages.values()),
        max(each.in_median_ages for each in ages.values()),
    )


def lateness(crowd: Crowd) -> tuple[float, ...]:
    """Return calls a second, what was refused, how late polls were in ms, and cores that were busy with it."""
    with _crowd(crowd) as (running, exporter):
        cpu, thread = cpu_seconds(exporter.pid), exporter.take().scheduler_cpu
        before, after, seconds = _watch(crowd, exporter, lambda _: None)
        polls = exporter.take()
        cpu, thread = cpu_seconds(exporter.pid) - cpu, polls.scheduler_cpu - thread
        refused = _refusals(running)
    return (
        sum(after.calls[name] - before.calls[name] for name in COLLECTORS) / seconds,
        refused,
        percentile(polls.began, 50) * 1000,
        percentile(polls.began, 99) * 1000,
        thread / seconds,
        cpu / seconds,
    )


@contextmanager
def _crowd(crowd: Crowd) -> Iterator[tuple[Exchange, Paced]]:
    with (
        exchange(accounts=crowd.accounts, positions=1, history_days=0, trade_interval=0, funding_interval=0) as running,
        TemporaryDirectory(prefix="bingx-exporter-bench-") as folder,
    ):
        running.tell("latency", milliseconds=LATENCY_MS)
        setting = configuration(running, Path(folder), accounts=crowd.accounts)
        with paced(adjusted(setting, crowd.collectors, crowd.way_of)) as exporter:
            Event().wait(crowd.settle)
            yield running, exporter


def _watch(crowd: Crowd, exporter: Paced, note: Callable[[Look], None]) -> tuple[Look, Look, float]:
    """Look at the page again and again; return the first and the last look, and the seconds between."""
    scraper, still = Scraper(f"{exporter.url}/metrics"), Event()
    before = after = _look(scraper)
    while (gone := after.at - before.at) < crowd.seconds:
        still.wait(min(crowd.scrape, crowd.seconds - gone))
        after = _look(scraper)
        note(after)
    scraper.close()
    return before, after, gone


def _look(scraper: Scraper) -> Look:
    page = scraper.scrape(gzip=False).decode()
    return read(page, at=SystemClock().now().timestamp())


def _refusals(running: Exchange) -> int:
    with urllib.request.urlopen(f"{running.url}/_sim/calls?last=1", timeout=10) as answer:
        refused: dict[str, int] = json.load(answer)["refusals"]
    return sum(refused.get(code, 0) for code in _REFUSALS)


@contextmanager
def _over() -> Iterator[tuple[Case]]:
    yield (Case(name=str(OVER), cost=partial(use, OVER), large=True),)


@contextmanager
def _within() -> Iterator[tuple[Case]]:
    yield (Case(name=str(WITHIN), cost=partial(lateness, WITHIN), large=True),)


BUDGET: Final = Benchmark(
    name="budget",
    title="More is asked than the exchange allows",
    text=f"""\
{OVER.accounts:,} accounts at the default intervals leave by one address. They ask for 200 calls a second of positions
and 100 of balance, of which the exchange allows {_PER_ADDRESS:.0f} each; it refuses what is more, and answers after
{LATENCY_MS} ms. Watched for {OVER.seconds:.0f} s, and scraped every {OVER.scrape:.0f}; the last three columns are
those of the worse collector. How old the oldest data gets is told in intervals, an interval being the median time
between two polls of one account: just before data is asked for again it is as old as that. Polls of a crowd are spread
evenly, so ages are, too, and their median is half an interval. Beside that median the oldest data is twice as old if
every poll is punctual, and no schedule can do better; so the goal is told in intervals.""",
    quantities=(
        "positions, of what is allowed",
        "balance, of what is allowed",
        "refused",
        "accounts at every scrape",
        "oldest, in intervals",
        "oldest, in median ages",
    ),
    once=True,
    ratio=None,
    cases=_over,
)
LATENESS: Final = Benchmark(
    name="lateness",
    title="All that is asked fits",
    text=f"""\
{WITHIN.accounts} accounts leave by {WITHIN.addresses} addresses, and have positions and balance polled every 4 s: 200
calls a second, 83 % of what the exchange allows; it answers after {LATENCY_MS} ms. How long after its due time each
poll began in {WITHIN.seconds:.0f} s, and how many cores the scheduler's thread and the whole exporter kept busy.""",
    quantities=("calls a second", "refused", "late, ms, p50", "late, ms, p99", "scheduler, cores", "exporter, cores"),
    once=True,
    ratio=None,
    cases=_within,
)

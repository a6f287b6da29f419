"""What the status page weighs, what it costs to make, and how much those who look at it delay a scrape.

Owns exporters of a few and of many accounts, looked at and scraped over HTTP as browsers and Prometheus do it.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from bench.growth import sizes
from bench.measure import UNKNOWN, Benchmark, Case, p50_and_p99
from bench.paced import paced
from bench.processes import configuration, cpu_seconds, exchange
from bench.references.server import Scraper, scrape_times, unpacked
from bench.watched import adjusted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.paced import Paced

FEW: Final = 3
MANY: Final = 200
_MOST: Final = 1000
_POSITIONS: Final = 5
_INTERVAL: Final = "10s"
_ADDRESSES: Final = 10
_COLLECTORS: Final = {"positions": {"interval": _INTERVAL}, "balance": {"interval": _INTERVAL}}
_SETTLE_SECONDS: Final = 3.0
_KEPT_SECONDS: Final = 5.2
_SECONDS: Final = 10.0
_SCRAPE_EVERY: Final = 0.04
_LOOK_EVERY: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An exporter whose status page can be looked at; `first_cpu` are the CPU seconds of the first look."""

    exporter: Paced
    first_cpu: float
    still: Event = field(default_factory=Event)

    def weight(self) -> tuple[float, ...]:
        """Return kB of the page, kB compressed, and CPU ms of one that is made anew, and of the first one."""
        with self.exporter.held():
            self.still.wait(_KEPT_SECONDS)  # none is kept for longer
            body, cpu = _look(self.exporter)
        return len(unpacked(body)) / 1000, len(body) / 1000, cpu * 1000, self.first_cpu * 1000

    def scrapes(self, *, looking: bool, seconds: float = _SECONDS) -> tuple[float, ...]:
        """Return ms of a scrape, p50 and p99, and of a look, p50 and p99, if somebody looks all the time."""
        looks, ended = list[float](), Event()
        looker = Thread(target=self._look_on, args=(ended, looks), daemon=True)
        if looking:
            looker.start()
        scrapes = scrape_times(f"{self.exporter.url}/metrics", seconds, gzip=True, every=_SCRAPE_EVERY)
        ended.set()
        if not looking:
            return *p50_and_p99(scrapes), UNKNOWN, UNKNOWN
        looker.join()
        return *p50_and_p99(scrapes), *p50_and_p99(looks)

    def _look_on(self, ended: Event, took: list[float]) -> None:
        looker = Scraper(f"{self.exporter.url}/")
        while not ended.wait(_LOOK_EVERY):
            began = time.perf_counter()
            looker.scrape(gzip=True)
            took.append(time.perf_counter() - began)
        looker.close()


@contextmanager
def shown(accounts: int) -> Iterator[Shown]:
    """Run an exporter of so many accounts until the end of the block, and look at its status page once."""
    with ExitStack() as parts:
        running = parts.enter_context(exchange(accounts=accounts, positions=_POSITIONS, history_days=1))
        folder = Path(parts.enter_context(TemporaryDirectory(prefix="bingx-exporter-bench-")))
        setting = adjusted(configuration(running, folder, accounts=accounts), _COLLECTORS, _way_of)
        exporter = parts.enter_context(paced(setting))
        Event().wait(_SETTLE_SECONDS)
        with exporter.held():
            Event().wait(1)
            _, cpu = _look(exporter)
        yield Shown(exporter=exporter, first_cpu=cpu)


def _look(exporter: Paced) -> tuple[bytes, float]:
    looker, before = Scraper(f"{exporter.url}/"), cpu_seconds(exporter.pid)
    body = looker.scrape(gzip=True)
    spent = cpu_seconds(exporter.pid) - before
    looker.close()
    return body, spent


def _way_of(number: int) -> dict[str, str]:
    return {"source_address": f"127.0.6.{1 + number % _ADDRESSES}"}


def alone(accounts: int) -> str:
    """Name the case of scrapes without anybody who looks."""
    return f"{sizes.accounts(accounts)}, scrapes alone"


def beside(accounts: int) -> str:
    """Name the case of scrapes beside somebody who looks."""
    return f"{sizes.accounts(accounts)}, and page loads"


@contextmanager
def _weights() -> Iterator[tuple[Case, ...]]:
    with ExitStack() as parts:
        running = cache(lambda accounts: parts.enter_context(shown(accounts)))  # not before it is measured
        yield tuple(
            Case(name=sizes.accounts(size), cost=partial(lambda size: running(size).weight(), size), large=True)
            for size in (FEW, MANY, _MOST)
        )


@contextmanager
def _delays() -> Iterator[tuple[Case, ...]]:
    with ExitStack() as parts:
        running = cache(lambda accounts: parts.enter_context(shown(accounts)))  # the same

        def case(size: int, *, looking: bool) -> Case:
            name = beside(size) if looking else alone(size)
            return Case(name=name, cost=lambda: running(size).scrapes(looking=looking), large=True)

        yield tuple(case(size, looking=looking) for size in (FEW, MANY) for looking in (False, True))


BENCHMARK: Final = Benchmark(
    name="page",
    title="The status page",
    text=f"""\
`/` of exporters with {_POSITIONS} positions an account, with today's income and the last hour, while nothing is polled:
how large it is, plain and compressed, and the CPU time of the whole process for a page that is made anew; the first one
after the start also imports what draws it, and asks the ledger for the day.""",
    quantities=("kB", "kB in gzip", "CPU, ms", "the first, CPU, ms"),
    warm=False,
    ratio=None,
    cases=_weights,
)
DELAY: Final = Benchmark(
    name="looks",
    title="Scrapes beside somebody who looks at the status page",
    text=f"""\
Exporters with {_POSITIONS} positions an account that poll positions and balance every {_INTERVAL} are scraped in gzip
every {_SCRAPE_EVERY * 1000:.0f} ms for {_SECONDS:.0f} s: alone, and while `/` is asked for ten times a second. Each
answer is timed by its reader, from the request to the last byte. Many of those who look share one page; the p99 of
page loads is that of who waits for a new one. Exporter, exchange and readers share the cores of the machine.""",
    quantities=("scrape, ms, p50", "scrape, ms, p99", "page, ms, p50", "page, ms, p99"),
    warm=False,
    ratio=None,
    cases=_delays,
)

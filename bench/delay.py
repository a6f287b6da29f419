"""How much scrapes and polls of one exporter delay each other.

Owns an exporter with a big page that is polled, scraped, or both. Its polls note themselves how late they are; scrapes
are timed here, from outside.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING, Final

from bench.budget import LATENCY_MS
from bench.measure import UNKNOWN, Benchmark, Case, p50_and_p99
from bench.paced import paced
from bench.processes import configuration, exchange
from bench.references.server import Scraper, scrape_times
from bench.watched import adjusted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.paced import Paced

POLLS: Final = "polls alone"
PLAIN: Final = "polls, and plain scrapes"
GZIP: Final = "polls, and gzip scrapes"
PLAIN_FLOOD: Final = "polls, and plain scrapes without a pause"
GZIP_FLOOD: Final = "polls, and gzip scrapes without a pause"
PLAIN_ALONE: Final = "plain scrapes alone"
GZIP_ALONE: Final = "gzip scrapes alone"
ACCOUNTS: Final = 500
_POSITIONS: Final = 20
_INTERVAL: Final = "10s"
_ADDRESSES: Final = 10
_SECONDS: Final = 5.0
_EVERY: Final = 0.1
_LAST_ANSWERS_SECONDS: Final = 0.5
_CATCH_UP_SECONDS: Final = 3.0
_OFF: Final[Mapping[str, object]] = {"enabled": False}


@dataclass(frozen=True, slots=True)
class Both:
    """An exporter that can be polled, scraped, or both."""

    exporter: Paced
    seconds: float = _SECONDS
    still: Event = field(default_factory=Event)

    def polls(self) -> tuple[float, ...]:
        """Let it poll, and nobody scrape."""
        self.exporter.take()
        self.still.wait(self.seconds)
        polls = self.exporter.take()
        return *p50_and_p99(polls.began), *p50_and_p99(polls.over), UNKNOWN, UNKNOWN

    def polls_and_scrapes(self, *, gzip: bool, every: float = _EVERY) -> tuple[float, ...]:
        """Let it poll while it is scraped every so many seconds, or without a pause."""
        self.exporter.take()
        scrapes = scrape_times(f"{self.exporter.url}/metrics", self.seconds, gzip=gzip, every=every)
        polls = self.exporter.take()
        return *p50_and_p99(polls.began), *p50_and_p99(polls.over), *p50_and_p99(scrapes)

    def scrapes(self, *, gzip: bool, every: float = _EVERY) -> tuple[float, ...]:
        """Scrape it every so many seconds, or without a pause, while it does not poll; then let it catch up."""
        with self.exporter.held():
            self.still.wait(_LAST_ANSWERS_SECONDS)
            scrapes = scrape_times(f"{self.exporter.url}/metrics", self.seconds, gzip=gzip, every=every)
        self.still.wait(_CATCH_UP_SECONDS)
        return UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, *p50_and_p99(scrapes)


@contextmanager
def both(accounts: int, *, interval: str = _INTERVAL) -> Iterator[Both]:
    """Run an exporter of so many accounts until the end of the block; raises `RuntimeError` for a page too small."""
    every = {"interval": interval}
    collectors = {"positions": every, "balance": every, "income": _OFF, "commission_rate": _OFF}
    with ExitStack() as parts:
        running = parts.enter_context(_exchange(accounts=accounts))
        folder = Path(parts.enter_context(TemporaryDirectory(prefix="bingx-exporter-bench-")))
        setting = adjusted(configuration(running, folder, accounts=accounts), collectors, _way_of)
        exporter = parts.enter_context(paced(setting))
        running.tell("latency", milliseconds=LATENCY_MS)
        scraper = Scraper(f"{exporter.url}/metrics")
        marks = scraper.scrape(gzip=False).count(b"\nbingx_position_mark_price{")
        scraper.close()
        # Two of the accounts hold positions that are shown as one.
        if marks < (accounts - 3) * _POSITIONS:
            message = f"only {marks} positions of {accounts} accounts are on the page"
            raise RuntimeError(message)
        Event().wait(_CATCH_UP_SECONDS)
        yield Both(exporter)


_exchange = partial(exchange, positions=_POSITIONS, history_days=0, funding_interval=0, trade_interval=0)


def _way_of(number: int) -> dict[str, str]:
    return {"source_address": f"127.0.5.{1 + number % _ADDRESSES}"}


@contextmanager
def _cases() -> Iterator[tuple[Case, ...]]:
    with ExitStack() as parts:
        running = cache(lambda: parts.enter_context(both(ACCOUNTS)))  # not before it is measured
        yield (
            Case(name=POLLS, cost=lambda: running().polls(), large=True),
            Case(name=PLAIN, cost=lambda: running().polls_and_scrapes(gzip=False), large=True),
            Case(name=GZIP, cost=lambda: running().polls_and_scrapes(gzip=True), large=True),
            Case(name=PLAIN_FLOOD, cost=lambda: running().polls_and_scrapes(gzip=False, every=0), large=True),
            Case(name=GZIP_FLOOD, cost=lambda: running().polls_and_scrapes(gzip=True, every=0), large=True),
            Case(name=PLAIN_ALONE, cost=lambda: running().scrapes(gzip=False), large=True),
            Case(name=GZIP_ALONE, cost=lambda: running().scrapes(gzip=True), large=True),
        )


BENCHMARK: Final = Benchmark(
    name="delay",
    title="Scrapes and polls beside each other",
    text=f"""\
A whole exporter of {ACCOUNTS} accounts with {_POSITIONS} positions each polls positions and balance every {_INTERVAL},
100 calls a second, and is scraped over HTTP ten times a second by one reader, or as often as that can read: polls
alone, both together, and scrapes alone, {_SECONDS:.0f} s each. A poll is late by the time from its due moment to its
beginning; it is over when its answer, which takes {LATENCY_MS} ms on the way, is on the page. A scrape is timed from
its request to its last byte, by the reader; beside polls, gzip packs anew what they have changed. Exporter, exchange
and reader share the cores of the machine.""",
    quantities=(
        "poll late, ms, p50",
        "poll late, ms, p99",
        "poll over, ms, p50",
        "poll over, ms, p99",
        "scrape, ms, p50",
        "scrape, ms, p99",
    ),
    warm=False,
    ratio=None,
    cases=_cases,
)

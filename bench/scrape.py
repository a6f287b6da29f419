"""What a scrape costs, beside prometheus-client with the same samples.

Owns the page and its references; all three are checked to say the same before anything is measured.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Final

from isal import igzip
from prometheus_client import generate_latest

from bench.measure import Benchmark, Case
from bench.samples import AtTheScrape, LabelledGauges, positions, samples_of
from exporter.bingx.limits import Caller, Limits
from exporter.bingx.paths import Endpoint
from exporter.clock import SystemClock
from exporter.metrics import api
from exporter.metrics.own import OwnMetrics
from exporter.metrics.page import Exposition, Page
from exporter.metrics.position import POSITION
from exporter.metrics.render import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_ACCOUNTS: Final = 50
_POSITIONS: Final = 20
_SAMPLES: Final = _ACCOUNTS * _POSITIONS * len(POSITION.families)
_SCRAPES: Final = 10
_REFERENCE: Final = "`generate_latest`, labelled gauges"
_POLLED: Final = (Endpoint.BALANCE, Endpoint.POSITIONS, Endpoint.INCOME, Endpoint.COMMISSION_RATE)


class _Ours:
    """A page with the positions of all accounts."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._clock = SystemClock()
        self._limits = Limits()
        self._page = Page((POSITION,), clock=self._clock)
        self._page.arrange(names)
        self._turns = cycle((positions(_POSITIONS, turn=1), positions(_POSITIONS)))
        for name in names:
            self._page.put(POSITION, name, positions(_POSITIONS))
        own = OwnMetrics(version="", revision="", endpoints=Endpoint)
        self.alone = partial(Exposition(self._page, live=(), own=lambda _: b""), Format.TEXT)
        self.whole = partial(Exposition(self._page, live=((api.BUDGET, self._budgets),), own=own.render), Format.TEXT)

    def change(self) -> None:
        """Let the prices of one account move."""
        self._page.put(POSITION, self._names[0], next(self._turns))

    def _budgets(self) -> Iterator[api.Budget]:
        now, calendar, limits = self._clock.elapsed(), self._clock.now(), self._limits
        for name in self._names:
            caller = Caller(user=name, address="default", account=name)
            for endpoint in _POLLED:
                until = limits.blocked_until(caller, endpoint, now)
                yield api.Budget(
                    account=name,
                    endpoint=endpoint,
                    remaining=limits.remaining(caller, endpoint, now),
                    blocked_until=None if until is None else calendar + timedelta(seconds=until - now),
                )


@contextmanager
def _cases() -> Iterator[tuple[Case, ...]]:
    names = [f"account-{number:02d}" for number in range(_ACCOUNTS)]
    accounts = {name: positions(_POSITIONS) for name in names}
    ours, gauges, collector = _Ours(names), LabelledGauges(), AtTheScrape(accounts)
    for name, data in accounts.items():
        gauges.set(name, data)
    _agree(ours.alone(), generate_latest(gauges.registry), generate_latest(collector.registry))

    def packed() -> bytes:
        return igzip.compress(ours.alone(), 1)

    def nothing() -> None:
        """Leave everything as it is."""

    def case(name: str, scrape: Callable[[], bytes], before: Callable[[], None], times: int = _SCRAPES) -> Case:
        beside = None if name == _REFERENCE else _REFERENCE
        return Case(name=name, cost=partial(_cpu, scrape, before, times), beside=beside)

    yield (
        case(_REFERENCE, partial(generate_latest, gauges.registry), nothing, 2),
        case("`generate_latest`, custom collector", partial(generate_latest, collector.registry), nothing, 2),
        case("after one account has changed", ours.alone, ours.change),
        case("after one account has changed, gzip", packed, ours.change),
        case("nothing has changed", ours.alone, nothing),
        case("after one account has changed, with budgets and the exporter's own metrics", ours.whole, ours.change),
    )


def _agree(*pages: bytes) -> None:
    first, *others = (samples_of(page) for page in pages)
    if len(first) != _SAMPLES or any(other != first for other in others):
        message = "the pages that are compared do not say the same"
        raise RuntimeError(message)


def _cpu(scrape: Callable[[], bytes], before: Callable[[], None], times: int) -> tuple[float]:
    spent = 0.0
    for _ in range(times):
        before()
        began = time.process_time()
        scrape()
        spent += time.process_time() - began
    return (spent * 1000 / times,)


BENCHMARK: Final = Benchmark(
    name="scrape",
    title="Scrape",
    text=f"""\
The page of {_ACCOUNTS} accounts with {_POSITIONS} positions each ({_SAMPLES:,} samples) in the text format, without
HTTP. The last line is the whole page: budgets are read, and the exporter's own metrics rendered, at each scrape.""",
    quantities=("CPU, ms a scrape",),
    often=2,
    cases=_cases,
)

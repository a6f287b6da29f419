"""What a scrape costs without HTTP, beside prometheus-client with the same samples; `peers` has the port.

Owns the page and its references; all are checked to say the same before anything is measured.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Final

from prometheus_client import generate_latest

from bench.measure import Benchmark, Case
from bench.samples import AtTheScrape, LabelledGauges, positions, samples_of
from exporter.clock import SystemClock
from exporter.metrics.page import Page
from exporter.metrics.position import POSITION
from exporter.metrics.render import Format
from exporter.web.press import Press

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exporter.web.pieces import Parts

_ACCOUNTS: Final = 50
_POSITIONS: Final = 20
_SAMPLES: Final = _ACCOUNTS * _POSITIONS * len(POSITION.families)
_SCRAPES: Final = 10
_REFERENCE: Final = "`generate_latest`, labelled gauges"


class _Ours:
    """A page with the positions of all accounts."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._press = Press()
        self._page = Page((POSITION,), clock=SystemClock())
        self._page.arrange(names)
        self._turns = cycle((positions(_POSITIONS, turn=1), positions(_POSITIONS)))
        for name in names:
            self._page.put(POSITION, name, positions(_POSITIONS))

    def change(self) -> None:
        """Let the prices of one account move."""
        self._page.put(POSITION, self._names[0], next(self._turns))

    def plain(self) -> bytes:
        """Return the page as one text."""
        return self._page.body(Format.TEXT)

    def packed(self) -> tuple[Parts, ...]:
        """Return the page in gzip."""
        return self._press.gzip("", self._page.blocks(Format.TEXT))


@contextmanager
def _cases() -> Iterator[tuple[Case, ...]]:
    names = [f"account-{number:02d}" for number in range(_ACCOUNTS)]
    accounts = {name: positions(_POSITIONS) for name in names}
    ours, gauges, collector = _Ours(names), LabelledGauges(), AtTheScrape(accounts)
    for name, data in accounts.items():
        gauges.set(name, data)
    _agree(ours.plain(), generate_latest(gauges.registry), generate_latest(collector.registry))

    def nothing() -> None:
        """Leave everything as it is."""

    def case(name: str, scrape: Callable[[], object], before: Callable[[], None], times: int = _SCRAPES) -> Case:
        beside = None if name == _REFERENCE else _REFERENCE
        return Case(name=name, cost=partial(_cpu, scrape, before, times), beside=beside)

    yield (
        case(_REFERENCE, partial(generate_latest, gauges.registry), nothing, 2),
        case("`generate_latest`, custom collector", partial(generate_latest, collector.registry), nothing, 2),
        case("after one account has changed", ours.plain, ours.change),
        case("after one account has changed, gzip", ours.packed, ours.change),
        case("nothing has changed", ours.plain, nothing),
        case("nothing has changed, gzip", ours.packed, nothing),
    )


def _agree(*pages: bytes) -> None:
    first, *others = (samples_of(page) for page in pages)
    if len(first) != _SAMPLES or any(other != first for other in others):
        message = "the pages that are compared do not say the same"
        raise RuntimeError(message)


def _cpu(scrape: Callable[[], object], before: Callable[[], None], times: int) -> tuple[float]:
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
HTTP.""",
    quantities=("CPU, ms a scrape",),
    often=2,
    cases=_cases,
)

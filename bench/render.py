"""What it costs to put the positions of an account on the page, beside setting as many gauges.

Owns nothing else. It is the price, paid once a poll, of a scrape that only joins.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Final

from bench.measure import Benchmark, Case
from bench.samples import LabelledGauges, positions
from exporter.clock import SystemClock
from exporter.metrics.page import Page
from exporter.metrics.position import POSITION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.metrics.position import OpenPositions

_POSITIONS: Final = 50
_SAMPLES: Final = _POSITIONS * len(POSITION.families)
_TIMES: Final = 40
_REFERENCE: Final = "`Gauge.labels(…).set(…)`"
_ACCOUNT: Final = "main"


@contextmanager
def _cases() -> Iterator[tuple[Case, ...]]:
    turns = cycle((positions(_POSITIONS), positions(_POSITIONS, turn=1)))
    page = Page((POSITION,), clock=SystemClock())
    page.arrange([_ACCOUNT])
    gauges = LabelledGauges()
    set_gauges, put = partial(gauges.set, _ACCOUNT), partial(page.put, POSITION, _ACCOUNT)
    yield (
        Case(name=_REFERENCE, cost=partial(_cpu, set_gauges, turns)),
        Case(name="rendered and put on the page", cost=partial(_cpu, put, turns), beside=_REFERENCE),
    )


def _cpu(show: Callable[[OpenPositions], None], turns: Iterator[OpenPositions]) -> tuple[float]:
    began = time.process_time()
    for _ in range(_TIMES):
        show(next(turns))
    return ((time.process_time() - began) * 1000 / _TIMES,)


BENCHMARK: Final = Benchmark(
    name="render",
    title="Render",
    text=f"""\
The new data of one account with {_POSITIONS} positions ({_SAMPLES} samples): what a poll pays so that a scrape need
not. It is part of the figures under Poll. Gauges would besides have to be removed when a position closes.""",
    quantities=("CPU, ms",),
    often=2,
    cases=_cases,
)

"""How a figure comes about: cases that take turns in one run, and the medians of what they cost.

Owns rounds, medians and ratios. A figure alone says little: the machine is shared, and another one is faster. So every
case stands beside a reference that is measured in the same rounds, and the ratio is taken round by round. A quantity
that a case does not have is `UNKNOWN`, and so is every ratio with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

FEWEST_ROUNDS: Final = 5
UNKNOWN: Final = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to measure: `cost` does it once and returns a number per quantity; `beside` names its reference.

    A `large` one takes minutes, or gigabytes, and can be left out.
    """

    name: str
    cost: Callable[[], tuple[float, ...]]
    beside: str | None = None
    large: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """What cannot be measured here, and `why`: the end of a sentence that its name begins."""

    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A line through the cases that `points` names, in that order, each with its place on the axis `along`."""

    title: str
    quantity: int
    along: str
    points: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """Cases that are measured together; `cases` sets them up and clears away, `quantities` are names with units.

    A round that is quick is easily disturbed, and cheap: `often` multiplies the number of rounds. A round that begins
    with new processes has nothing to warm up: without `warm` the first one counts. What watches thousands of events for
    minutes is measured `once`. `ratio` heads the columns of ratios; without it there are none.
    """

    name: str
    title: str
    text: str
    quantities: tuple[str, ...]
    often: int = 1
    warm: bool = True
    once: bool = False
    ratio: str | None = "beside the reference"
    plots: tuple[Plot, ...] = ()
    cases: Callable[[], AbstractContextManager[Sequence[Case | Absent]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A cost over that of the reference: the median of all rounds, the lowest and the highest."""

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of a case: a median and a ratio per quantity; a reference has no ratios."""

    case: Case
    medians: tuple[float, ...]
    ratios: tuple[Ratio, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a benchmark in so many rounds; what it lacks is `absent`."""

    benchmark: Benchmark
    rounds: int
    rows: tuple[Row, ...]
    absent: tuple[Absent, ...]
    costs: Mapping[str, Sequence[tuple[float, ...]]]

    def over(self, case: str, beside: str | None, quantity: int) -> float | None:
        """Return the median of a quantity, or of its ratio to that of another case; `None` if one was not measured."""
        if beside is None:
            return _median_of(self._each(case, quantity))
        return _median_of(_over(*pair) for pair in self._pairs(case, beside, quantity))

    def beyond(self, case: str, other: str, quantity: int) -> float | None:
        """Return by how much a quantity exceeds that of another case, the median of all rounds, as `over` does."""
        return _median_of(ours - theirs for ours, theirs in self._pairs(case, other, quantity))

    def _pairs(self, case: str, other: str, quantity: int) -> Iterable[tuple[float, float]]:
        if not {case, other} <= self.costs.keys():
            return ()
        return zip(self._each(case, quantity), self._each(other, quantity), strict=True)

    def _each(self, case: str, quantity: int) -> Iterable[float]:
        return (cost[quantity] for cost in self.costs.get(case, ()))


def percentile(values: Iterable[float], percent: int) -> float:
    """Return the least of the values that so many per cent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def p50_and_p99(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile of some seconds, in milliseconds."""
    return percentile(seconds, 50) * 1000, percentile(seconds, 99) * 1000


def measure(benchmark: Benchmark, *, rounds: int, small: bool = False) -> Result:
    """Measure every case once a round, after a round that does not count; raises what a case raises.

    With `small`, large cases are left out.
    """
    rounds, warm = (1, False) if benchmark.once else (rounds * benchmark.often, benchmark.warm)
    with benchmark.cases() as found:
        absent = [one for one in found if isinstance(one, Absent)]
        cases = [one for one in found if isinstance(one, Case)]
        if small:
            absent += [Absent(name=one.name, why="was left out") for one in cases if one.large]
            cases = [one for one in cases if not one.large]
        costs = _costs(cases, rounds=rounds, warm=warm)
    rows = tuple(_row(case, costs) for case in cases)
    return Result(benchmark=benchmark, rounds=rounds, rows=rows, absent=tuple(absent), costs=costs)


def _costs(cases: Sequence[Case], *, rounds: int, warm: bool) -> dict[str, list[tuple[float, ...]]]:
    costs: dict[str, list[tuple[float, ...]]] = {case.name: [] for case in cases}
    for number in range(rounds + warm):
        # Every other round runs backwards, so that no case always comes after the same neighbour.
        for case in cases if number % 2 else reversed(cases):
            cost = case.cost()
            if number or not warm:
                costs[case.name].append(cost)
    return costs


def _row(case: Case, costs: Mapping[str, list[tuple[float, ...]]]) -> Row:
    own = list(zip(*costs[case.name], strict=True))
    reference = list(zip(*costs.get(case.beside or "", ()), strict=True))
    ratios = (
        [_over(ours, theirs) for ours, theirs in zip(costs_of_case, costs_beside, strict=True)]
        for costs_of_case, costs_beside in zip(own, reference, strict=bool(reference))
    )
    return Row(
        case=case,
        medians=tuple(median(values) for values in own),
        ratios=tuple(Ratio(median=median(each), lowest=min(each), highest=max(each)) for each in ratios),
    )


def _median_of(values: Iterable[float]) -> float | None:
    found = list(values)
    value = median(found) if found else UNKNOWN
    return None if math.isnan(value) else value


def _over(ours: float, theirs: float) -> float:
    return ours / theirs if theirs else UNKNOWN

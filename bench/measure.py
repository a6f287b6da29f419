"""How a figure comes about: cases that take turns in one run, and the medians of what they cost.

Owns rounds, medians and ratios. A figure alone says little: the machine is shared, and another one is faster. So every
case stands beside a reference that is measured in the same rounds, and the ratio is taken round by round.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

FEWEST_ROUNDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to measure: `cost` does it once and returns a number per quantity; `beside` names its reference."""

    name: str
    cost: Callable[[], tuple[float, ...]]
    beside: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """Cases that are measured together; `cases` sets them up and clears away, `quantities` are names with units.

    A round that is quick is easily disturbed, and cheap: `often` multiplies the number of rounds.
    """

    name: str
    title: str
    text: str
    quantities: tuple[str, ...]
    often: int = 1
    cases: Callable[[], AbstractContextManager[Sequence[Case]]]


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
    """What came of a benchmark in so many rounds."""

    benchmark: Benchmark
    rounds: int
    rows: tuple[Row, ...]


def measure(benchmark: Benchmark, *, rounds: int) -> Result:
    """Measure every case once a round, after a round that does not count; raises what a case raises."""
    rounds *= benchmark.often
    with benchmark.cases() as cases:
        costs: dict[str, list[tuple[float, ...]]] = {case.name: [] for case in cases}
        for number in range(rounds + 1):
            # Every other round runs backwards, so that no case always comes after the same neighbour.
            for case in cases if number % 2 else reversed(cases):
                cost = case.cost()
                if number:
                    costs[case.name].append(cost)
    return Result(benchmark=benchmark, rounds=rounds, rows=tuple(_row(case, costs) for case in cases))


def _row(case: Case, costs: dict[str, list[tuple[float, ...]]]) -> Row:
    own = list(zip(*costs[case.name], strict=True))
    reference = [] if case.beside is None else list(zip(*costs[case.beside], strict=True))
    ratios = (
        [ours / theirs for ours, theirs in zip(costs_of_case, costs_beside, strict=True)]
        for costs_of_case, costs_beside in zip(own, reference, strict=bool(reference))
    )
    return Row(
        case=case,
        medians=tuple(median(values) for values in own),
        ratios=tuple(Ratio(median=median(each), lowest=min(each), highest=max(each)) for each in ratios),
    )

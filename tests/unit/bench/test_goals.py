"""The goals: each is one of a benchmark that there is."""

from __future__ import annotations

import pytest

from bench.goals import GOALS
from bench.run import BENCHMARKS


@pytest.mark.parametrize("name", GOALS)
def test_every_goal_belongs_to_a_benchmark_and_one_of_its_quantities(name: str) -> None:
    (benchmark,) = (one for one in BENCHMARKS if one.name == name)
    assert all(goal.quantity < len(benchmark.quantities) for goal in GOALS[name])


def test_no_two_benchmarks_have_one_name() -> None:
    assert len({one.name for one in BENCHMARKS}) == len(BENCHMARKS)

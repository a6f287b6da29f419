"""The goals: each is one of a benchmark that there is, and of a case that it has."""

from __future__ import annotations

import pytest

from bench.goals import GOALS, Verdict
from bench.measure import Case
from bench.run import BENCHMARKS


@pytest.mark.parametrize("name", GOALS)
def test_every_goal_belongs_to_a_benchmark_and_one_of_its_quantities(name: str) -> None:
    (benchmark,) = (one for one in BENCHMARKS if one.name == name)
    assert all(goal.quantity < len(benchmark.quantities) for goal in GOALS[name])


@pytest.mark.parametrize("name", ["budget", "lateness", "freshness", "delay", "page", "looks"])
def test_every_goal_of_the_pace_names_cases_that_exist_and_can_be_left_out_as_they_take_minutes(name: str) -> None:
    (benchmark,) = (one for one in BENCHMARKS if one.name == name)
    with benchmark.cases() as cases:
        assert {one.name for one in cases} >= {
            case for goal in GOALS[name] for case in (goal.case, goal.beside, goal.than) if case is not None
        }
        assert all(isinstance(one, Case) and one.large for one in cases)


def test_no_two_benchmarks_have_one_name() -> None:
    assert len({one.name for one in BENCHMARKS}) == len(BENCHMARKS)


def test_what_is_not_to_be_disturbed_may_as_well_be_faster() -> None:
    undisturbed = [goal for name in ("delay", "looks") for goal in GOALS[name]]
    assert undisturbed
    assert all(Verdict(goal=goal, measured=-1.0).reached for goal in undisturbed)
    assert not any(Verdict(goal=goal, measured=20.1).reached for goal in undisturbed)

"""Benchmarks: what is measured in turns, which ratios come of it, and what a run without a reference says."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from bench import goals, report
from bench.goals import Goal, Verdict
from bench.measure import UNKNOWN, Absent, Benchmark, Case, Plot, Result, measure, percentile

PLOT = Plot(title="How it grows", quantity=0, along="things", points=(("1", "small"), ("1,000", "big"), ("9", "gone")))


def benchmark(
    *cases: Case | Absent, warm: bool = False, name: str = "it", once: bool = False, ratio: str | None = "beside"
) -> Benchmark:
    @contextmanager
    def made() -> Iterator[Sequence[Case | Absent]]:
        yield cases

    return Benchmark(
        name=name,
        title="It",
        text="What it is.",
        quantities=("ms", "MiB"),
        warm=warm,
        once=once,
        ratio=ratio,
        plots=(PLOT,),
        cases=made,
    )


def costs(*rounds: tuple[float, float]) -> Callable[[], tuple[float, ...]]:
    ahead = iter(rounds)
    return lambda: next(ahead)


def small() -> Case:
    return Case(name="small", cost=costs((1, 4), (2, 4), (4, 4)))


def big(*, beside: str | None = "small", large: bool = False) -> Case:
    return Case(name="big", cost=costs((10, 0), (10, 0), (10, 0)), beside=beside, large=large)


def result() -> Result:
    return measure(benchmark(small(), big()), rounds=3)


def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds() -> None:
    _, row = result().rows
    assert list(row.medians) == [10, 0]
    assert (row.ratios[0].lowest, row.ratios[0].median, row.ratios[0].highest) == (2.5, 5, 10)


def test_the_first_round_of_what_has_to_warm_up_does_not_count() -> None:
    found = measure(benchmark(small(), warm=True), rounds=2)
    assert found.costs["small"] == [(2, 4), (4, 4)]


def test_what_is_measured_once_has_one_round_whatever_is_asked_for_and_says_so() -> None:
    found = measure(benchmark(small(), warm=True, once=True), rounds=3)
    assert found.costs["small"] == [(1, 4)]
    assert "What it is. Measured once." in report.section(found)


def test_without_a_name_for_ratios_there_are_no_columns_of_them() -> None:
    section = report.section(measure(benchmark(small(), big(), ratio=None), rounds=3))
    assert "| | ms | MiB |\n|---|---:|---:|\n| small | 2 | 4 |\n| big | 10 | 0 |\n" in section


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (1, 1), (50, 50), (99, 99), (100, 100)])
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(percent: int, value: int) -> None:
    assert percentile(range(100, 0, -1), percent) == value


def test_the_p99_of_few_values_is_the_highest() -> None:
    assert percentile([3, 1, 2], 99) == 3


def test_what_is_large_can_be_left_out_and_that_is_told() -> None:
    found = measure(benchmark(small(), big(large=True)), rounds=3, small=True)
    assert [row.case.name for row in found.rows] == ["small"]
    assert "Not measured: big was left out." in report.section(found)


def test_what_is_not_installed_is_told_and_takes_no_ratio_with_it() -> None:
    found = measure(benchmark(Absent(name="nginx", why="is not installed"), big(beside="nginx")), rounds=3)
    section = report.section(found)
    assert "Not measured: nginx is not installed." in section
    assert "| big | 10 | - | 0 | - |" in section


def test_a_quantity_that_a_case_does_not_have_is_a_dash() -> None:
    found = measure(benchmark(Case(name="small", cost=costs((1, UNKNOWN)))), rounds=1)
    assert "| small | 1 | 1 | - | - |" in report.section(found)
    assert found.over("small", None, 1) is None


def test_a_plot_shows_the_cases_that_were_measured_in_its_order() -> None:
    assert (
        report.section(result()).partition("```mermaid\n")[2].partition("```")[0]
        == """\
xychart-beta
    title "How it grows"
    x-axis "things" ["1", "1,000"]
    y-axis "ms" 0 --> 12
    line [2, 10]
"""
    )


@pytest.mark.parametrize(
    ("goal", "measured", "reached"),
    [
        (Goal(text="", case="big", at_most=10), 10, True),
        (Goal(text="", case="big", at_most=9.9), 10, False),
        (Goal(text="", case="big", beside="small", at_most=5), 5, True),
        (Goal(text="", case="big", beside="small", at_least=5.1), 5, False),
        (Goal(text="", case="small", quantity=1, at_least=4), 4, True),
        (Goal(text="", case="big", than="small", at_most=8), 8, True),
        (Goal(text="", case="big", than="small", at_most=7.9), 8, False),
        (Goal(text="", case="small", than="big", quantity=1, at_least=4), 4, True),
        (Goal(text="", case="big", than="nobody"), None, False),
        (Goal(text="", case="small", beside="big", quantity=1, at_most=math.inf), None, False),
        (Goal(text="", case="nobody"), None, False),
        (Goal(text="", case="big", beside="nobody"), None, False),
    ],
)
def test_a_goal_is_reached_by_what_was_measured_and_by_nothing_else(
    goal: Goal, measured: float | None, reached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(goals, "GOALS", {"it": (goal,)})
    assert goals.verdicts(result()) == (Verdict(goal=goal, measured=measured),)
    assert goals.verdicts(result())[0].reached is reached


def test_the_page_counts_the_goals_and_names_those_that_were_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = (Goal(text="ten", case="big", at_most=10), Goal(text="nine", case="big", at_most=9))
    monkeypatch.setattr(goals, "GOALS", {"it": (*wanted, Goal(text="more", case="nobody"))})
    assert (
        report.summary([result()])
        == """\
1 of 3 goals are reached; these are not:

- It: nine (**not reached**: 10)
- It: more (not measured)
"""
    )

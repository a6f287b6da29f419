"""When a counter of the past has a sample."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.cli.income.history import Span, samples

STEP = 300_000
LOOKBACK = 300_000
START = 1_700_000_100_000  # not a multiple of the step


def written(changes: list[tuple[int, int]], span: Span, *, before: int = 0) -> list[tuple[int, int]]:
    return list(samples(changes, span, before=before, born=before > 0))


def test_a_change_has_a_sample_and_one_a_millisecond_before_it() -> None:
    span = Span.of(1_000_000, 2_100_000, STEP)

    assert written([(1_234_000, 5)], span) == [
        (1_200_000, 0),
        (1_233_999, 0),
        (1_234_000, 5),
        (1_500_000, 5),
        (1_800_000, 5),
        (2_100_000, 5),
    ]


def test_a_series_begins_with_a_zero_even_if_its_first_entry_is_at_the_start() -> None:
    span = Span.of(1_200_000, 1_500_000, STEP)

    assert written([(1_200_000, 5)], span)[:2] == [(900_000, 0), (1_199_999, 0)]


def test_a_series_that_was_there_before_begins_at_what_it_stood_at() -> None:
    span = Span.of(1_000_000, 1_700_000, STEP)

    assert written([(900_000, 9)], span, before=7) == [
        (899_999, 7),
        (900_000, 9),
        (1_200_000, 9),
        (1_500_000, 9),
        (1_700_000, 9),
    ]


def test_a_series_that_never_moves_in_the_span_is_there_at_every_step() -> None:
    span = Span.of(1_000_000, 1_500_000, STEP)

    assert written([], span, before=7) == [(900_000, 7), (1_200_000, 7), (1_500_000, 7)]


def test_a_series_without_any_entry_is_not_there() -> None:
    assert written([], Span.of(1_000_000, 1_500_000, STEP)) == []


def test_an_entry_that_moves_only_another_family_begins_the_series_too() -> None:
    span = Span.of(1_000_000, 1_500_000, STEP)

    assert written([(1_234_000, 0)], span) == [(1_200_000, 0), (1_500_000, 0)]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[tuple[int, int]], Span]:
    end = START + draw(st.integers(1, 20 * STEP))
    span = Span.of(START, end, draw(st.sampled_from([1_000, 60_000, STEP])))
    # Milliseconds beside each other, and exactly on a regular sample, are the hard ones.
    exact = st.integers(span.start_ms, end)
    regular = st.integers(0, (end - span.start_ms) // span.step_ms).map(lambda n: span.start_ms + n * span.step_ms)
    near = st.tuples(regular, st.integers(-2, 2)).map(lambda pair: min(max(sum(pair), span.start_ms), end))
    times = sorted(draw(st.sets(st.one_of(exact, regular, near), max_size=12)))
    total, changes = 0, []
    for at in times:
        total += draw(st.integers(0, 3))
        changes.append((at, total))
    return changes, span


def value_at(found: list[tuple[int, int]], at: int) -> int | None:
    """Answer as Prometheus does: the newest sample that is less than the lookback old."""
    seen = [value for time, value in found if at - LOOKBACK < time <= at]
    return seen[-1] if seen else None


@given(histories())
def test_samples_ascend_in_time_and_never_fall(history: tuple[list[tuple[int, int]], Span]) -> None:
    found = written(*history)

    assert all(one[0] < two[0] and one[1] <= two[1] for one, two in pairwise(found))
    assert all(time <= history[1].end_ms for time, _ in found)


@given(histories(), st.data())
def test_at_any_moment_the_counter_is_what_the_entries_up_to_it_add_up_to(
    history: tuple[list[tuple[int, int]], Span], data: st.DataObject
) -> None:
    changes, span = history
    found = written(changes, span)
    for at in (*(time for time, _ in changes), data.draw(st.integers(span.start_ms, span.end_ms))):
        for moment in (at - 1, at, at + 1):
            expected = [value for time, value in changes if time <= moment]
            if changes and moment <= span.end_ms:
                assert value_at(found, moment) in ([expected[-1]] if expected else [0, None])


@given(histories(), st.data())
def test_the_samples_of_any_period_have_all_of_its_increments(
    history: tuple[list[tuple[int, int]], Span], data: st.DataObject
) -> None:
    """The last sample less the first is what increase() starts from; a period here is open on the left."""
    changes, span = history
    start = data.draw(st.integers(span.start_ms - 1, span.end_ms))
    end = data.draw(st.integers(start, span.end_ms))
    inside = [value for time, value in written(changes, span) if start < time <= end]
    before = [0, *(value for time, value in changes if time <= start + 1)][-1]
    after = [0, *(value for time, value in changes if time <= end)][-1]

    assert (inside[-1] - inside[0] if inside else 0) == max(after - before, 0)


@pytest.mark.parametrize("step", [1_000, 60_000, STEP, 86_400_000])
def test_regular_samples_stand_at_multiples_of_the_step(step: int) -> None:
    span = Span.of(START, START + 5 * step, step)

    times = [time for time, _ in written([], span, before=1)]
    assert times[:-1] == [time for time in times[:-1] if time % step == 0]
    assert times[0] < START <= times[0] + step
    assert times[-1] == span.end_ms

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.ledger.exchange import START

from exporter.ledger.windows import DAY, HOUR, TAIL, Ends, Window, is_due, plan

MILLISECOND = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)


def windows(
    *,
    cursor: datetime,
    now: datetime,
    baseline_complete: bool = True,
    last_hourly: datetime | None = None,
    last_daily: datetime | None = None,
) -> tuple[Window, ...]:
    return plan(
        epoch=START,
        cursor=cursor,
        now=now,
        baseline_complete=baseline_complete,
        last_hourly=last_hourly,
        last_daily=last_daily,
    )


def test_a_window_holds_its_start_and_not_its_end() -> None:
    window = Window(START, START + SECOND)

    assert START in window
    assert START + SECOND - MILLISECOND in window
    assert START + SECOND not in window
    assert START - MILLISECOND not in window


def test_a_window_covers_itself_and_what_lies_inside() -> None:
    window = Window(START, START + 3 * SECOND)

    assert window.covers(window)
    assert window.covers(Window(START + SECOND, START + 2 * SECOND))
    assert not window.covers(Window(START + SECOND, START + 4 * SECOND))
    assert not window.covers(Window(START - SECOND, START + SECOND))


@pytest.mark.parametrize("end", [START, START - SECOND, START + timedelta(microseconds=1500)])
def test_an_empty_or_too_fine_window_is_refused(end: datetime) -> None:
    with pytest.raises(ValueError, match="a window"):
        Window(START, end)


def test_until_proved_otherwise_both_ends_are_asked_one_millisecond_wider() -> None:
    query = Ends().query(Window(START, START + SECOND))

    assert (query.start, query.end) == (START - MILLISECOND, START + SECOND)


def test_a_row_exactly_at_an_end_proves_that_end_inclusive_and_then_it_is_asked_exactly() -> None:
    ends, window = Ends(), Window(START, START + SECOND)

    ends.learn(ends.query(window), [START, START + SECOND])
    assert (ends.start_inclusive, ends.end_inclusive) == (False, True)
    ends.learn(ends.query(window), [START - MILLISECOND])

    query = ends.query(window)
    assert (query.start, query.end) == (START, START + SECOND - MILLISECOND)


def test_the_baseline_is_read_in_ascending_slices_of_at_most_seven_days() -> None:
    now = START + timedelta(days=17, microseconds=250)

    assert windows(cursor=START, now=now, baseline_complete=False) == (
        Window(START, START + timedelta(days=7)),
        Window(START + timedelta(days=7), START + timedelta(days=14)),
        Window(START + timedelta(days=14), START + timedelta(days=17)),
    )


def test_a_regular_poll_reads_back_from_the_cursor_by_the_tail() -> None:
    cursor = START + timedelta(days=20)
    now = cursor + timedelta(minutes=1)

    assert windows(cursor=cursor, now=now, last_hourly=now, last_daily=now) == (Window(cursor - TAIL, now),)


@pytest.mark.parametrize(
    ("last_hourly", "last_daily", "back"),
    [
        (HOUR, timedelta(0), timedelta(hours=2)),
        (timedelta(0), DAY, timedelta(days=7)),
        (HOUR, DAY, timedelta(days=7)),
        (HOUR - SECOND, DAY - SECOND, TAIL),
    ],
)
def test_once_an_hour_and_once_a_day_a_poll_reads_further_back(
    last_hourly: timedelta, last_daily: timedelta, back: timedelta
) -> None:
    cursor = START + timedelta(days=20)
    now = cursor + timedelta(minutes=1)

    planned = windows(cursor=cursor, now=now, last_hourly=now - last_hourly, last_daily=now - last_daily)

    assert (planned[0].start, planned[-1].end) == (cursor - back, now)


def test_a_new_process_reads_seven_days_back() -> None:
    cursor = START + timedelta(days=20)

    assert windows(cursor=cursor, now=cursor)[0].start == cursor - timedelta(days=7)


def test_a_row_that_came_late_just_before_a_long_stop_is_still_read() -> None:
    cursor = START + timedelta(days=20)

    assert windows(cursor=cursor, now=cursor + timedelta(days=30))[0].start == cursor - timedelta(days=7)


def test_a_calendar_that_was_set_back_reads_back_from_its_own_now() -> None:
    cursor = START + timedelta(days=20)
    now = cursor - timedelta(days=2)

    assert windows(cursor=cursor, now=now) == (Window(now - timedelta(days=7), now),)


def test_nothing_is_read_before_the_epoch() -> None:
    assert windows(cursor=START, now=START + HOUR) == (Window(START, START + HOUR),)


@pytest.mark.parametrize("now", [START, START - DAY, START + timedelta(milliseconds=900)])
def test_there_is_nothing_to_read_before_a_second_has_passed(now: datetime) -> None:
    assert windows(cursor=START, now=now) == ()


def test_what_was_never_done_is_due() -> None:
    assert is_due(None, now=START, every=HOUR)
    assert is_due(START - HOUR, now=START, every=HOUR)
    assert not is_due(START - HOUR + SECOND, now=START, every=HOUR)


@given(
    behind=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=100)),
    read=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=100)),
    baseline=st.booleans(),
)
def test_the_plan_leaves_no_hole_between_the_cursor_and_now(behind: timedelta, read: timedelta, baseline: bool) -> None:
    cursor = (START + read).replace(microsecond=0)
    now = cursor + behind

    planned = windows(cursor=cursor, now=now, baseline_complete=baseline)

    assert not planned or planned[0].start <= cursor
    assert not planned or planned[-1].end == now.replace(microsecond=0)
    assert all(one.end == other.start for one, other in pairwise(planned))
    assert all(window.end - window.start <= timedelta(days=7) for window in planned)

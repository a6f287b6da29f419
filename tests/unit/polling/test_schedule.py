"""When a poll is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.polling.schedule import RETRY_CEILING, next_tick, retry_delay

seconds = st.floats(0.1, 1e6)


@given(origin=seconds, interval=st.floats(1, 86400), now=seconds)
def test_the_next_poll_is_on_the_grid_and_at_most_an_interval_away(origin: float, interval: float, now: float) -> None:
    due = next_tick(origin=origin, interval=interval, now=now)

    assert now < due <= now + interval + 1e-6
    assert (due - origin) / interval == pytest.approx(round((due - origin) / interval), abs=1e-6)


def test_missed_polls_are_not_made_up_for() -> None:
    assert next_tick(origin=3, interval=10, now=103.5) == 113


@given(interval=st.floats(1, 3600), late=st.floats(0, 0.999))
def test_who_polls_out_of_turn_polls_again_half_an_interval_later_at_the_soonest(interval: float, late: float) -> None:
    began = 100 * interval + late * interval
    due = next_tick(origin=0, interval=interval, now=began, began=began)

    assert 0.5 * interval - 1e-6 <= due - began <= 1.5 * interval + 1e-6
    assert due / interval == pytest.approx(101 if late < 0.499 else 102 if late > 0.501 else round(due / interval))


def test_retries_double_up_to_the_ceiling() -> None:
    delays = [retry_delay(failures, interval=3600, jitter=0) for failures in range(1, 8)]

    assert delays == [5, 10, 20, 40, 60, 60, 60]


def test_a_short_interval_is_never_backed_off_beyond_four_of_it() -> None:
    assert [retry_delay(failures, interval=2, jitter=0) for failures in (1, 2, 3, 9)] == [2, 4, 8, 8]


@given(failures=st.integers(1, 10**6), interval=st.floats(0.1, 1e5), jitter=st.floats(0, 1, exclude_max=True))
def test_no_retry_is_later_than_a_minute_and_jitter_only_shortens(
    failures: int, interval: float, jitter: float
) -> None:
    delay = retry_delay(failures, interval=interval, jitter=jitter)

    assert 0 < delay <= min(RETRY_CEILING, 4 * interval)
    assert delay <= retry_delay(failures, interval=interval, jitter=0)

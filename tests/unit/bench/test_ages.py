"""Ages: what a page says of a crowd, and what is made of many pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.ages import Ages, Look, read

PAGE = """\
# TYPE bingx_positions gauge
bingx_positions{account="a"} 1
bingx_positions{account="b"} 0
bingx_account_equity{account="a",asset="USDC"} 1
bingx_account_equity{account="a",asset="USDT"} 2
bingx_collector_last_success_timestamp_seconds{account="a",collector="balance"} 90
bingx_collector_last_success_timestamp_seconds{account="a",collector="income"} 10
bingx_collector_last_success_timestamp_seconds{account="a",collector="positions"} 97.5
bingx_collector_last_success_timestamp_seconds{account="b",collector="positions"} 99
bingx_api_requests_total{endpoint="balance"} 12
bingx_api_requests_total{endpoint="income"} 3
bingx_api_requests_total{endpoint="positions"} 40
"""


def look(at: float, asked: dict[str, float], *, shown: int = 3) -> Look:
    return Look(at=at, asked={"positions": asked}, shown={"positions": shown}, calls={})


def ages(*looks: Look) -> Ages:
    found = Ages("positions")
    for each in looks:
        found.note(each)
    return found


def test_a_page_tells_when_data_was_asked_for_whose_is_shown_and_how_many_calls_there_were() -> None:
    assert read(PAGE, at=100) == Look(
        at=100,
        asked={"positions": {"a": 97.5, "b": 99}, "balance": {"a": 90}},
        shown={"positions": 2, "balance": 1},
        calls={"balance": 12, "positions": 40},
    )


def test_the_oldest_data_is_told_in_the_time_between_two_polls_of_one_account() -> None:
    found = ages(look(10, {"a": 1, "b": 6}), look(15, {"a": 11, "b": 6}), look(20, {"a": 11, "b": 16}))
    assert found.in_intervals == 9 / 10


def test_a_poll_that_is_seen_twice_is_one_poll() -> None:
    found = ages(look(10, {"a": 1}), look(12, {"a": 1}), look(14, {"a": 13}))
    assert found.in_intervals == 11 / 12


def test_one_account_that_is_left_out_makes_the_oldest_older() -> None:
    everybody = {str(number): float(number) for number in range(10)}
    later = {name: at + 10 for name, at in everybody.items()} | {"3": 3.0}
    found = ages(look(10, everybody), look(20, later))
    assert found.in_intervals == 17 / 10


def test_the_fewest_that_were_shown_at_any_look_are_told() -> None:
    assert ages(look(10, {"a": 1}), look(11, {"a": 1}, shown=2), look(12, {"a": 1})).fewest == 2


@given(count=st.integers(100, 1000), interval=st.floats(5, 60))
def test_beside_the_median_age_the_oldest_of_a_punctual_crowd_is_twice_as_old(count: int, interval: float) -> None:
    def at(now: float) -> Look:
        phases = {str(number): number * interval / count for number in range(count)}
        return look(now, {name: now - (now - phase) % interval for name, phase in phases.items()})

    # Looked at just before somebody is polled, as happens sooner or later.
    found = ages(*(at((5 + turn) * interval - interval / count / 2) for turn in range(3)))
    assert found.in_intervals == pytest.approx(1, abs=0.02)
    assert found.in_median_ages == pytest.approx(2, abs=0.05)

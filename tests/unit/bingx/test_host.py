from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from exporter.bingx.host import HostClock

if TYPE_CHECKING:
    from support.clock import ManualClock


def synced(clock: ManualClock, *, ahead: float, round_trip: float = 0.2) -> HostClock:
    """A host whose calendar is `ahead` of ours."""
    host = HostClock(clock)
    sent_at = clock.elapsed()
    clock.advance(round_trip / 2)
    server_time = clock.now() + timedelta(seconds=ahead)
    clock.advance(round_trip / 2)
    host.observe(server_time, sent_at, clock.elapsed())
    return host


def test_before_the_first_observation_our_calendar_stands_in(clock: ManualClock) -> None:
    host = HostClock(clock)
    assert (host.known, host.is_suspected(), host.offset_seconds()) == (False, True, None)
    assert host.server_now() == clock.now()
    assert host.to_elapsed(clock.now() + timedelta(seconds=5)) == clock.elapsed() + 5


def test_the_time_of_the_host_is_that_of_the_middle_of_the_call(clock: ManualClock) -> None:
    host = synced(clock, ahead=7)
    assert host.offset_seconds() == pytest.approx(7)
    clock.advance(100)
    assert host.server_now() == clock.now() + timedelta(seconds=7)


def test_a_jump_of_our_calendar_does_not_move_the_host(clock: ManualClock) -> None:
    host = synced(clock, ahead=0)
    before = host.server_now()
    clock.calendar += timedelta(hours=1)
    assert host.server_now() == before
    assert host.offset_seconds() == pytest.approx(-3600)


def test_a_moment_of_the_host_is_never_placed_too_early(clock: ManualClock) -> None:
    host = synced(clock, ahead=-30, round_trip=2)
    end = host.server_now() + timedelta(seconds=60)
    assert host.to_elapsed(end) == pytest.approx(clock.elapsed() + 60 + 1)


def test_a_doubt_asks_for_one_new_observation(clock: ManualClock) -> None:
    host = synced(clock, ahead=0)
    assert not host.is_suspected()
    host.suspect(sent_at=clock.elapsed())
    assert host.is_suspected()
    host.observe(clock.now(), clock.elapsed(), clock.elapsed() + 0.1)
    assert not host.is_suspected()


def test_a_call_from_before_the_observation_raises_no_doubt(clock: ManualClock) -> None:
    host = synced(clock, ahead=0)
    host.suspect(sent_at=clock.elapsed() - 1)
    assert not host.is_suspected()
    host.suspect()
    assert host.is_suspected()

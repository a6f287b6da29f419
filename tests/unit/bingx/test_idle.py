"""Idle connections: the one used last goes first, and what nobody uses is closed."""

from __future__ import annotations

import queue

import pytest

from exporter.bingx.idle import IDLE_SECONDS, Idle


class Connection:
    """One that is open, and has no socket under it."""

    def __init__(self, used_at: float) -> None:
        self.used_at = used_at
        self.sock: object = "open"

    def close(self) -> None:
        self.sock = None


@pytest.fixture
def idle() -> Idle:
    return Idle()


def test_the_one_that_was_put_back_last_is_taken_first(idle: Idle) -> None:
    connections = [Connection(float(moment)) for moment in range(3)]
    for connection in connections:
        idle.put(connection)
    assert [idle.get() for _ in range(3)] == connections[::-1]


def test_whoever_finds_none_is_told_at_once(idle: Idle) -> None:
    with pytest.raises(queue.Empty):
        idle.get(block=True, timeout=None)


def test_a_rush_leaves_nothing_for_good(idle: Idle) -> None:
    rush = [Connection(1.0) for _ in range(20)]
    for connection in rush:
        idle.put(connection)
    for turn in range(2, 5):
        last = idle.get()
        last.used_at = 1.0 + turn * IDLE_SECONDS / 2
        idle.put(last)

    assert idle.get() is rush[-1]
    assert idle.qsize() == 0
    assert [connection.sock for connection in rush] == [None] * 19 + ["open"]


def test_one_that_was_used_half_a_minute_ago_is_kept(idle: Idle) -> None:
    for moment in (1.0, 1.0 + IDLE_SECONDS):
        idle.put(Connection(moment))
    assert idle.qsize() == 2


def test_no_place_is_kept_for_one_that_is_closed_or_was_never_there(idle: Idle) -> None:
    closed = Connection(1.0)
    closed.close()
    idle.put(closed)
    idle.put(None)
    assert idle.qsize() == 0


def test_all_can_be_closed(idle: Idle) -> None:
    connections = [Connection(1.0), Connection(2.0)]
    for connection in connections:
        idle.put(connection)
    idle.clear()
    assert idle.qsize() == 0
    assert [connection.sock for connection in connections] == [None, None]

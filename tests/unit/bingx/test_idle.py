"""Idle connections: the one used last goes first, and what is left is closed."""

from __future__ import annotations

import queue

import pytest

from exporter.bingx.idle import Idle


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


def test_those_used_before_a_moment_can_be_left(idle: Idle) -> None:
    connections = [Connection(float(moment)) for moment in range(4)]
    for connection in connections:
        idle.put(connection)
    idle.leave(2.0)
    assert [connection.sock for connection in connections] == [None, None, "open", "open"]
    assert idle.qsize() == 2


def test_no_place_is_kept_for_one_that_is_closed_or_was_never_there(idle: Idle) -> None:
    closed = Connection(1.0)
    closed.close()
    idle.put(closed)
    idle.put(None)
    assert idle.qsize() == 0


def test_after_the_end_nothing_stays_open(idle: Idle) -> None:
    connections = [Connection(1.0), Connection(2.0)]
    idle.put(connections[0])
    idle.end()
    idle.put(connections[1])
    assert idle.qsize() == 0
    assert [connection.sock for connection in connections] == [None, None]

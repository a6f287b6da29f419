"""Who is shown out, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from exporter.web.complaints import Complaints
from exporter.web.door import Door, Patience, Peer


class Line(asyncio.Transport):
    """A connection of which only its end matters."""

    closed = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == 0

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


class Loop:
    """The time of an event loop, and the one callback that a door has under way."""

    def __init__(self) -> None:
        self.now = 100.0
        self.glance: Callable[[], None] | None = None

    def time(self) -> float:
        return self.now

    def call_later(self, _: float, glance: Callable[[], None]) -> Loop:
        self.glance = glance
        return self

    def cancel(self) -> None:
        self.glance = None

    def passes(self, seconds: float) -> None:
        self.now += seconds
        assert self.glance is not None
        self.glance()


class House:
    def __init__(self, **patience: float) -> None:
        self.loop = Loop()
        bounds = Patience(**patience)  # type: ignore[arg-type]  # numbers of both kinds
        self.door = Door(
            bounds,
            most=bounds.connections,
            complaints=Complaints(self.loop.time),
            loop=self.loop,  # type: ignore[arg-type]  # as much of a loop as a door asks for
        )

    def peer(self) -> tuple[Peer, Line]:
        self.loop.now += 0.001
        peer, line = Peer(self.door, asyncio.Protocol(), now=self.loop.time), Line()
        peer.connection_made(line)
        return peer, line

    def answer(self, peer: Peer) -> None:
        self.loop.now += 0.001
        self.door.asked(peer.protocol)
        self.door.answered(peer.protocol)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


def test_a_silent_peer_has_ten_seconds() -> None:
    house = House()
    _, line = house.peer()
    house.loop.passes(9.9)
    assert house.door.peers == 1
    house.loop.passes(0.1)
    assert line.closed
    assert house.door.peers == 0


def test_an_idle_peer_has_seventy_five_and_from_its_next_byte_on_ten() -> None:
    house = House()
    (idle, its_line), (lively, other_line) = house.peer(), house.peer()
    house.answer(idle)
    house.answer(lively)
    house.loop.passes(20)
    lively.data_received(b"G")
    house.loop.passes(9.9)
    lively.data_received(b"E")
    house.loop.passes(0.2)
    assert (its_line.closed, other_line.closed) == (False, True)
    house.loop.passes(45)
    assert its_line.closed


def test_a_peer_that_waits_for_its_answer_is_not_silent() -> None:
    house = House()
    peer, line = house.peer()
    house.door.asked(peer.protocol)
    house.loop.passes(59)
    assert house.door.peers == 1
    house.loop.passes(1)
    assert line.closed


def test_an_answer_must_be_taken_within_a_minute_of_being_made_however_often_the_peer_takes_a_piece() -> None:
    house = House()
    peer, line = house.peer()
    house.answer(peer)
    for _ in range(59):
        peer.pause_writing()
        house.loop.passes(1)
        peer.resume_writing()
    assert house.door.peers == 1
    peer.pause_writing()
    house.loop.passes(1)
    assert line.closed


def test_a_full_house_shows_out_the_silent_then_the_idle_then_the_slow_readers() -> None:
    house = House(connections=4)
    (asking, line_a), (reading, line_r), (idle, line_i), (_, line_s) = (house.peer() for _ in range(4))
    house.door.asked(asking.protocol)
    house.answer(reading)
    reading.pause_writing()
    house.answer(idle)
    gone = []
    for _ in range(4):
        newcomer, _ = house.peer()
        house.door.asked(newcomer.protocol)
        gone.append([line.closed for line in (line_s, line_i, line_r, line_a)])
    assert gone == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]
    assert house.door.peers == 4


def test_of_equals_the_one_that_has_waited_longest_goes() -> None:
    house = House(connections=2)
    (_, older), (_, younger) = house.peer(), house.peer()
    house.peer()
    assert (older.closed, younger.closed) == (True, False)


def test_of_too_many_unread_answers_the_oldest_goes_and_its_page_with_it() -> None:
    house = House(max_requests=2)
    dropped: list[int] = []
    peers = [house.peer() for _ in range(4)]
    for number, (peer, _) in enumerate(peers):
        house.door.carries(peer.protocol, lambda number=number: dropped.append(number))  # type: ignore[misc]  # a default
        house.answer(peer)
        peer.pause_writing()
    assert [line.closed for _, line in peers] == [True, True, False, False]
    assert dropped == [0, 1]


def test_an_answer_that_was_taken_counts_no_more() -> None:
    house = House(max_requests=1)
    (first, line), (second, other) = house.peer(), house.peer()
    for peer in (first, second):
        house.answer(peer)
        peer.pause_writing()
        peer.resume_writing()
    assert (line.closed, other.closed) == (False, False)


def test_who_left_is_known_no_more() -> None:
    house = House()
    peer, line = house.peer()
    assert house.door.has(peer.protocol)
    line.closed = True
    assert not house.door.has(peer.protocol)
    peer.connection_lost(None)
    assert house.door.peers == 0
    house.door.asked(peer.protocol)
    house.door.answered(peer.protocol)
    house.door.carries(peer.protocol, lambda: None)


def test_closing_shows_everybody_out() -> None:
    house = House()
    lines = [house.peer()[1] for _ in range(3)]
    house.door.close()
    assert all(line.closed for line in lines)
    assert house.loop.glance is None


@pytest.mark.parametrize("bound", ["connections", "tls_connections", "max_requests"])
def test_a_port_without_room_is_refused(bound: str) -> None:
    with pytest.raises(ValueError, match="at least one"):
        House(**{bound: 0})

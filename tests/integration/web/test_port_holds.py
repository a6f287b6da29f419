"""The port holds: whatever else connects to it, a scrape is answered, and nobody stays for nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from time import perf_counter

import pytest
from integration.web.peers import (
    ASKS,
    Crowd,
    becomes,
    descriptors,
    is_open,
    scrape,
    seconds_until_closed,
    site,
    started,
)
from structlog.testing import capture_logs

from exporter.web.door import Patience
from exporter.web.server import WebServer

pytestmark = pytest.mark.alone

HEAD = b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n"


@contextmanager
def patient(page: bytes, patience: Patience) -> Iterator[tuple[WebServer, Crowd]]:
    server = started(site(lambda: page), patience)
    crowd = Crowd(server.urls[0])
    try:
        yield server, crowd
    finally:
        crowd.disperse()
        server.stop(2)


def test_a_connection_is_kept_for_the_next_scrape(exporter: WebServer, crowd: Crowd) -> None:
    peer = crowd.call()
    for _ in range(3):
        peer.sendall(b"HEAD /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n")
        assert peer.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sends", [b"", HEAD, b"GET"], ids=["nothing", "half a head", "half a line"])
def test_a_peer_that_sends_no_whole_request_is_closed(sends: bytes) -> None:
    with patient(b"page", Patience(request_seconds=0.3)) as (_, crowd):
        assert 0.2 < seconds_until_closed(crowd.call(sends)) < 2


def drip(peer: socket.socket) -> float:
    """Send a byte of a header now and then; return after how many seconds the other side has had enough."""
    begun = perf_counter()
    peer.settimeout(0.05)
    while perf_counter() - begun < 5:
        try:
            peer.sendall(b"x")
            if not peer.recv(1 << 16):
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    return perf_counter() - begun


@pytest.mark.parametrize("first", [b"", ASKS], ids=["at first", "after an answer"])
def test_a_head_that_never_ends_is_closed_however_lively_it_is(first: bytes) -> None:
    with patient(b"page", Patience(request_seconds=0.5)) as (_, crowd):
        peer = crowd.call(first)
        if first:
            assert peer.recv(4096).startswith(b"HTTP/1.1 200")
        peer.sendall(HEAD + b"X-Slow: ")
        assert 0.3 < drip(peer) < 2.5


def test_an_idle_peer_is_closed_later_than_one_that_never_asked() -> None:
    with patient(b"page", Patience(request_seconds=0.3, idle_seconds=1.5)) as (_, crowd):
        asked, silent = crowd.call(ASKS), crowd.call()
        seconds_until_closed(silent)
        assert is_open(asked)
        assert seconds_until_closed(asked) < 3


def test_a_peer_that_does_not_read_its_answer_is_closed() -> None:
    with patient(bytes(1 << 24), Patience(answer_seconds=0.3)) as (server, crowd):
        before = descriptors()
        crowd.call(ASKS, receive_buffer=4096)
        assert becomes(lambda: descriptors() == before + 1)
        assert len(scrape(server.urls[0])[1]) == 1 << 24


def test_reading_a_little_now_and_then_does_not_keep_an_answer_for_ever() -> None:
    with patient(bytes(1 << 24), Patience(answer_seconds=1, idle_seconds=9)) as (_, crowd):
        before, begun = descriptors(), perf_counter()
        peer = crowd.call(ASKS, receive_buffer=4096)

        def reads_a_little_and_is_gone() -> bool:
            return bool(peer.recv(1 << 12)) and perf_counter() - begun > 0.1 and descriptors() == before + 1

        assert becomes(reads_a_little_and_is_gone)
        assert 0.9 < perf_counter() - begun < 3


def test_an_answer_under_way_is_not_mistaken_for_a_peer_that_asks_nothing() -> None:
    with patient(bytes(1 << 24), Patience(answer_seconds=3, request_seconds=0.2, idle_seconds=0.2)) as (_, crowd):
        peer = crowd.call(ASKS, receive_buffer=4096)
        assert not becomes(lambda: not peer.getpeername(), seconds=1)
        assert is_open(peer)


def test_a_peer_that_was_answered_is_idle_and_goes_before_one_that_waits_to_read() -> None:
    with patient(bytes(1 << 24), Patience(connections=2)) as (_, crowd):
        reader = crowd.call(ASKS, receive_buffer=4096)
        idle = crowd.call(b"GET / HTTP/1.1\r\nHost: exporter\r\n\r\n")
        assert idle.recv(4096)
        crowd.call()
        assert seconds_until_closed(idle) < 1
        assert is_open(reader)


def test_a_slow_reader_gets_its_whole_answer() -> None:
    with patient(bytes(1 << 22), Patience(answer_seconds=5)) as (_, crowd):
        peer = crowd.call(ASKS.replace(b"1.1", b"1.0"), receive_buffer=4096)
        received = 0
        while piece := peer.recv(1 << 16):
            received += len(piece)
        assert received > 1 << 22


def test_answers_that_nobody_reads_are_few() -> None:
    with patient(bytes(1 << 24), Patience(max_requests=2)) as (_, crowd):
        before = descriptors()
        for _ in range(8):
            crowd.call(ASKS * 20, receive_buffer=4096)
        assert becomes(lambda: descriptors() == before + 8 + 2)
        assert [seconds_until_closed(peer) < 1 for peer in crowd.peers[:6]] == [True] * 6


def test_a_full_house_sends_away_those_who_never_asked_before_those_who_did() -> None:
    with patient(b"page", Patience(connections=3)) as (_, crowd):
        asked = crowd.call(ASKS)
        assert asked.recv(4096)
        older, younger, newest = crowd.call(), crowd.call(HEAD), crowd.call()
        assert seconds_until_closed(older) < 1
        assert [is_open(peer) for peer in (asked, younger, newest)] == [True, True, True]


def test_a_full_house_of_those_who_asked_sends_away_the_one_idle_longest() -> None:
    with patient(b"page", Patience(connections=2)) as (_, crowd):
        first, second = crowd.call(ASKS), crowd.call(ASKS)
        for peer in (first, second, first):
            assert peer.recv(4096)
            if peer is second:
                first.sendall(ASKS)
        crowd.call()
        assert seconds_until_closed(second) < 1
        assert is_open(first)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 100_000,
        HEAD + b"X-Long: " + b"x" * 100_000,
        HEAD + b"X" * 100_000,
        HEAD + b"X-Many: x\r\n" * 10_000,
    ],
    ids=["path", "value", "name", "headers"],
)
def test_a_head_without_bounds_is_refused(head: bytes, exporter: WebServer, crowd: Crowd) -> None:
    with closing(crowd.call(head)) as peer:
        try:
            answer = peer.recv(4096)
        except ConnectionError:
            answer = b""
        assert answer == b"" or answer.split()[1] in {b"400", b"431"}
        assert seconds_until_closed(peer) < 1


def test_an_answer_that_cannot_be_made_is_logged_once_and_not_for_every_peer() -> None:
    def broken() -> bytes:
        message = "no page today"
        raise ValueError(message)

    server = started(site(broken))
    crowd = Crowd(server.urls[0])
    with capture_logs() as lines:
        answers = [crowd.call(ASKS).recv(4096) for _ in range(50)]
    crowd.disperse()
    server.stop(2)

    assert {answer.split()[1] for answer in answers} == {b"500"}
    assert [line["event"] for line in lines] == ["A request could not be answered"]
    assert not any(b"no page today" in answer for answer in answers)


def test_stopping_waits_for_nobody() -> None:
    server = started(site(lambda: bytes(1 << 24)))
    crowd = Crowd(server.urls[0])
    before = descriptors()
    for sends in (b"", HEAD, ASKS * 10) * 20:
        crowd.call(sends, receive_buffer=4096)
    begun = perf_counter()
    server.stop(2)

    assert perf_counter() - begun < 1
    assert not server.alive
    assert descriptors() <= before + 60
    crowd.disperse()

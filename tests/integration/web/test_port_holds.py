"""The port holds: whatever else connects to it, a scrape is answered, and nobody stays for nothing."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import perf_counter

import pytest
from integration.web.peers import (
    ASKS,
    Crowd,
    break_off,
    descriptors,
    is_open,
    scrape,
    seconds_until_closed,
    started,
)
from structlog.testing import capture_logs

from exporter.web.door import Patience
from exporter.web.server import WebServer

pytestmark = pytest.mark.alone

MANY = 600
HEAD = b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n"
ATTACKS: dict[str, bytes] = {
    "silence": b"",
    "half a line": b"GE",
    "half a head": HEAD + b"X-Slow: ",
    "noise": bytes(range(256)) * 8,
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "a bad header": HEAD + b"no colon here\r\n\r\n",
    "a bad length": HEAD + b"Content-Length: -1\r\n\r\n",
    "a body that never ends": HEAD + b"Content-Length: 1000000000\r\n\r\nx",
    "chunks that are none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "an upgrade": HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "pipelining": ASKS * 40,
    "one whole request": ASKS,
}


@contextmanager
def patient(page: bytes, patience: Patience) -> Iterator[tuple[WebServer, Crowd]]:
    server = started(lambda: page, patience)
    crowd = Crowd(server)
    try:
        yield server, crowd
    finally:
        crowd.disperse()
        server.stop(2)


@contextmanager
def few_lines(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever peers do, they do not fill the log."""
    with caplog.at_level(logging.INFO), capture_logs() as lines:
        yield
    assert [line for line in lines if line["log_level"] == "error"] == []
    assert len(lines) <= 3
    assert [record for record in caplog.records if record.name != "structlog"] == []


def becomes(condition: Callable[[], bool]) -> bool:
    """Look again and again, for three seconds at most."""
    begun = perf_counter()
    pause = threading.Event()
    while not (true := condition()) and perf_counter() - begun < 3:
        pause.wait(0.02)
    return true


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_scrape_is_answered_beside_many_peers(
    attack: str, exporter: WebServer, crowd: Crowd, page: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = descriptors()
    with few_lines(caplog):
        for number in range(1, MANY + 1):
            crowd.call(ATTACKS[attack])
            if number % 150 == 0:
                seconds, body = scrape(exporter)
                assert seconds < 1
                assert body == page
    assert descriptors() - before - MANY <= 256


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "in the middle of the answer"])
def test_a_scrape_is_answered_beside_peers_that_break_off(
    exporter: WebServer, crowd: Crowd, page: bytes, caplog: pytest.LogCaptureFixture, waits: bool
) -> None:
    before = descriptors()
    with few_lines(caplog):
        for number in range(1, MANY + 1):
            peer = crowd.call(ASKS, receive_buffer=4096)
            if waits:
                assert peer.recv(1)
            break_off(peer)
            if number % 150 == 0:
                assert scrape(exporter)[1] == page
    assert becomes(lambda: descriptors() - before <= 40)


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
        assert len(scrape(server)[1]) == 1 << 24


def test_a_slow_reader_gets_its_whole_answer() -> None:
    with patient(bytes(1 << 22), Patience(answer_seconds=5)) as (_, crowd):
        peer = crowd.call(ASKS.replace(b"1.1", b"1.0"), receive_buffer=4096)
        received = 0
        while piece := peer.recv(1 << 16):
            received += len(piece)
        assert received > 1 << 22


def test_answers_that_nobody_reads_are_few() -> None:
    with patient(bytes(1 << 24), Patience(unread=2)) as (_, crowd):
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

    server = started(broken)
    crowd = Crowd(server)
    with capture_logs() as lines:
        answers = [crowd.call(ASKS).recv(4096) for _ in range(50)]
    crowd.disperse()
    server.stop(2)

    assert {answer.split()[1] for answer in answers} == {b"500"}
    assert [line["event"] for line in lines] == ["A request could not be answered"]
    assert not any(b"no page today" in answer for answer in answers)


def test_stopping_waits_for_nobody() -> None:
    server = started(lambda: bytes(1 << 24))
    crowd = Crowd(server)
    before = descriptors()
    for sends in (b"", HEAD, ASKS * 10) * 20:
        crowd.call(sends, receive_buffer=4096)
    begun = perf_counter()
    server.stop(2)

    assert perf_counter() - begun < 1
    assert not server.alive
    assert descriptors() <= before + 60
    crowd.disperse()

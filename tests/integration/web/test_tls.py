"""TLS on the port: counted from the first moment, closed in time, and nobody's answer is lost in it."""

from __future__ import annotations

import http.client
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import bcrypt
import pytest
from aiohttp import web
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

from exporter.clock import SystemClock
from exporter.web.access import Access
from exporter.web.door import Patience
from exporter.web.server import WebServer

pytestmark = pytest.mark.alone

ONCE = ASKS.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


class Tls:
    tls = True

    def __init__(self, pem: Path) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pem)

    async def admit(self, request: web.Request) -> None:
        assert request.secure

    def headers(self) -> Mapping[str, str]:
        return {"Strict-Transport-Security": "max-age=1"}


@pytest.fixture
def serve(pem: Path) -> Serve:
    return Serve(pem)


class Serve:
    def __init__(self, pem: Path) -> None:
        self.pem = pem

    @contextmanager
    def __call__(self, page: bytes = b"page", patience: Patience | None = None) -> Iterator[tuple[WebServer, Crowd]]:
        server = started(site(lambda: page), patience, Tls(self.pem))
        try:
            with Crowd(server.urls[0]) as crowd:
                yield server, crowd
        finally:
            server.stop(2)


def test_the_page_is_served_over_tls(serve: Serve, trusting: ssl.SSLContext) -> None:
    with serve(bytes(1 << 22)) as (server, _):
        assert urlsplit(server.urls[0]).scheme == "https"
        assert scrape(server.urls[0], trusting)[1] == bytes(1 << 22)


def test_a_connection_is_kept_and_has_the_headers(serve: Serve, trusting: ssl.SSLContext) -> None:
    with serve() as (server, _):
        port = urlsplit(server.urls[0]).port
        with closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=trusting)) as connection:
            for _ in range(3):
                connection.request("GET", "/metrics")
                answer = connection.getresponse()
                assert answer.read() == b"page"
                assert answer.headers["Strict-Transport-Security"] == "max-age=1"


def test_a_request_that_comes_together_with_the_end_of_the_handshake_is_answered(
    serve: Serve, trusting: ssl.SSLContext
) -> None:
    with serve() as (_, crowd):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = trusting.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        line = crowd.call()
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                if outgoing.pending:
                    line.sendall(outgoing.read())
                incoming.write(line.recv(1 << 16))
        client.write(ONCE)
        line.sendall(outgoing.read())  # the last word of the handshake, and the request, in one segment
        answer = b""
        while b"page" not in answer:
            try:
                answer += client.read(1 << 16)
            except ssl.SSLWantReadError:
                incoming.write(line.recv(1 << 16))
        assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sends", [b"", b"\x16\x03\x01"], ids=["nothing", "the beginning of a greeting"])
def test_a_peer_that_does_not_shake_hands_is_closed(serve: Serve, sends: bytes) -> None:
    with serve(patience=Patience(request_seconds=0.4)) as (_, crowd):
        before = descriptors()
        assert 0.2 < seconds_until_closed(crowd.call(sends)) < 2
        assert becomes(lambda: descriptors() == before + 1)


def test_a_peer_that_shakes_hands_and_asks_nothing_is_closed(serve: Serve, trusting: ssl.SSLContext) -> None:
    with serve(patience=Patience(request_seconds=0.4)) as (_, crowd):
        crowd.tls = trusting
        assert 0.1 < seconds_until_closed(crowd.call()) < 2


@pytest.mark.parametrize("sends", [ASKS, bytes(range(256))], ids=["plain HTTP", "noise"])
def test_who_does_not_speak_tls_is_closed_at_once_and_not_logged(serve: Serve, sends: bytes) -> None:
    with capture_logs() as lines, serve() as (_, crowd):
        assert seconds_until_closed(crowd.call(sends)) < 1
    assert {line["log_level"] for line in lines} <= {"debug"}


def test_silent_peers_are_counted_and_the_oldest_goes(serve: Serve, trusting: ssl.SSLContext) -> None:
    with serve(patience=Patience(tls_connections=3)) as (server, crowd):
        peers = [crowd.call() for _ in range(4)]
        assert seconds_until_closed(peers[0]) < 1
        assert [is_open(peer) for peer in peers[1:]] == [True] * 3
        assert scrape(server.urls[0], trusting)[1] == b"page"


def test_answers_that_nobody_reads_are_few(serve: Serve, trusting: ssl.SSLContext) -> None:
    with serve(bytes(1 << 24), Patience(max_requests=2)) as (server, crowd):
        crowd.tls = trusting
        before = descriptors()
        for _ in range(6):
            crowd.call(ASKS * 20, receive_buffer=4096)
        assert becomes(lambda: descriptors() == before + 6 + 2)
        assert len(scrape(server.urls[0], trusting)[1]) == 1 << 24


def test_an_answer_that_is_not_read_is_given_up(serve: Serve, trusting: ssl.SSLContext) -> None:
    with serve(bytes(1 << 24), Patience(answer_seconds=0.3)) as (_, crowd):
        crowd.tls = trusting
        before = descriptors()
        crowd.call(ASKS, receive_buffer=4096)
        assert becomes(lambda: descriptors() == before + 1)


def test_a_slow_reader_gets_its_whole_answer(serve: Serve, trusting: ssl.SSLContext) -> None:
    with serve(bytes(1 << 22)) as (_, crowd):
        crowd.tls = trusting
        peer, received = crowd.call(ONCE, receive_buffer=4096), 0
        while piece := peer.recv(1 << 16):
            received += len(piece)
        assert received > 1 << 22


def test_stopping_waits_for_no_handshake(serve: Serve, trusting: ssl.SSLContext) -> None:
    with serve() as (server, crowd):
        before = descriptors()
        for number in range(40):
            crowd.tls = trusting if number % 2 else None
            crowd.call(ASKS if number % 2 else b"\x16")
        begun = perf_counter()
        server.stop(2)
        assert perf_counter() - begun < 1
        assert not server.alive
        assert descriptors() <= before + 40
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(crowd.address, 5)


def test_the_web_configuration_file_gives_tls_passwords_and_headers(
    pem: Path, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    config = tmp_path / "web.yaml"
    hashed = bcrypt.hashpw(b"word", bcrypt.gensalt(4)).decode()
    config.write_text(
        f"tls_server_config: {{cert_file: {pem}, key_file: {pem}}}\n"
        f"http_server_config: {{headers: {{X-Frame-Options: deny}}}}\n"
        f"basic_auth_users: {{prometheus: {hashed}}}\n"
    )
    access = Access(config, now=SystemClock().elapsed)
    access.load()
    server = started(site(lambda: b"page"), access=access)
    password = {"Authorization": "Basic " + b64encode(b"prometheus:word").decode()}
    try:
        port = urlsplit(server.urls[0]).port
        with closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=trusting)) as connection:
            seen = []
            for path, headers in (("/metrics", {}), ("/metrics", password), ("/-/healthy", {})):
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                seen.append((answer.status, answer.headers["X-Frame-Options"], answer.headers["WWW-Authenticate"]))
        assert seen == [(401, "deny", "Basic"), (200, "deny", None), (200, "deny", None)]
    finally:
        server.stop(2)

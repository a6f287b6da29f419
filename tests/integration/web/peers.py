"""A server on a free port, peers that talk to it over raw sockets, and the scrape beside them."""

from __future__ import annotations

import http.client
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

from exporter.web.door import Patience
from exporter.web.server import Site, WebServer

TEXT = "text/plain; version=0.0.4; charset=utf-8"
ASKS = b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n"


def started(page: Callable[[], bytes], patience: Patience | None = None) -> WebServer:
    """Serve one page until it is stopped."""
    site = Site(metrics={TEXT: page}, landing=str, healthy=lambda: None, ready=lambda: None)
    server = WebServer(site, addresses=["127.0.0.1:0"], patience=patience)
    server.bind()
    server.start()
    return server


class Crowd:
    """Peers of one server; all of them are gone when the crowd is dispersed."""

    def __init__(self, server: WebServer) -> None:
        self.address = ("127.0.0.1", urlsplit(server.urls[0]).port)
        self.peers: list[socket.socket] = []

    def call(self, sends: bytes = b"", *, receive_buffer: int | None = None) -> socket.socket:
        """Connect, and send; a peer that is closed meanwhile is no failure of the crowd's."""
        peer = socket.socket()
        self.peers.append(peer)
        if receive_buffer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        peer.settimeout(5)
        try:
            peer.connect(self.address)
            peer.sendall(sends)
        except ConnectionError:
            pass
        return peer

    def disperse(self) -> None:
        """Close all."""
        for peer in self.peers:
            peer.close()


def break_off(peer: socket.socket) -> None:
    """Close with a reset, as a process does that is killed while it reads."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def is_open(peer: socket.socket) -> bool:
    """Return whether the other side has not closed; takes what it sent."""
    peer.setblocking(False)
    try:
        while peer.recv(1 << 20):
            pass
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    return False


def seconds_until_closed(peer: socket.socket) -> float:
    """Read until the other side closes; raises `TimeoutError` if it does not within five seconds."""
    begun = perf_counter()
    peer.settimeout(5)
    try:
        while peer.recv(1 << 20):
            pass
    except ConnectionError:
        pass
    return perf_counter() - begun


def scrape(server: WebServer) -> tuple[float, bytes]:
    """Return the seconds that a scrape takes, and its page; it may miss once."""
    for last in (False, True):
        begun = perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.urls[0]).port, timeout=1)
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            page = answer.read()
        except (OSError, http.client.HTTPException):
            if last:
                raise
        else:
            assert answer.status == 200
            return perf_counter() - begun, page
        finally:
            connection.close()
    raise AssertionError


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())

"""A server on a free port, peers that talk to it over raw sockets, and the scrape beside them."""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Self
from urllib.parse import urlsplit

from exporter.web.door import Patience
from exporter.web.entry import Entry
from exporter.web.pieces import Parts
from exporter.web.server import Site, WebServer
from exporter.web.site import Document

TEXT = "text/plain; version=0.0.4; charset=utf-8"
ASKS = b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n"


def site(page: Callable[[], bytes] = bytes) -> Site:
    """Return a site with one page."""
    return Site(
        metrics={TEXT: lambda: (Parts(page()),)},
        landing=lambda: Document(html="landing"),
        healthy=lambda: None,
        ready=lambda: None,
    )


def started(site: Site, patience: Patience | None = None, access: Entry | None = None) -> WebServer:
    """Serve until it is stopped."""
    server = WebServer(site, addresses=["127.0.0.1:0"], patience=patience, access=access)
    server.bind()
    server.start()
    return server


class Crowd:
    """Peers of one server; all of them are gone when the crowd is dispersed."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        self.address = ("127.0.0.1", urlsplit(url).port)
        self.tls = tls
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
            if self.tls is not None:
                peer = self.peers[-1] = self.tls.wrap_socket(peer, server_hostname="127.0.0.1")
            peer.sendall(sends)
        except (ConnectionError, ssl.SSLError):
            pass
        return peer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.disperse()

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


def scrape(url: str, tls: ssl.SSLContext | None = None) -> tuple[float, bytes]:
    """Return the seconds that a scrape takes, and its page; it may miss once."""
    for last in (False, True):
        begun = perf_counter()
        port = urlsplit(url).port
        connection = (
            http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            if tls is None
            else http.client.HTTPSConnection("127.0.0.1", port, timeout=1, context=tls)
        )
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


def descriptors(process: int | str = "self") -> int:
    """Return how many descriptors a process has open."""
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


def becomes(condition: Callable[[], bool], *, seconds: float = 5) -> bool:
    """Look again and again, until it is true or the time is over."""
    begun = perf_counter()
    pause = threading.Event()
    while not (true := condition()) and perf_counter() - begun < seconds:
        pause.wait(0.02)
    return true

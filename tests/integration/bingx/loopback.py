"""Servers of one test each, on loopback: a script says what goes over the socket, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

from exporter.bingx.endpoints import Endpoint
from exporter.bingx.transport import Call, Route
from exporter.model import Secret

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

QUERY = "limit=10&timestamp=1700000000000&signature=" + "ab" * 32
KEY = "k" * 64


class Exchange:
    """A listening socket; `script` is called with each connection and whether it is over when it returns."""

    def __init__(self, script: Callable[[Peer], None], context: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.context = context
        self.requests: list[bytes] = []
        self.connections = 0
        self.over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._peers: list[threading.Thread] = []
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http{'s' if self.context else ''}://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        for peer in self._peers:
            peer.join(5)
        self._listener.close()

    def _serve(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            peer = threading.Thread(target=self._talk, args=(connection,))
            self._peers.append(peer)
            peer.start()

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        with connection, contextlib.suppress(OSError):
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                self.script(Peer(connection, self))


class Peer:
    """One connection, from the server's side."""

    def __init__(self, connection: socket.socket, exchange: Exchange) -> None:
        self.connection = connection
        self.exchange = exchange
        self.number = exchange.connections

    def hear(self) -> bytes:
        """Read one request's head, b"" if the other side hung up."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = self.connection.recv(4096)
            if not piece:
                return b""
            head += piece
        self.exchange.requests.append(head)
        return head

    def say(self, text: bytes) -> None:
        self.connection.sendall(text)

    def drip(self, text: bytes, seconds: float) -> None:
        for offset in range(len(text)):
            self.say(text[offset : offset + 1])
            if self.exchange.over.wait(seconds):
                return

    def wait(self) -> None:
        self.exchange.over.wait(5)


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def call(  # a call as the client would make it
    url: str, *, timeout: float = 2.0, endpoint: Endpoint = Endpoint.BALANCE, route: Route | None = None
) -> Call:
    return Call(
        endpoint=endpoint,
        query=QUERY if endpoint.signed else "",
        base_url=url,
        api_key=Secret(KEY) if endpoint.signed else None,
        route=route or Route(),
        timeout=timeout,
    )

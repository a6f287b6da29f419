"""Connections on which a whole call has one deadline, however slowly its bytes drip.

`requests` bounds each wait, not their sum. Here every wait (per address, proxy, TLS, header, body) is given what is
left of the call's time just before it begins. The look-up of a name is the one wait that the operating system does not
let anybody bound; its own limit is in resolv.conf. This module owns sockets; the pools that keep them are `adapter`'s.
"""

from __future__ import annotations

import functools
import http.client
import io
import socket
import threading
from typing import TYPE_CHECKING, Any

import urllib3.connection
import urllib3.exceptions
import urllib3.util.connection

from exporter.bingx.incoming import receive

if TYPE_CHECKING:
    from exporter.bingx.incoming import Incoming
    from exporter.clock import Clock


class Line(threading.local):
    """What the call on this thread may still take, and how far it has come; each thread that looks sees its own."""

    def __init__(self, clock: Clock, most: int) -> None:
        """Measure on `clock.elapsed`; a body may have `most` bytes."""
        self._clock = clock
        self.most = most
        self._ends_at = 0.0
        self.source_address: str | None = None
        self.fresh = False
        self.answered = False
        self.sent_at = 0.0

    def begin(self, ends_at: float, source_address: str | None) -> None:
        """Start a call that has to be over at `ends_at`."""
        self._ends_at = ends_at
        self.source_address = source_address
        self.fresh = False
        self.answered = False

    def sending(self) -> None:
        """Note that the request goes out now: look-up, connection and TLS are behind it."""
        self.sent_at = self._clock.elapsed()

    def left(self) -> float:
        """Return the seconds left; raises `TimeoutError` when there are none."""
        left = self._ends_at - self._clock.elapsed()
        if left <= 0:
            raise TimeoutError
        return left


class _Reader(io.RawIOBase):
    """The bytes of a socket, each wait for them bounded by what is left of the call."""

    def __init__(self, sock: socket.socket, line: Line) -> None:
        self._sock = sock
        self._line = line
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any writable buffer
        self._sock.settimeout(self._line.left())
        count = self._raw.readinto(buffer)
        self._line.answered = self._line.answered or bool(count)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Source:
    """A socket as an HTTP response sees it."""

    def __init__(self, sock: socket.socket, line: Line) -> None:
        self._sock = sock
        self._line = line

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._line))


def _response(line: Line, sock: socket.socket, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:  # noqa: ANN401 - passed on
    return http.client.HTTPResponse(_Source(sock, line), *args, **kwargs)  # type: ignore[arg-type]  # all it asks of a socket is makefile


class LineConnection(urllib3.connection.HTTPConnection):
    """A connection whose every wait is bounded by what `line` has left; it sends requests without a body only."""

    def __init__(self, *args: Any, line: Line, **kwargs: Any) -> None:  # noqa: ANN401 - passed on as they come
        super().__init__(*args, **kwargs)
        self._line = line
        self.used_at = 0.0
        self.response_class = functools.partial(_response, line)  # type: ignore[assignment]  # only ever called

    def _new_conn(self) -> socket.socket:
        self._line.fresh = True
        try:
            sock = self._reach()
        except TimeoutError as foreign:
            message = "no connection in time"
            raise urllib3.exceptions.ConnectTimeoutError(self, message) from foreign
        except socket.gaierror as foreign:
            raise urllib3.exceptions.NameResolutionError(self.host, self, foreign) from foreign
        except OSError as foreign:
            raise urllib3.exceptions.NewConnectionError(self, "no connection") from foreign
        try:
            sock.settimeout(self._line.left())
        except TimeoutError:
            sock.close()
            raise
        return sock

    def _reach(self) -> socket.socket:
        """Try the addresses of the host one after the other; each may take its share of the time that is left."""
        failure: OSError = OSError("the name has no address")
        addresses = tuple(dict.fromkeys(_addresses(self._dns_host, self.port)))
        for tried, address in enumerate(addresses):
            try:
                return urllib3.util.connection.create_connection(
                    address,
                    self._line.left() / (len(addresses) - tried),
                    source_address=self.source_address,
                    socket_options=self.socket_options,
                )
            except OSError as foreign:
                failure = foreign
        raise failure

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **_: Any) -> None:  # noqa: ANN401 - as the pool calls it
        """Send a request without a body at once; from here on the exchange may be reading it."""
        if self.sock is None:
            self.connect()
        lines = [f"{method} {url} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        if body is not None or " " in url or not all(line.isprintable() for line in lines):
            raise http.client.InvalidURL
        self.sock.settimeout(self._line.left())
        self._line.sending()
        self.used_at = self._line.sent_at
        self.sock.sendall("\r\n".join((*lines, "", "")).encode("ascii"))

    def getresponse(self) -> Incoming:  # type: ignore[override]  # it has all that the pool asks of it
        """Read the whole answer; a connection that cannot serve another call is closed."""
        answer = receive(self.sock, self._line)
        if not answer.kept or _holds_more(self.sock):
            self.close()
        return answer

    def _tunnel(self) -> None:
        super()._tunnel()
        self.sock.settimeout(self._line.left())


class SecureLineConnection(LineConnection, urllib3.connection.HTTPSConnection):
    """The same over TLS: the handshake begins with the timeout that the socket has been given, and that is a total."""


def _holds_more(sock: Any) -> bool:  # noqa: ANN401 - urllib3's own for TLS within TLS is no socket
    """Tell whether TLS within TLS has read further than this answer: no look at the socket would find what is there."""
    ahead = getattr(sock, "incoming", None)
    return ahead is not None and bool(ahead.pending)


def _addresses(host: str, port: int) -> list[tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, urllib3.util.connection.allowed_gai_family(), socket.SOCK_STREAM)
    except UnicodeError as foreign:
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from foreign
    return [(str(address[0]), port) for *_, address in found]

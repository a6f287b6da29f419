"""Connections on which a whole call has one deadline, however slowly its bytes drip.

`requests` bounds each wait, not their sum. Here every wait (per address, proxy, TLS, header, body) is given what is
left of the call's time just before it begins. The look-up of a name is the one wait that the operating system does not
let anybody bound; its own limit is in resolv.conf. This module owns sockets and pools, and knows no endpoint.
"""

from __future__ import annotations

import functools
import http.client
import io
import socket
from typing import TYPE_CHECKING, Any, Final

import requests.adapters
import requests.utils
import urllib3.connection
import urllib3.exceptions
import urllib3.util.connection

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from exporter.clock import Clock

_HOSTS_AT_MOST: Final = 64
_PROXIES_AT_MOST: Final = 64

Egress = tuple[str | None, str | None]
"""A way out: the proxy, and the address of ours that connections leave from."""


class Line:
    """What one call on this thread may still take, and how far it has come."""

    def __init__(self, clock: Clock) -> None:
        """Measure on `clock.elapsed`."""
        self._clock = clock
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


class LineAdapter(requests.adapters.HTTPAdapter):
    """The connections of one thread: kept alive, one a host and route, all on the `SSLContext` of the house."""

    def __init__(self, line: Line, context: ssl.SSLContext) -> None:
        """Hold connections on `line`."""
        self._line = line
        self._context = context
        super().__init__(pool_connections=_HOSTS_AT_MOST, pool_maxsize=1)

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passed on
        """Tell connections apart by host and by the address they leave from."""
        host, _ = super().build_connection_pool_key_attributes(*args, **kwargs)
        pool: dict[str, Any] = {"ssl_context": self._context} if host["scheme"] == "https" else {}
        if self._line.source_address is not None:
            pool["source_address"] = (self._line.source_address, 0)
        return host, pool

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passed on
        """Find the pool for a request, and see that its connections are ours."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _SecureConnection if pool.scheme == "https" else _Connection
        pool.conn_kw["line"] = self._line
        return pool

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:  # noqa: ANN401 - as requests declares it
        """Make TLS to a proxy use the one context, too; beyond 64 proxies, leave the one that was not used longest."""
        manager = super().proxy_manager_for(proxy, proxy_ssl_context=self._context, **proxy_kwargs)
        self.proxy_manager[proxy] = self.proxy_manager.pop(proxy)
        while len(self.proxy_manager) > _PROXIES_AT_MOST:
            self._leave(next(iter(self.proxy_manager)))
        return manager

    def keep(self, ways: Iterable[Egress]) -> None:
        """Close the connections of all other ways out, and forget those ways: a proxy may have a password."""
        kept = {(proxy and _as_known(proxy), source) for proxy, source in ways}
        for proxy in set(self.proxy_manager) - {proxy for proxy, _ in kept}:
            self._leave(proxy)
        for way, manager in ((None, self.poolmanager), *self.proxy_manager.items()):
            for key in manager.pools.keys():  # noqa: SIM118 - that container cannot be iterated
                if (way, key.key_source_address and key.key_source_address[0]) not in kept:
                    _close(manager, key)

    def close(self) -> None:
        """Close every idle connection; may be called from any thread."""
        for manager in (self.poolmanager, *tuple(self.proxy_manager.values())):
            manager.clear()

    def _leave(self, proxy: str) -> None:
        manager = self.proxy_manager.pop(proxy)
        for key in manager.pools.keys():  # noqa: SIM118 - that container cannot be iterated
            _close(manager, key)

    def cert_verify(self, conn: Any, *_: Any) -> None:  # noqa: ANN401 - as requests declares it
        """Leave trust to the context: requests would load the CA file into it once more for every connection."""
        conn.cert_reqs = "CERT_REQUIRED"


def _as_known(proxy: str) -> str:
    """Write the URL of a proxy as requests does before it looks for its manager."""
    known: str = requests.utils.prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]  # its stubs have no types for it
    return known


def _close(manager: Any, key: Any) -> None:  # noqa: ANN401 - of urllib3's own making
    pool = manager.pools.pop(key, None)
    if pool is not None:
        pool.close()


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


class _Connection(urllib3.connection.HTTPConnection):
    def __init__(self, *args: Any, line: Line, **kwargs: Any) -> None:  # noqa: ANN401 - passed on as they come
        super().__init__(*args, **kwargs)
        self._line = line
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

    def endheaders(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on as they come
        """Send what was put together; from here on the exchange may be reading it."""
        if self.sock is None:
            self.connect()
        self._line.sending()
        super().endheaders(*args, **kwargs)

    def _tunnel(self) -> None:
        super()._tunnel()
        self.sock.settimeout(self._line.left())


class _SecureConnection(_Connection, urllib3.connection.HTTPSConnection):
    """The same over TLS: the handshake begins with the timeout that the socket has been given, and that is a total."""


def _addresses(host: str, port: int) -> list[tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, urllib3.util.connection.allowed_gai_family(), socket.SOCK_STREAM)
    except UnicodeError as foreign:
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from foreign
    return [(str(address[0]), port) for *_, address in found]

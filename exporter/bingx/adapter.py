"""The connections that calls go out by: one pool of requests' adapter for each host and way out, shared by all threads.

This module owns pools, proxies and when they are left; it knows no endpoint, and touches no socket.
"""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import requests.adapters
import urllib3
import urllib3.util
from msgspec import Struct

from exporter.bingx.connection import LineConnection, SecureLineConnection
from exporter.bingx.idle import Idle

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from exporter.bingx.connection import Line

IDLE_SECONDS: Final = 30.0
_TIDY_SECONDS: Final = 5.0
_PORTS: Final = MappingProxyType({"http": 80, "https": 443})

Egress = tuple[str, str | None, str | None]
"""The base URL of a host and the way out to it: the proxy, and the address of ours that connections leave from."""


class _LinePool(urllib3.HTTPConnectionPool):
    ConnectionCls: Any = LineConnection
    QueueCls: Any = Idle


class _SecureLinePool(urllib3.HTTPSConnectionPool):
    ConnectionCls: Any = SecureLineConnection
    QueueCls: Any = Idle


_POOLS: Final = MappingProxyType({"http": _LinePool, "https": _SecureLinePool})


class Door(Struct, frozen=True):
    """Where calls to a base URL go out: the connections, the idle ones, what stands before a path, and the host."""

    pool: urllib3.HTTPConnectionPool
    idle: Idle
    prefix: str
    host: str


class LineAdapter(requests.adapters.HTTPAdapter):
    """Connections that are kept alive, all on the `SSLContext` of the house. Thread-safe.

    One that nobody has used for half a minute is closed by one of the calls in the next five seconds, or else by the
    first one after them, whatever way out either is for.
    """

    def __init__(self, line: Line, context: ssl.SSLContext) -> None:
        """Let each call wait as its thread's `line` allows."""
        self._line = line
        self._context = context
        self._finding = threading.Lock()
        self._doors: dict[Egress, Door] = {}
        self._tidy_at = 0.0
        super().__init__()
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def door(self, egress: Egress, now: float) -> Door:
        """Find where calls go out, at a moment on `Clock.elapsed`; `line` has their source address already."""
        if now >= self._tidy_at:
            self._tidy_at = now + _TIDY_SECONDS
            for each in tuple(self._doors.values()):
                each.idle.leave(now - IDLE_SECONDS)
        door = self._doors.get(egress)
        if door is None:
            with self._finding:
                door = self._doors.get(egress) or self._find(egress)
                self._doors[egress] = door
        return door

    def renew(self, egress: Egress) -> None:
        """Close the idle connections of a way out: the next call opens one."""
        door = self._doors.get(egress)
        if door is not None:
            door.idle.leave()

    def keep(self, ways: Iterable[Egress]) -> None:
        """Forget all other ways out; their connections are closed, those of calls under way when these have ended."""
        kept = frozenset(ways)
        with self._finding:
            left = [door for egress, door in self._doors.items() if egress not in kept]
            self._doors = {egress: door for egress, door in self._doors.items() if egress in kept}
        for door in left:  # its pool may be held by the errors of calls that failed
            door.idle.end()

    def close(self) -> None:
        """Close every idle connection, and the others when their calls end."""
        self.keep(())

    def _find(self, egress: Egress) -> Door:
        base_url, proxy, _ = egress
        request = requests.PreparedRequest()
        request.method, request.url = "GET", f"{base_url.rstrip('/')}/"
        proxies = {"all": proxy} if proxy else None
        pool = self.get_connection_with_tls_context(request, verify=True, proxies=proxies)
        self.poolmanager.clear()
        self.proxy_manager.clear()
        target = urllib3.util.parse_url(request.url)
        host = (target.host or "").rstrip(".")
        usual = _PORTS.get(target.scheme or "")
        return Door(
            pool=pool,
            idle=pool.pool,
            prefix=self.request_url(request, proxies).removesuffix("/"),
            host=host if target.port in (None, usual) else f"{host}:{target.port}",
        )

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passed on
        """Have connections leave from the address of the call."""
        host, _ = super().build_connection_pool_key_attributes(*args, **kwargs)
        pool: dict[str, Any] = {"ssl_context": self._context} if host["scheme"] == "https" else {}
        if self._line.source_address is not None:
            pool["source_address"] = (self._line.source_address, 0)
        return host, pool

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passed on
        """Find the pool for a request, and see that its connections have `line`, and leave trust to the context.

        requests would load the CA file into the context once more for every connection.
        """
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.conn_kw["line"] = self._line
        pool.cert_reqs = "CERT_REQUIRED"
        return pool

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:  # noqa: ANN401 - as requests declares it
        """Make TLS to a proxy use the one context, too."""
        manager = super().proxy_manager_for(proxy, proxy_ssl_context=self._context, **proxy_kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

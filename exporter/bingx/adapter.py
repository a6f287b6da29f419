"""The connections that a thread keeps: which pool of requests' adapter a call goes out by, and when a pool is left.

This module owns pools, proxies and their bounds; it knows no endpoint, and touches no socket.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import requests.adapters
import requests.utils
import urllib3
import urllib3.util

from exporter.bingx.connection import LineConnection, SecureLineConnection

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from exporter.bingx.connection import Line

_HOSTS_AT_MOST: Final = 64
_PROXIES_AT_MOST: Final = 64
_DOORS_AT_MOST: Final = 64
_PORTS: Final = MappingProxyType({"http": 80, "https": 443})

Egress = tuple[str | None, str | None]
"""A way out: the proxy, and the address of ours that connections leave from."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where calls to a base URL go out: what stands before a path there, the host, and the proxy as requests knows it.

    urllib3 closes a pool when nobody holds it any more, so a door must not.
    """

    pool: weakref.ref[urllib3.HTTPConnectionPool]
    prefix: str
    host: str
    proxy: str | None


class LineAdapter(requests.adapters.HTTPAdapter):
    """The connections of one thread: kept alive, one a host and route, all on the `SSLContext` of the house."""

    def __init__(self, line: Line, context: ssl.SSLContext) -> None:
        """Hold connections on `line`."""
        self._line = line
        self._context = context
        self._doors: dict[tuple[str, str | None, str | None], Door] = {}
        super().__init__(pool_connections=_HOSTS_AT_MOST, pool_maxsize=1)

    def door(self, base_url: str, proxy: str | None) -> tuple[urllib3.HTTPConnectionPool, Door]:
        """Find where calls to a base URL go out, and its pool; requests is asked again when the pool is gone."""
        key = (base_url, proxy, self._line.source_address)
        door = self._doors.get(key)
        pool = None if door is None else door.pool()
        if door is None or pool is None:
            pool, door = self._find(base_url, proxy)
            if len(self._doors) >= _DOORS_AT_MOST:
                self._doors.clear()
            self._doors[key] = door
        elif door.proxy is not None:
            self.proxy_manager[door.proxy] = self.proxy_manager.pop(door.proxy)  # was used last
        return pool, door

    def _find(self, base_url: str, proxy: str | None) -> tuple[urllib3.HTTPConnectionPool, Door]:
        request = requests.PreparedRequest()
        request.method, request.url = "GET", f"{base_url.rstrip('/')}/"
        proxies = {"all": proxy} if proxy else None
        pool = self.get_connection_with_tls_context(request, verify=True, proxies=proxies)
        self.cert_verify(pool)
        target = urllib3.util.parse_url(request.url)
        host = (target.host or "").rstrip(".")
        usual = _PORTS.get(target.scheme or "")
        return pool, Door(
            pool=weakref.ref(pool),
            prefix=self.request_url(request, proxies).removesuffix("/"),
            host=host if target.port in (None, usual) else f"{host}:{target.port}",
            proxy=proxy and _as_known(proxy),
        )

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
        pool.ConnectionCls = SecureLineConnection if pool.scheme == "https" else LineConnection
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
        self._doors.clear()

    def close(self) -> None:
        """Close every idle connection; may be called from any thread."""
        for manager in (self.poolmanager, *tuple(self.proxy_manager.values())):
            manager.clear()

    def _leave(self, proxy: str) -> None:
        manager = self.proxy_manager.pop(proxy)
        self._doors = {key: door for key, door in self._doors.items() if door.proxy != proxy}
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

"""One process's way to the exchange: transport, limits and clocks that all accounts share, and a client for each."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit

from exporter.bingx.client import Client, Credentials, ServerTimeClient
from exporter.bingx.environments import BASE_URLS
from exporter.bingx.host import HostClock
from exporter.bingx.limits import Limits
from exporter.bingx.transport import RequestsTransport, Route
from exporter.polling.host import Host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.bingx.client import Observer
    from exporter.bingx.transport import Transport
    from exporter.clock import Clock
    from exporter.config import AccountSettings


class _Shared(TypedDict):
    transport: Transport
    limits: Limits
    clock: Clock
    observer: Observer


class Exchange:
    """Builds clients; a host has one clock, however many ways lead to it."""

    def __init__(self, *, clock: Clock, observer: Observer) -> None:
        """Tell `observer` of every call of every client."""
        self._clock = clock
        self._clocks: dict[str, HostClock] = {}
        self._hosts: dict[tuple[str, str], Host] = {}
        self.limits = Limits()
        self.transport = RequestsTransport(clock)
        self._shared: _Shared = {
            "transport": self.transport,
            "limits": self.limits,
            "clock": clock,
            "observer": observer,
        }

    @property
    def clocks(self) -> Mapping[str, HostClock]:
        """The clocks of all hosts so far, by base URL."""
        return self._clocks

    @property
    def hosts(self) -> tuple[Host, ...]:
        """What measures the clocks, for each host and way out so far."""
        return tuple(self._hosts.values())

    def host_of(self, account: AccountSettings) -> Host:
        """Return what measures the clock of the account's host by the account's own way out.

        Ways out to one host share its clock: one that is dead takes the time from nobody else.
        """
        base_url, address = base_url_of(account), address_of(account)
        if (base_url, address) not in self._hosts:
            clock = self._clocks.setdefault(base_url, HostClock(self._clock))
            client = ServerTimeClient(
                host=clock, **self._shared, base_url=base_url, route=_route(account), timeout=account.timeout
            )
            self._hosts[base_url, address] = Host(
                base_url=base_url, client=client, host_clock=clock, address=address, clock=self._clock
            )
        return self._hosts[base_url, address]

    def client_of(self, account: AccountSettings) -> Client:
        """Return a client with the keys and the route of the account."""
        host = self.host_of(account)
        return Client(
            host=self._clocks[host.base_url],
            **self._shared,
            base_url=host.base_url,
            route=_route(account),
            timeout=account.timeout,
            recv_window=account.recv_window,
            credentials=Credentials(api_key=account.api_key, api_secret=account.api_secret),
        )

    def close(self) -> None:
        """Close every connection."""
        self.transport.close()


def base_url_of(account: AccountSettings) -> str:
    """Return where the account's calls go."""
    return account.base_url or BASE_URLS[account.environment]


def address_of(account: AccountSettings) -> str:
    """Name the egress address of the account: its proxy (no password), its source address, or the default."""
    if account.proxy:
        parts = urlsplit(account.proxy)
        return f"proxy {parts.hostname}:{parts.port}"
    return account.source_address or "default"


def key_name_of(account: AccountSettings) -> str:
    """Name the key without saying it: what stands for a user until the exchange has said who that is."""
    return "key " + hashlib.sha256(account.api_key.reveal().encode()).hexdigest()[:16]


def _route(account: AccountSettings) -> Route:
    return Route(proxy=account.proxy, source_address=account.source_address)

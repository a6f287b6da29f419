"""One process's way to the exchange: transport, limits and clocks that all accounts share, and a client for each."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit

from exporter.bingx.client import Client, Credentials, ServerTimeClient
from exporter.bingx.environments import HOSTS, Hosts
from exporter.bingx.host import HostClock
from exporter.bingx.limits import Limits
from exporter.bingx.transport import RequestsTransport, Route
from exporter.bingx.trust import trusting_soon
from exporter.bingx.way import Site, Way
from exporter.polling.host import Host

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
    """Builds clients; a host has one clock, however many ways lead to it.

    `keep` and `host_of` are called by one thread at a time; what is read meanwhile is whole.
    """

    def __init__(self, *, clock: Clock, observer: Observer) -> None:
        """Tell `observer` of every call of every client."""
        self._clock = clock
        self._clocks: dict[str, HostClock] = {}
        self._hosts: Mapping[tuple[Hosts, Route], Host] = {}
        self._observer = observer
        self._trust = trusting_soon()
        self.limits = Limits()

    @cached_property
    def transport(self) -> RequestsTransport:
        """What sends all calls; who needs it first waits for the CAs, if they have not been read by then."""
        return RequestsTransport(self._clock, ssl_context=self._trust())

    @property
    def _shared(self) -> _Shared:
        return {
            "transport": self.transport,
            "limits": self.limits,
            "clock": self._clock,
            "observer": self._observer,
        }

    @property
    def clocks(self) -> Mapping[str, HostClock]:
        """The clocks of the hosts that calls go to now, by base URL."""
        return {site.base_url: site.clock for site in (host.way.in_use for host in self.hosts)}

    @property
    def hosts(self) -> tuple[Host, ...]:
        """What measures the clocks, for each pair of hosts and way out so far."""
        return tuple(self._hosts.values())

    def host_of(self, account: AccountSettings) -> Host:
        """Return what measures the clocks of the account's hosts by the account's own way out.

        Ways out to one host share its clock: one that is dead takes the time from nobody else. Which of two hosts is
        in use each way out finds by itself.
        """
        key = _key(account)
        if key not in self._hosts:
            self._hosts = {**self._hosts, key: self._host(*key, account)}
        return self._hosts[key]

    def client_of(self, account: AccountSettings) -> Client:
        """Return a client with the keys and the route of the account."""
        return Client(
            way=self.host_of(account).way,
            **self._shared,
            route=_route(account),
            timeout=account.timeout,
            recv_window=account.recv_window,
            credentials=Credentials(api_key=account.api_key, api_secret=account.api_secret),
        )

    def keep(self, accounts: Iterable[AccountSettings]) -> tuple[Host, ...]:
        """Forget, and return, what measures hosts that none of these accounts uses any more.

        Connections by a way out that none of them uses are closed, those under way when their calls have ended.
        """
        wanted = {_key(account) for account in accounts}
        gone = tuple(host for key, host in self._hosts.items() if key not in wanted)
        self._hosts = {key: host for key, host in self._hosts.items() if key in wanted}
        ways = {(url, route) for hosts, route in wanted for url in (hosts.first, hosts.fallback) if url}
        used = {url for url, _ in ways}
        self._clocks = {url: clock for url, clock in self._clocks.items() if url in used}
        self.transport.keep(ways)
        return gone

    def _host(self, hosts: Hosts, route: Route, account: AccountSettings) -> Host:
        first = self._site(hosts.first)
        way = Way(first=first, fallback=None if hosts.fallback is None else self._site(hosts.fallback))
        client = ServerTimeClient(way=way, **self._shared, route=route, timeout=account.timeout)
        return Host(way=way, client=client, address=address_of(account), clock=self._clock)

    def _site(self, base_url: str) -> Site:
        return Site(base_url=base_url, clock=self._clocks.setdefault(base_url, HostClock(self._clock)))

    def close(self) -> None:
        """Close every connection, if there has ever been one."""
        if "transport" in vars(self):
            self.transport.close()


def hosts_of(account: AccountSettings) -> Hosts:
    """Return where the account's calls go, and where if that cannot be reached."""
    documented = HOSTS[account.environment]
    first = account.base_url or documented.first
    fallback = account.fallback_url or (None if account.base_url else documented.fallback)
    return Hosts(first=first, fallback=None if fallback == first else fallback)


def address_of(account: AccountSettings) -> str:
    """Name the egress address of the account: its proxy (no password), its source address, or the default."""
    if account.proxy:
        parts = urlsplit(account.proxy)
        return f"proxy {parts.hostname}:{parts.port}"
    return account.source_address or "default"


def key_name_of(account: AccountSettings) -> str:
    """Name the key without saying it: what stands for a user until the exchange has said who that is."""
    return "key " + hashlib.sha256(account.api_key.reveal().encode()).hexdigest()[:16]


def _key(account: AccountSettings) -> tuple[Hosts, Route]:
    return hosts_of(account), _route(account)


def _route(account: AccountSettings) -> Route:
    return Route(proxy=account.proxy, source_address=account.source_address)

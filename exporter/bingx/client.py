"""The exchange as the rest of the house sees it: one short method per endpoint.

A method turns a permit into an answer in the nouns of `exporter.model`. Nothing is tried twice here; when to call, and
what to do about a failure, is the schedule's. A method raises `BingxError` and nothing else, except `ValueError` for a
permit of another endpoint or one that was used before.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from exporter.bingx.calls import Answer, Calls, Credentials, Observer
from exporter.bingx.endpoints import (
    balance,
    commission_rate,
    income,
    income_export,
    permissions,
    positions,
    server_time,
)
from exporter.bingx.envelope import unwrap
from exporter.bingx.paths import Endpoint
from exporter.bingx.wire import Parsed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from exporter.bingx.endpoints.income import IncomeQuery
    from exporter.bingx.limits import Limits
    from exporter.bingx.permits import Permit
    from exporter.bingx.transport import Reply, Route, Transport
    from exporter.bingx.way import Site, Way
    from exporter.clock import Clock
    from exporter.model import Balances, CommissionRate, IncomeEntry, KeyPermissions, Position

__all__ = ["Answer", "Client", "Credentials", "Observer", "ServerTimeClient"]

_T = TypeVar("_T")


class ServerTimeClient:
    """The one public call: it sets the clocks of the hosts, and needs no account."""

    def __init__(  # noqa: PLR0913 - the one place where the parts of a call meet, all by name
        self,
        *,
        transport: Transport,
        limits: Limits,
        way: Way,
        clock: Clock,
        route: Route,
        timeout: float,
        observer: Observer,
    ) -> None:
        """Call the hosts of `way` by `route`, each call within `timeout` seconds in all."""
        self._way = way
        self._calls = Calls(
            transport=transport,
            limits=limits,
            way=way,
            clock=clock,
            route=route,
            timeout=timeout,
            observer=observer,
        )

    def server_time(self, permit: Permit, site: Site | None = None) -> Answer[datetime]:
        """Ask a host of the way (`None`: the one in use) for the exchange's time, and set its clock by it."""
        site = site or self._way.in_use

        def observe(reply: Reply) -> Parsed[datetime]:
            # Before anybody hears of the answer: with it the host may be in use, and calls are signed by its clock.
            parsed = _read(Endpoint.SERVER_TIME, server_time.parse, reply)
            site.clock.observe(parsed.value, reply.sent_at, reply.answered_at)
            return parsed

        return self._calls.make(permit, Endpoint.SERVER_TIME, observe, site=site)


class Client:
    """The calls of one account."""

    def __init__(  # noqa: PLR0913 - the one place where the parts of a call meet, all by name
        self,
        *,
        transport: Transport,
        limits: Limits,
        way: Way,
        clock: Clock,
        credentials: Credentials,
        route: Route,
        recv_window: float | None,
        timeout: float,
        observer: Observer,
    ) -> None:
        """Call the hosts of `way` by `route`, each call within `timeout` seconds; `recv_window` is in seconds, too."""
        self._calls = Calls(
            transport=transport,
            limits=limits,
            way=way,
            clock=clock,
            credentials=credentials,
            route=route,
            recv_window=recv_window,
            timeout=timeout,
            observer=observer,
        )
        self._income = income.IncomeReading()

    def balance(self, permit: Permit) -> Answer[Balances]:
        """Ask for the funds, by asset."""
        return self._calls.make(permit, Endpoint.BALANCE, partial(_read, Endpoint.BALANCE, balance.parse))

    def positions(self, permit: Permit) -> Answer[tuple[Position, ...]]:
        """Ask for the open positions."""
        return self._calls.make(permit, Endpoint.POSITIONS, partial(_read, Endpoint.POSITIONS, positions.parse))

    def income(self, permit: Permit, query: IncomeQuery) -> Answer[tuple[IncomeEntry, ...]]:
        """Ask for a window of the fund flow."""
        return self._calls.make(permit, Endpoint.INCOME, self._read_income, params=query.params())

    def income_export(self, permit: Permit, query: IncomeQuery) -> Answer[bytes]:
        """Ask for a window of the fund flow as a workbook."""
        return self._calls.make(permit, Endpoint.INCOME_EXPORT, _read_workbook, params=query.params())

    def commission_rate(self, permit: Permit) -> Answer[CommissionRate]:
        """Ask for the fee rates."""
        read = partial(_read, Endpoint.COMMISSION_RATE, commission_rate.parse)
        return self._calls.make(permit, Endpoint.COMMISSION_RATE, read)

    def permissions(self, permit: Permit) -> Answer[KeyPermissions]:
        """Ask what the key may do."""
        return self._calls.make(permit, Endpoint.PERMISSIONS, partial(_read, Endpoint.PERMISSIONS, permissions.parse))

    def _read_income(self, reply: Reply) -> Parsed[tuple[IncomeEntry, ...]]:
        return self._income.read(reply.status, reply.body)


def _read(endpoint: Endpoint, parse: Callable[[object], Parsed[_T]], reply: Reply) -> Parsed[_T]:
    return parse(unwrap(reply.status, reply.body, endpoint=endpoint))


def _read_workbook(reply: Reply) -> Parsed[bytes]:
    return Parsed(income_export.parse(reply.body, status=reply.status))

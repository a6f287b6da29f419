"""The exchange itself, without HTTP: who asks, whether he may, and what he is told.

Owns the order of the checks. At the gate: path, key, address, limits. Then signature, timestamp, right, parameters,
and the answer out of the world. Must not know faults or the control calls.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.simulator import refusals, wire
from exporter.simulator.endpoints import READ, Endpoint, Name, find_endpoint
from exporter.simulator.limits import Caller
from exporter.simulator.messages import Reply, Request, json_reply
from exporter.simulator.parameters import IncomeRules, Known, check_names, check_time, read_income, read_symbol
from exporter.simulator.signature import read_query
from exporter.simulator.workbook import CONTENT_TYPE, workbook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.simulator.cast import Key
    from exporter.simulator.income_book import IncomeRow
    from exporter.simulator.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request at the gate: the endpoint it wants, and the key it shows."""

    request: Request
    endpoint: Endpoint
    sent_key: str | None
    key: Key | None

    @property
    def account(self) -> str | None:
        """Return the name of the account that the key belongs to, if it is known."""
        return self.key.account if self.key else None

    @property
    def caller(self) -> Caller:
        """Return who is to be counted; an unknown key is a user of its own."""
        user = None
        if self.key:
            user = self.key.user_id
        elif self.sent_key:
            user = "key:" + hashlib.sha256(self.sent_key.encode()).hexdigest()
        return Caller(user=user, address=self.request.address, endpoint=self.endpoint.name)


class Venue:
    """The rules of the exchange over one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.income_rules = IncomeRules()

    def visit(self, request: Request) -> Visit:
        """Find endpoint and key; raises `Refused` if there is no such endpoint."""
        endpoint = find_endpoint(request.method, request.path)
        if endpoint is None:
            raise refusals.unknown_api()
        sent_key = request.headers.get("x-bx-apikey") if endpoint.right else None
        key = self.world.key(sent_key) if sent_key else None
        return Visit(request=request, endpoint=endpoint, sent_key=sent_key, key=key)

    def serve(self, visit: Visit, *, headers: Mapping[str, str]) -> Reply:
        """Answer a visit that the limits have let in; raises `Refused`."""
        if visit.endpoint.right is None:
            return self._answer_anybody(visit, headers)
        key = self._admitted_key(visit)
        parameters = self._checked_parameters(visit, key)
        name = key.account
        match visit.endpoint.name:
            case Name.BALANCE:
                data: object = wire.balance_rows(self.world.account(name).profile, self.world.portfolio(name))
            case Name.POSITIONS:
                data = self._positions(name, parameters)
            case Name.INCOME:
                data = wire.income_rows(self._income(name, parameters)) or self._no_income()
            case Name.INCOME_EXPORT:
                return self._export(name, parameters, headers)
            case Name.PERMISSIONS:
                return json_reply(wire.permissions(key), headers=headers)
            case _:
                data = wire.commission()
        return json_reply(wire.envelope(data), headers=headers)

    def _answer_anybody(self, visit: Visit, headers: Mapping[str, str]) -> Reply:
        parameters = dict(read_query(visit.request.query).pairs)
        check_names(visit.endpoint, parameters)
        return json_reply(wire.envelope(wire.server_time(self.world.now_ms())), headers=headers)

    @staticmethod
    def _admitted_key(visit: Visit) -> Key:
        if not visit.sent_key:
            raise refusals.missing_key()
        if visit.key is None:
            raise refusals.unknown_key()
        allowed = visit.key.addresses
        if allowed is not None and visit.request.address not in allowed:
            raise refusals.foreign_address(visit.request.address)
        return visit.key

    def _checked_parameters(self, visit: Visit, key: Key) -> dict[str, str]:
        query = read_query(visit.request.query)
        query.verify(key.api_secret)
        parameters = query.parameters()
        check_time(parameters, now_ms=self.world.now_ms())
        right = visit.endpoint.right or READ
        if not (key.read if right == READ else key.trade):
            raise refusals.no_permission(right)
        check_names(visit.endpoint, parameters)
        return parameters

    def _known(self, name: str) -> Known:
        book, market = self.world.account(name).book, self.world.market
        return Known(
            symbol=lambda symbol: symbol in market or book.knows_symbol(symbol),
            income_type=book.knows_type,
        )

    def _positions(self, name: str, parameters: Mapping[str, str]) -> list[wire.Row]:
        symbol, currency = read_symbol(parameters, self._known(name)), parameters.get("currency")
        valuations = [
            valuation
            for valuation in self.world.portfolio(name).positions
            if symbol in {None, valuation.position.contract.symbol}
            and (not currency or valuation.position.contract.asset == currency)
        ]
        return wire.position_rows(self.world.account(name).profile, valuations)

    def _income(self, name: str, parameters: Mapping[str, str]) -> list[IncomeRow]:
        now_ms = self.world.now_ms()
        question = read_income(parameters, known=self._known(name), rules=self.income_rules, now_ms=now_ms)
        if question is None:
            return []
        return self.world.account(name).book.answer(question, now_ms=self.world.second() * 1000)

    def _no_income(self) -> list[wire.Row] | None:
        return None if self.income_rules.empty_as_null else []

    def _export(self, name: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        rows = self._income(name, parameters)
        wallets = self.world.account(name).wallets_after(rows)
        file_name = {"Content-Disposition": 'attachment; filename="fund-flow.xlsx"'}
        body = workbook(zip(rows, wallets, strict=True))
        return Reply(body=body, content_type=CONTENT_TYPE, headers={**headers, **file_name})

"""Deeds on demand: a price, a position or income rows, put into the world by a control call.

Owns the checks that such a deed makes sense, and its effect on the world. Must not know HTTP.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from exporter.simulator.account import Account, Fill, Order
from exporter.simulator.income_book import IncomeRow
from exporter.simulator.wire import plain

if TYPE_CHECKING:
    from exporter.simulator.control_calls import CloseOut, Income, Open, Price
    from exporter.simulator.market import Contract
    from exporter.simulator.positions import Position
    from exporter.simulator.world import World

_EIGHT_DECIMALS: Final = Decimal("0.00000001")


class StagingError(Exception):
    """A deed that makes no sense in this world; the text says why."""


def pin(world: World, wanted: Price) -> dict[str, object]:
    """Hold a price, or let it go; isolated positions that do not survive it are liquidated at once."""
    contract = _contract(world, wanted.symbol)
    _positive("a price", wanted.price)
    world.pin(wanted.symbol, wanted.price)
    return {"symbol": wanted.symbol, "mark_price": plain(world.market.mark(contract, world.second()))}


def open_up(world: World, wanted: Open) -> dict[str, object]:
    """Open a position that the account's own trading leaves alone, or add to the one it merges with."""
    account, contract = _account(world, wanted.account), _contract(world, wanted.symbol)
    _positive("an amount", wanted.amount)
    order = Order(
        contract=contract,
        side=wanted.side,
        isolated=wanted.isolated,
        leverage=wanted.leverage,
        amount=wanted.amount,
        held=True,
    )
    position = account.open(order, _fill(world, contract, wanted.price))
    return {"position_id": position.position_id, "amount": plain(position.amount)}


def close_out(world: World, wanted: CloseOut) -> dict[str, object]:
    """Close a position or a part of it."""
    account = _account(world, wanted.account)
    position = _position(account, wanted.position_id)
    _positive("an amount", wanted.amount)
    amount = position.amount if wanted.amount is None else wanted.amount
    account.reduce(position, amount, _fill(world, position.contract, wanted.price))
    return {"position_id": position.position_id, "amount": plain(position.amount)}


def add_income(world: World, wanted: Income) -> dict[str, object]:
    """Add income rows and move the wallet with them."""
    account = _account(world, wanted.account)
    first = world.second() - wanted.ago_seconds
    readable_ms = (world.second() + wanted.late_seconds) * 1000
    ids = account.next_ids(first)
    rows = []
    for number in range(wanted.count):
        second = first - number * wanted.apart_seconds
        tran_id, trade_id = ids if wanted.identical or number == 0 else account.next_ids(second)
        row = IncomeRow(
            time_ms=second * 1000,
            visible_ms=readable_ms,
            income_type=wanted.income_type,
            symbol=wanted.symbol,
            asset=wanted.asset,
            amount=wanted.amount.quantize(_EIGHT_DECIMALS),
            info=wanted.info,
            tran_id=tran_id if wanted.tran_id is None else wanted.tran_id,
            trade_id=trade_id if wanted.trade_id is None else wanted.trade_id,
        )
        rows.append(row)
    account.book_past(rows)
    return {"rows": [{"time": row.time_ms, "tran_id": row.tran_id, "trade_id": row.trade_id} for row in rows]}


def _account(world: World, name: str) -> Account:
    if name not in world.names():
        message = f"there is no account {name!r}"
        raise StagingError(message)
    return world.account(name)


def _contract(world: World, symbol: str) -> Contract:
    if symbol not in world.market:
        message = f"there is no contract {symbol!r}"
        raise StagingError(message)
    return world.market.contract(symbol)


def _position(account: Account, position_id: str) -> Position:
    position = account.positions.get(position_id)
    if position is None:
        message = f"{account.profile.name} has no position {position_id!r}"
        raise StagingError(message)
    return position


def _fill(world: World, contract: Contract, price: Decimal | None) -> Fill:
    _positive("a price", price)
    second = world.second()
    return Fill(price=world.market.mark(contract, second) if price is None else price, second=second)


def _positive(what: str, number: Decimal | None) -> None:
    if number is not None and not (number.is_finite() and number > 0):
        message = f"{what} is more than 0"
        raise StagingError(message)

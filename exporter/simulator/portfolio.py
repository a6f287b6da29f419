"""What an account is worth at one moment: wallets and positions valued together, consistent to the last decimal.

Owns the view from which both the wire and the expected values are made. Changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from exporter.simulator.positions import CENTS, Position, Valuation, maintenance_margin, ratio, value

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.simulator.account import Account
    from exporter.simulator.market import Contract

_ZERO = Decimal("0.0000")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """The funds of one asset; equity is balance plus unrealised, what is available is equity less used and frozen.

    An asset that was never touched is not `in_use`.
    """

    asset: str
    in_use: bool
    balance: Decimal
    equity: Decimal
    unrealised: Decimal
    available: Decimal
    used: Decimal
    frozen: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """All wallets and all positions of one account at one moment."""

    wallets: tuple[Wallet, ...]
    positions: tuple[Valuation, ...]


def portfolio(account: Account, mark: Callable[[Contract], Decimal]) -> Portfolio:
    """Value an account with the mark prices that `mark` gives."""
    held = [(position, mark(position.contract)) for position in account.positions.values()]
    risks = {asset: _cross_risk(account, asset, held) for asset in account.wallet}
    valued = tuple(value(position, price, cross_risk=risks[position.contract.asset]) for position, price in held)
    wallets = tuple(_wallet(account, asset, valued) for asset in account.wallet)
    return Portfolio(wallets=wallets, positions=valued)


def _cross_risk(account: Account, asset: str, held: list[tuple[Position, Decimal]]) -> Decimal:
    equity, needed = account.wallet[asset], Decimal(0)
    for position, price in held:
        if position.contract.asset == asset and not position.isolated:
            equity += position.profit_at(price, position.amount)
            needed += maintenance_margin(position.amount, price)
    return ratio(needed, equity)


def _wallet(account: Account, asset: str, valued: tuple[Valuation, ...]) -> Wallet:
    mine = [valuation for valuation in valued if valuation.position.contract.asset == asset]
    in_use = bool(mine) or bool(account.opening.get(asset)) or bool(account.wallet[asset])
    balance = account.wallet[asset].quantize(CENTS)
    unrealised = sum((valuation.unrealised for valuation in mine), _ZERO)
    used = sum((valuation.initial_margin for valuation in mine), _ZERO)
    frozen = account.profile.frozen_margin if asset == next(iter(account.wallet)) else _ZERO
    equity = balance + unrealised
    return Wallet(
        asset=asset,
        in_use=in_use,
        balance=balance,
        equity=equity,
        unrealised=unrealised,
        available=max(equity - used - frozen, _ZERO),
        used=used,
        frozen=frozen,
    )

"""A position and the arithmetic of its margin: worth, profit, risk, liquidation.

Owns the formulas, all in `Decimal`. Must not know accounts, time or the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from exporter.simulator.market import Contract

LONG: Final = "LONG"
SHORT: Final = "SHORT"
SIDES: Final = (LONG, SHORT)

CENTS: Final = Decimal("0.0001")
"""The step of money on the balance and position pages: four decimals."""

_MAINTENANCE: Final = Decimal("0.004")
_ZERO: Final = Decimal("0.0000")


@dataclass(slots=True, kw_only=True)
class Position:
    """An open position: amounts in base coin, money in the contract's asset, times in milliseconds since 1970.

    `locked` is the part that waits in closing orders. A `held` position is left alone by the account's own trading.
    """

    position_id: str
    contract: Contract
    side: str
    isolated: bool
    leverage: int
    amount: Decimal
    entry: Decimal
    created_ms: int
    updated_ms: int
    realised: Decimal = _ZERO
    locked: Decimal = Decimal(0)
    held: bool = False

    @property
    def sign(self) -> int:
        """Return 1 for a long, -1 for a short."""
        return 1 if self.side == LONG else -1

    @property
    def initial_margin(self) -> Decimal:
        """Return the margin put up at entry, exactly."""
        return self.amount * self.entry / self.leverage

    def profit_at(self, price: Decimal, amount: Decimal) -> Decimal:
        """Return what `amount` of it would earn if it were closed at `price`, before fees."""
        return (price - self.entry) * amount * self.sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """What a position is worth at one mark price, rounded as the position page shows it."""

    position: Position
    mark: Decimal
    value: Decimal
    initial_margin: Decimal
    margin: Decimal
    unrealised: Decimal
    pnl_ratio: Decimal
    risk: Decimal
    liquidation: float
    max_reduction: Decimal


def maintenance_margin(amount: Decimal, mark: Decimal) -> Decimal:
    """Return the margin below which a position of that worth is liquidated."""
    return amount * mark * _MAINTENANCE


def liquidation_price(position: Position) -> float:
    """Return the price at which an isolated position's margin is down to its maintenance margin; 0 for a cross one.

    The exchange sends it as a bare JSON number, hence the float.
    """
    if not position.isolated:
        return 0.0
    sign = position.sign
    worth = position.amount * position.entry - sign * position.initial_margin
    return float(worth / (position.amount * (1 - sign * _MAINTENANCE)))


def is_liquidated(position: Position, mark: Decimal) -> bool:
    """Tell whether an isolated position has not survived `mark`."""
    if not position.isolated:
        return False
    return position.sign * (float(mark) - liquidation_price(position)) <= 0


def value(position: Position, mark: Decimal, *, cross_risk: Decimal) -> Valuation:
    """Value a position; `cross_risk` is the risk of the whole wallet, which a cross position shares."""
    worth = (position.amount * mark).quantize(CENTS)
    initial = position.initial_margin.quantize(CENTS)
    unrealised = position.profit_at(mark, position.amount).quantize(CENTS)
    margin = initial + unrealised
    own_risk = ratio(maintenance_margin(position.amount, mark), margin) if position.isolated else cross_risk
    return Valuation(
        position=position,
        mark=mark,
        value=worth,
        initial_margin=initial,
        margin=margin,
        unrealised=unrealised,
        pnl_ratio=ratio(unrealised, initial),
        risk=own_risk,
        liquidation=liquidation_price(position),
        max_reduction=max(unrealised, _ZERO) if position.isolated else _ZERO,
    )


def ratio(part: Decimal, whole: Decimal) -> Decimal:
    """Return part over whole with four decimals; 1 if there is nothing to measure it by."""
    return (part / whole).quantize(CENTS) if whole > 0 else Decimal("1.0000")

"""Positions: what is open, one row per position. Needs the right Read.

No parameters. Only symbol, side and amount can be relied on; the other fields came in stages. Closed positions do not
linger; several positions may share symbol and side (separate isolated margin).
<https://bingx-api.github.io/docs/#/en-us/swapV2/account-api.html>
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from exporter.bingx.wire import Columns, Drifts, Parsed, Row, rows
from exporter.model import MarginMode, Position, Side

_KNOWN: Final = frozenset(
    (
        "availableAmt",
        "avgPrice",
        "createTime",
        "currency",
        "initialMargin",
        "isolated",
        "leverage",
        "liquidationPrice",
        "margin",
        "markPrice",
        "maxMarginReduction",
        "minIncreaseMargin",
        "onlyOnePosition",
        "pnlRatio",
        "positionAmt",
        "positionId",
        "positionSide",
        "positionValue",
        "realisedProfit",
        "riskRate",
        "symbol",
        "unrealizedProfit",
        "updateTime",
    )
)
_NUMBERS: Final = Columns(
    "positionAmt",
    "availableAmt",
    "positionValue",
    "unrealizedProfit",
    "realisedProfit",
    "initialMargin",
    "margin",
    "avgPrice",
    "markPrice",
    "riskRate",
    "pnlRatio",
    "maxMarginReduction",
)
_BY_NAME: Final = {"LONG": Side.LONG, "SHORT": Side.SHORT}
_BY_SIGN: Final = "BOTH"


def parse(data: object) -> Parsed[tuple[Position, ...]]:
    """Read the open positions; raises `MalformedResponse` if one of them cannot be read, for it would look closed."""
    drifts = Drifts()
    if data is None or data == {}:
        return drifts.parsed(())
    positions = []
    seen = set()
    for row in rows(data, _KNOWN, drifts):
        position = _position(row)
        if position is None:
            continue
        identity = (position.position_id, position.symbol, position.side)
        if position.position_id and identity in seen:
            raise row.bad(name="positionId", why="comes twice")
        seen.add(identity)
        positions.append(position)
    return drifts.parsed(tuple(positions))


def _position(row: Row) -> Position | None:
    amount, available, value, unrealized, realized, initial, margin, entry, mark, risk, pnl, reduction = (
        row.maybe_decimals(_NUMBERS)
    )
    if amount is None:
        amount = row.decimal("positionAmt")  # raises, and says why
    if not amount:
        return None
    symbol = row.label("symbol")
    return Position(
        position_id=row.identity("positionId"),
        symbol=symbol,
        asset=_asset(row, symbol),
        side=_side(row, amount),
        margin_mode=_margin_mode(row),
        amount=amount.copy_abs(),
        available_amount=None if available is None else available.copy_abs(),
        value=value,
        unrealized_pnl=unrealized,
        realized_pnl=realized,
        initial_margin=initial,
        margin=margin,
        entry_price=_price(entry),
        mark_price=_price(mark),
        liquidation_price=_liquidation_price(row),
        leverage=row.maybe_decimal("leverage"),
        risk_ratio=risk,
        pnl_ratio=pnl,
        max_margin_reduction=reduction,
        updated_at=row.maybe_time("updateTime"),
    )


def _side(row: Row, amount: Decimal) -> Side:
    name = row.text("positionSide")
    if name == _BY_SIGN:
        return Side.LONG if amount > 0 else Side.SHORT
    side = _BY_NAME.get(name)
    if side is None:
        raise row.bad(name="positionSide", why="is neither LONG, SHORT nor BOTH")
    return side


def _asset(row: Row, symbol: str) -> str:
    asset = row.label_or_empty("currency") or symbol.rpartition("-")[2]
    if not asset or asset == symbol:
        raise row.bad(name="currency", why="is missing, and the symbol does not tell it")
    return asset


def _margin_mode(row: Row) -> MarginMode | None:
    isolated = row.maybe_bool("isolated")
    if isolated is None:
        return None
    return MarginMode.ISOLATED if isolated else MarginMode.CROSS


def _liquidation_price(row: Row) -> Decimal | None:
    """Read the price of liquidation; 0 (there is none) stays 0, and is not taken for an unknown one."""
    price = row.maybe_decimal("liquidationPrice")
    return price if price is None or price > 0 else Decimal(0)


def _price(price: Decimal | None) -> Decimal | None:
    """Take a price; 0 is how the exchange writes that there is none."""
    return price if price is not None and price > 0 else None

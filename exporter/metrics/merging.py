"""Several positions under one label set: which single number is the right one for each of their values.

Separate isolated margin lets an account hold several positions of one symbol, side and margin mode. What adds up is
added; a sum with an unknown part is unknown.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from exporter.model import Position, Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from exporter.metrics.family import Labelled

_EXACT: Final = Context(prec=80)
_LABELS: Final = itemgetter(0)


def merge(positions: Sequence[Position], key: Callable[[Position], tuple[str, ...]]) -> list[Labelled[Position]]:
    """Return every key with its one position, in the order of the keys."""
    single = {key(position): position for position in positions}
    if len(single) == len(positions):
        return sorted(single.items(), key=_LABELS)
    parts: dict[tuple[str, ...], list[Position]] = {}
    for position in positions:
        parts.setdefault(key(position), []).append(position)
    return [(labels, _merged(parts[labels])) for labels in sorted(parts)]


def liquidation_distance(position: Position) -> Decimal | None:
    """Return |mark - liquidation| / mark, or `None` where one of the prices is unknown or there is none."""
    mark, liquidation = position.mark_price, position.liquidation_price
    if not mark or not liquidation:
        return None
    return _EXACT.divide(_EXACT.abs(_EXACT.subtract(mark, liquidation)), mark)


def liquidation_distance_ratio(position: Position) -> float | None:
    """Return |mark - liquidation| / mark as the nearest float, or `None` as `liquidation_distance` does.

    A quotient of whole numbers is rounded once; one of 80 digits costs three times as much to make a float of.
    """
    mark, liquidation = position.mark_price, position.liquidation_price
    if not mark or not liquidation:
        return None
    (marks, per_mark), (liquidations, per_liquidation) = mark.as_integer_ratio(), liquidation.as_integer_ratio()
    whole = marks * per_liquidation
    return abs(whole - liquidations * per_mark) / whole


def _merged(parts: list[Position]) -> Position:
    first = parts[0]
    if len(parts) == 1:
        return first
    with localcontext(_EXACT):
        mark = _weighted(parts, [part.mark_price for part in parts])
        value = _sum(part.value for part in parts)
        initial_margin = _sum(part.initial_margin for part in parts)
        unrealized_pnl = _sum(part.unrealized_pnl for part in parts)
        return first._replace(
            amount=sum((part.amount for part in parts), Decimal(0)),
            available_amount=_sum(part.available_amount for part in parts),
            value=value,
            unrealized_pnl=unrealized_pnl,
            realized_pnl=_sum(part.realized_pnl for part in parts),
            initial_margin=initial_margin,
            margin=_sum(part.margin for part in parts),
            entry_price=_weighted(parts, [part.entry_price for part in parts]),
            mark_price=mark,
            liquidation_price=_nearest_liquidation(parts, mark),
            leverage=_leverage(parts, value, initial_margin),
            risk_ratio=_highest(part.risk_ratio for part in parts),
            pnl_ratio=_quotient(unrealized_pnl, initial_margin),
            max_margin_reduction=_sum(part.max_margin_reduction for part in parts),
            updated_at=max((part.updated_at for part in parts if part.updated_at is not None), default=None),
        )


def _known(values: Iterable[Decimal | None]) -> list[Decimal] | None:
    known: list[Decimal] = []
    for value in values:
        if value is None:
            return None
        known.append(value)
    return known


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    known = _known(values)
    return None if known is None else sum(known, Decimal(0))


def _highest(values: Iterable[Decimal | None]) -> Decimal | None:
    known = _known(values)
    return None if known is None else max(known)


def _quotient(value: Decimal | None, divisor: Decimal | None) -> Decimal | None:
    return value / divisor if value is not None and divisor else None


def _weighted(parts: list[Position], prices: Sequence[Decimal | None]) -> Decimal | None:
    known = _known(prices)
    if known is None:
        return None
    if len(set(known)) == 1:
        return known[0]
    weights = [part.amount for part in parts]
    return sum((price * weight for price, weight in zip(known, weights, strict=True)), Decimal(0)) / sum(weights)


def _nearest_liquidation(parts: list[Position], mark: Decimal | None) -> Decimal | None:
    known = _known(part.liquidation_price for part in parts)
    if known is None:
        return None
    prices = [price for price in known if price]
    if not prices:
        return Decimal(0)
    if mark is not None:
        return min(prices, key=lambda price: abs(mark - price))
    return max(prices) if parts[0].side is Side.LONG else min(prices)


def _leverage(parts: list[Position], value: Decimal | None, initial_margin: Decimal | None) -> Decimal | None:
    settings = {part.leverage for part in parts}
    if len(settings) == 1:
        return settings.pop()
    return _quotient(value, initial_margin)

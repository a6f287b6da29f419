"""Position families: what is open, at which price, and how far from liquidation."""

from __future__ import annotations

from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.metrics.family import Family, Labelled, Subject
from exporter.metrics.merging import liquidation_distance, liquidation_distance_ratio, merge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.model import Position

_RATIO: Final = "ratio"
_NONE: Final = Decimal(0)


class OpenPositions(Struct, frozen=True, kw_only=True):
    """One answer of the positions call; `by_id` keeps positions apart that share symbol, side and margin mode."""

    positions: tuple[Position, ...]
    by_id: bool = False


def _labels(position: Position) -> tuple[str, ...]:
    return (position.asset, position.symbol, position.side, position.margin_mode or "", "")


def _labels_by_id(position: Position) -> tuple[str, ...]:
    return (position.asset, position.symbol, position.side, position.margin_mode or "", position.position_id)


def _positions(data: OpenPositions) -> Iterable[Labelled[Position]]:
    return merge(data.positions, _labels_by_id if data.by_id else _labels)


def _nearness(position: Position) -> tuple[bool, Decimal]:
    """Order positions by their distance to liquidation, those of which it is not known, or that have none, last."""
    distance = liquidation_distance(position)
    return (distance is None, distance or _NONE)


POSITION: Final[Subject[OpenPositions, Position]] = Subject(
    name="positions",
    source="the positions call",
    labels=("asset", "symbol", "side", "margin_mode", "position_id"),
    rows=_positions,
    rank=_nearness,
    families=(
        Family(
            name="bingx_position_amount",
            help="Size of the open position in base coin, positive for both sides "
            "(`positionAmt` of the positions call).",
            value=attrgetter("amount"),
        ),
        Family(
            name="bingx_position_available_amount",
            help="Part of the position that can be closed, in base coin (`availableAmt` of the positions call).",
            value=attrgetter("available_amount"),
        ),
        Family(
            name="bingx_position_value",
            help="Notional value at mark price in quote units (`positionValue` of the positions call).",
            value=attrgetter("value"),
        ),
        Family(
            name="bingx_position_unrealized_pnl",
            help="Unrealised PnL in units of the asset, a loss is negative (`unrealizedProfit` of the positions call).",
            value=attrgetter("unrealized_pnl"),
        ),
        Family(
            name="bingx_position_realized_pnl",
            help="PnL realised by this position so far in units of the asset, fees included, a loss is negative "
            "(`realisedProfit` of the positions call).",
            value=attrgetter("realized_pnl"),
        ),
        Family(
            name="bingx_position_initial_margin",
            help="Initial margin in units of the asset (`initialMargin` of the positions call).",
            value=attrgetter("initial_margin"),
        ),
        Family(
            name="bingx_position_margin",
            help="Margin of the position with its unrealised PnL, in units of the asset "
            "(`margin` of the positions call).",
            value=attrgetter("margin"),
        ),
        Family(
            name="bingx_position_entry_price",
            help="Average entry price in quote units (`avgPrice` of the positions call).",
            value=attrgetter("entry_price"),
        ),
        Family(
            name="bingx_position_mark_price",
            help="Mark price in quote units (`markPrice` of the positions call).",
            value=attrgetter("mark_price"),
        ),
        Family(
            name="bingx_position_liquidation_price",
            help="Price of liquidation in quote units, absent where there is none "
            "(`liquidationPrice` of the positions call).",
            value=lambda position: position.liquidation_price or None,
        ),
        Family(
            name="bingx_position_liquidation_distance_ratio",
            help="Distance from mark price to liquidation price as a fraction of the mark price, "
            "absent where one of them is.",
            value=liquidation_distance_ratio,
            unit=_RATIO,
        ),
        Family(
            name="bingx_position_leverage",
            help="Leverage of the position (`leverage` of the positions call; of merged positions that differ, "
            "value over initial margin).",
            value=attrgetter("leverage"),
        ),
        Family(
            name="bingx_position_risk_ratio",
            help="Share of the margin that is at risk as a fraction, liquidation is at 1 "
            "(`riskRate` of the positions call).",
            value=attrgetter("risk_ratio"),
            unit=_RATIO,
        ),
        Family(
            name="bingx_position_pnl_ratio",
            help="Unrealised PnL over initial margin as a fraction (`pnlRatio` of the positions call).",
            value=attrgetter("pnl_ratio"),
            unit=_RATIO,
        ),
        Family(
            name="bingx_position_max_margin_reduction",
            help="Margin that may be taken out of the position, in units of the asset "
            "(`maxMarginReduction` of the positions call).",
            value=attrgetter("max_margin_reduction"),
        ),
        Family(
            name="bingx_position_updated_timestamp_seconds",
            help="When the exchange last changed the position, in seconds since 1970 "
            "(`updateTime` of the positions call).",
            value=lambda position: None if position.updated_at is None else position.updated_at.timestamp(),
            unit="seconds",
        ),
    ),
)


def _whole(data: OpenPositions) -> Iterable[Labelled[OpenPositions]]:
    return (((), data),)


OPEN: Final[Subject[OpenPositions, OpenPositions]] = Subject(
    name="open_positions",
    source="the positions call",
    rows=_whole,
    families=(
        Family(
            name="bingx_positions",
            help="Number of open positions, before any are merged under one label set; 0 when the account is flat.",
            value=lambda data: len(data.positions),
        ),
    ),
)

"""The lines of the accounts and of their positions, merged as the metrics merge them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from exporter.app.status.findings import SWITCHED_OFF
from exporter.app.status.foremost import foremost
from exporter.metrics.merging import liquidation_distance
from exporter.metrics.position import POSITION, OpenPositions
from exporter.model import CollectorName, Position
from exporter.web.status import UNSEEN, AccountLine, FundsLine, PositionLine, Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.app.status.findings import Finding
    from exporter.app.status.trends import Trends
    from exporter.config import AccountSettings
    from exporter.model import Balance, Balances


def account_line(
    account: AccountSettings,
    found: Mapping[CollectorName, Finding],
    positions: Sequence[PositionLine],
    trends: Trends | None,
) -> AccountLine:
    """Return the line of an account, with what is known of its `positions`; `trends` is `None` if none is drawn."""
    funds, held = _fresh(found, CollectorName.BALANCE), _fresh(found, CollectorName.POSITIONS)
    shown = [one for one in (funds, held) if one is not None]
    assets = () if funds is None else cast("Balances", funds.data).assets
    first = foremost(assets)
    return AccountLine(
        name=account.name,
        environment=account.environment,
        labels=account.labels,
        funds=tuple(_funds(account.name, row, trends) for row in first),
        assets_left_off=len(assets) - len(first),
        no_funds=None if funds is not None else _absence(found, CollectorName.BALANCE),
        positions=None if held is None else len(cast("tuple[Position, ...]", held.data)),
        nearest=min((one.distance for one in positions if one.distance is not None), default=None),
        no_positions=None if held is not None else _absence(found, CollectorName.POSITIONS),
        age_seconds=max((one.age_seconds for one in shown if one.age_seconds is not None), default=None),
        troubles=tuple(
            Trouble(collector=name, health=one.health, reason=one.reason)
            for name, one in found.items()
            if one.is_trouble
        ),
        trend=UNSEEN if trends is None else trends.distance(account.name),
    )


def position_lines(account: AccountSettings, found: Mapping[CollectorName, Finding]) -> tuple[PositionLine, ...]:
    """Return the positions of an account as the metrics have them; none while they are not known."""
    held = _fresh(found, CollectorName.POSITIONS)
    if held is None:
        return ()
    positions = cast("tuple[Position, ...]", held.data)
    by_id = account.collectors.positions.position_id
    merged = tuple(POSITION.rows(OpenPositions(positions=positions, by_id=by_id)))
    parts = {} if len(merged) == len(positions) else _parts(positions, by_id=by_id)
    return tuple(_position(account.name, labels[-1], one, parts=parts.get(labels, 1)) for labels, one in merged)


def _parts(positions: Sequence[Position], *, by_id: bool) -> Mapping[tuple[str, ...], int]:
    """Count the positions under each label set, by asking for that of each alone."""
    alone = (POSITION.rows(OpenPositions(positions=(one,), by_id=by_id)) for one in positions)
    return Counter(labels for rows in alone for labels, _ in rows)


def _fresh(found: Mapping[CollectorName, Finding], collector: CollectorName) -> Finding | None:
    one = found.get(collector)
    return None if one is None or one.data is None else one


def _absence(found: Mapping[CollectorName, Finding], collector: CollectorName) -> str:
    one = found.get(collector)
    return SWITCHED_OFF if one is None else one.absence


def _funds(account: str, row: Balance, trends: Trends | None) -> FundsLine:
    return FundsLine(
        asset=row.asset,
        equity=row.equity,
        used_margin=row.used_margin,
        unrealized_pnl=row.unrealized_pnl,
        trend=UNSEEN if trends is None else trends.equity(account, row.asset),
    )


def _position(account: str, position_id: str, one: Position, *, parts: int) -> PositionLine:
    return PositionLine(
        account=account,
        symbol=one.symbol,
        side=one.side,
        margin_mode=one.margin_mode or "",
        position_id=position_id,
        asset=one.asset,
        amount=one.amount,
        value=one.value,
        unrealized_pnl=one.unrealized_pnl,
        entry=one.entry_price,
        mark=one.mark_price,
        liquidation=one.liquidation_price,
        distance=liquidation_distance(one),
        leverage=one.leverage,
        parts=parts,
    )

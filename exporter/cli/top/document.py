"""What is watched as JSON: numbers as the page has them, `null` for what is not known, times in RFC 3339; pure."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

if TYPE_CHECKING:
    from exporter.cli.top.view import Account, Overview, Position


def document(overview: Overview, *, url: str, now: float) -> dict[str, Any]:
    """Return the object that `--format json` prints; its keys are described in docs/cli.md."""
    return {
        "url": url,
        "time": _time(now),
        "version": overview.version,
        "revision": overview.revision,
        "started": _time(overview.started),
        "config_reload_successful": overview.reloaded,
        "accounts": [_account(account, now) for account in overview.accounts],
        "positions": [_position(position) for position in overview.positions],
    }


def _account(account: Account, now: float) -> dict[str, Any]:
    return {
        "account": account.name,
        "environment": account.environment,
        "funds": [_numbers(asdict(funds)) for funds in account.funds],
        "positions": account.positions,
        "nearest_liquidation_distance_ratio": _number(account.nearest),
        "age_seconds": None if account.asked is None else round(max(0.0, now - account.asked), 3),
        "samples_cut": account.cut,
        "failing": [
            {
                "collector": trouble.collector,
                "reasons": list(trouble.reasons),
                "consecutive_failures": trouble.failures,
                "last_success": _time(trouble.last_success),
                "numbers_withdrawn": trouble.withdrawn,
            }
            for trouble in account.troubles
        ],
    }


def _position(position: Position) -> dict[str, Any]:
    return {
        "account": position.account,
        "symbol": position.symbol,
        "side": position.side,
        "margin_mode": position.margin_mode or None,
        "position_id": position.position_id or None,
        "asset": position.asset,
        "liquidation_distance_ratio": _number(position.distance),
        "mark_price": _number(position.mark),
        "liquidation_price": _number(position.liquidation),
        "entry_price": _number(position.entry),
        "amount": _number(position.amount),
        "value": _number(position.value),
        "unrealized_pnl": _number(position.unrealized_pnl),
        "leverage": _number(position.leverage),
    }


def _numbers(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: _number(value) if isinstance(value, Decimal) else value for name, value in fields.items()}


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")

"""What the page has to say, worked out from the simulated exchange's own word by other code than the exporter's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from support.exposition import Series, series

POSITION_SUMS = (
    "amount",
    "available_amount",
    "value",
    "unrealized_pnl",
    "realized_pnl",
    "initial_margin",
    "margin",
    "max_margin_reduction",
)


def expected_gauges(world: Mapping[str, Any]) -> dict[Series, float]:
    """Return every account, key, position and fee series that the world calls for."""
    found: dict[Series, float] = {}
    for account in world["accounts"]:
        name = account["name"]
        for asset, values in account["balances"].items():
            for field, value in values.items():
                found[series(f"bingx_account_{field}", account=name, asset=asset)] = float(value)
        found[series("bingx_positions", account=name)] = len(account["positions"])
        found |= _positions(name, account["positions"])
        key = next(key for key in account["keys"] if key["name"] == name)
        for power in ("trade", "withdraw"):
            found[series(f"bingx_account_key_can_{power}", account=name)] = float(key[power])
        if any(key["trade"] for key in account["keys"]):
            for liquidity, rate in account["commission_rate"].items():
                found[series("bingx_commission_rate", account=name, liquidity=liquidity)] = float(rate)
    return found


def expected_income(world: Mapping[str, Any]) -> dict[Series, float]:
    """Return every income counter that the world calls for, of the accounts whose keys may read it."""
    found: dict[Series, float] = {}
    for account in world["accounts"]:
        if not any(key["trade"] for key in account["keys"]):
            continue
        for row in account["income"]["readable"]:
            labels = {key: row[key] for key in ("income_type", "symbol", "asset") if row[key]}
            for field in ("credited", "debited", "entries"):
                found[series(f"bingx_income_{field}_total", account=account["name"], **labels)] = float(row[field])
    return found


def is_income(key: Series) -> bool:
    """Tell a counter of credited, debited or entries from everything else on the page."""
    return key[0].startswith("bingx_income_") and "asset" in dict(key[1])


def without_idle(found: Mapping[Series, float]) -> dict[Series, float]:
    """Leave out income series that stand at 0 because a position may bring them an entry some day."""
    return {
        key: value
        for key, value in found.items()
        if not is_income(key) or found.get(("bingx_income_entries_total", key[1])) != 0
    }


def _positions(account: str, positions: Iterable[Mapping[str, Any]]) -> dict[Series, float]:
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for one in positions:
        groups.setdefault((one["asset"], one["symbol"], one["side"], one["margin_mode"]), []).append(one)
    found: dict[Series, float] = {}
    for (asset, symbol, side, mode), parts in groups.items():
        labels = {"account": account, "asset": asset, "symbol": symbol, "side": side, "margin_mode": mode}
        for field, value in _values(parts).items():
            found[series(f"bingx_position_{field}", **labels)] = float(value)
    return found


def _values(parts: list[Mapping[str, Any]]) -> dict[str, Decimal]:
    values = {field: sum((Decimal(part[field]) for part in parts), Decimal(0)) for field in POSITION_SUMS}
    values["mark_price"] = mark = Decimal(parts[0]["mark_price"])
    values["entry_price"] = (
        sum(Decimal(part["entry_price"]) * Decimal(part["amount"]) for part in parts) / values["amount"]
    )
    values["risk_ratio"] = max(Decimal(part["risk_ratio"]) for part in parts)
    values["updated_timestamp_seconds"] = Decimal(max(part["updated_milliseconds"] for part in parts)) / 1000
    if len(parts) == 1:
        values["pnl_ratio"] = Decimal(parts[0]["pnl_ratio"])
    else:
        values["pnl_ratio"] = values["unrealized_pnl"] / values["initial_margin"]
    leverages = {part["leverage"] for part in parts}
    values["leverage"] = Decimal(leverages.pop()) if len(leverages) == 1 else values["value"] / values["initial_margin"]
    liquidations = [Decimal(part["liquidation_price"]) for part in parts if "liquidation_price" in part]
    if liquidations:
        nearest = min(liquidations, key=lambda price: abs(price - mark))
        values["liquidation_price"] = nearest
        values["liquidation_distance_ratio"] = abs(nearest - mark) / mark
    return values

"""Balance: the funds of the account, one row per asset. Needs the right Read.

No parameters. Two generations of spelling (`realisedProfit`/`realizedProfit`, `freezedMargin`/`frozenMargin`) are in
use side by side; an unused asset can come as a row of empty strings.
<https://bingx-api.github.io/docs/#/en-us/swapV2/account-api.html>
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.bingx.errors import MalformedResponse
from exporter.bingx.wire import Drifts, Parsed, Row, rows
from exporter.model import Balance, Balances

if TYPE_CHECKING:
    from decimal import Decimal

_REALIZED: Final = ("realizedProfit", "realisedProfit")
_FROZEN: Final = ("frozenMargin", "freezedMargin")
_KNOWN: Final = frozenset(
    ("userId", "shortUid", "asset", "balance", "equity", "unrealizedProfit", "availableMargin", "usedMargin")
) | {*_REALIZED, *_FROZEN}


def parse(data: object) -> Parsed[Balances]:
    """Read the balances; raises `MalformedResponse` if a row has no asset, or two rows the same one."""
    drifts = Drifts()
    single = type(data) is dict  # seen by one client instead of a list of one
    read = [Row(data, _KNOWN, drifts)] if single else list(rows(data, _KNOWN, drifts))
    assets = tuple(_balance(row) for row in read)
    if len({balance.asset for balance in assets}) != len(assets):
        raise MalformedResponse(detail="has an asset twice", path="data")
    return drifts.parsed(Balances(user_id=_id(read, "userId"), short_id=_id(read, "shortUid"), assets=assets))


def _balance(row: Row) -> Balance:
    balance = Balance(
        asset=row.label("asset"),
        balance=row.maybe_decimal("balance"),
        equity=row.maybe_decimal("equity"),
        unrealized_pnl=row.maybe_decimal("unrealizedProfit"),
        realized_pnl=_either(row, _REALIZED),
        available_margin=row.maybe_decimal("availableMargin"),
        used_margin=row.maybe_decimal("usedMargin"),
        frozen_margin=_either(row, _FROZEN),
    )
    return _unused(balance) if _says_nothing(balance) else balance


def _either(row: Row, names: tuple[str, ...]) -> Decimal | None:
    for name in names:
        value = row.maybe_decimal(name)
        if value is not None:
            return value
    return None


def _says_nothing(balance: Balance) -> bool:
    """Tell a row of empty strings, in which the realised profit alone is "0": that zero was never counted."""
    said = (
        balance.balance,
        balance.equity,
        balance.unrealized_pnl,
        balance.available_margin,
        balance.used_margin,
        balance.frozen_margin,
    )
    return not balance.realized_pnl and all(value is None for value in said)


def _unused(balance: Balance) -> Balance:
    return Balance(
        asset=balance.asset,
        balance=None,
        equity=None,
        unrealized_pnl=None,
        realized_pnl=None,
        available_margin=None,
        used_margin=None,
        frozen_margin=None,
    )


def _id(read: list[Row], name: str) -> str | None:
    told = {row.identity(name) for row in read} - {""}
    if len(told) > 1:
        raise MalformedResponse(detail=f"has several values of {name}", path="data")
    return told.pop() if told else None

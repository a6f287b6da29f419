"""The exchange's JSON: how wallets, positions, income and fee rates are spelled on the wire.

Owns field names, their order and their types: numbers as text, but for leverage, times, the liquidation price and the
fee rates. Source: section 1 of the fact sheet on the exchange's API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.simulator.account import MAKER_RATE, TAKER_RATE
from exporter.simulator.positions import CENTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from exporter.simulator.account import Profile
    from exporter.simulator.cast import Key
    from exporter.simulator.income_book import IncomeRow
    from exporter.simulator.portfolio import Portfolio, Wallet
    from exporter.simulator.positions import Valuation

Row = dict[str, object]

_NEW_SPELLING: Final = ("realizedProfit", "frozenMargin")
_OLD_SPELLING: Final = ("realisedProfit", "freezedMargin")

REALISED: Final = "0"
"""What the balance page says of realised profit in every recorded answer, whatever was earned."""


def envelope(data: object) -> Row:
    """Wrap an answer."""
    return {"code": 0, "msg": "", "data": data}


def balance_rows(profile: Profile, portfolio: Portfolio) -> list[Row]:
    """Return the balance page: a row per asset."""
    return [_balance_row(profile, wallet) for wallet in portfolio.wallets]


def _balance_row(profile: Profile, wallet: Wallet) -> Row:
    realised, frozen = _OLD_SPELLING if profile.old_spelling else _NEW_SPELLING
    blank = says_nothing(profile, wallet)
    return {
        "userId": "" if blank else profile.user_id,
        "asset": wallet.asset,
        "balance": "" if blank else str(wallet.balance),
        "equity": "" if blank else str(wallet.equity),
        "unrealizedProfit": "" if blank else str(wallet.unrealised),
        realised: REALISED,
        "availableMargin": "" if blank else str(wallet.available),
        "usedMargin": "" if blank else str(wallet.used),
        frozen: "" if blank else str(wallet.frozen),
        "shortUid": profile.short_uid,
    }


def says_nothing(profile: Profile, wallet: Wallet) -> bool:
    """Tell whether the row of an asset is made of empty texts: it is unused, and the account is of that kind."""
    return profile.blank_unused and not wallet.in_use


def position_rows(profile: Profile, valuations: Iterable[Valuation]) -> list[Row]:
    """Return the positions page."""
    return [_position_row(profile, valuation) for valuation in valuations]


def _position_row(profile: Profile, valuation: Valuation) -> Row:
    position = valuation.position
    return {
        "positionId": position.position_id,
        "symbol": position.contract.symbol,
        "currency": position.contract.asset,
        "positionAmt": plain(position.amount),
        "availableAmt": plain(position.amount - position.locked),
        "positionSide": position.side,
        "isolated": position.isolated,
        "avgPrice": plain(position.entry),
        "initialMargin": str(valuation.initial_margin),
        "margin": str(valuation.margin),
        "leverage": position.leverage,
        "unrealizedProfit": str(valuation.unrealised),
        "realisedProfit": cents(position.realised),
        "liquidationPrice": valuation.liquidation or 0,
        "pnlRatio": str(valuation.pnl_ratio),
        "maxMarginReduction": str(valuation.max_reduction),
        "minIncreaseMargin": "0.0000",
        "riskRate": str(valuation.risk),
        "markPrice": plain(valuation.mark),
        "positionValue": str(valuation.value),
        "onlyOnePosition": profile.one_way,
        "createTime": position.created_ms,
        "updateTime": position.updated_ms,
    }


def income_rows(rows: Iterable[IncomeRow]) -> list[Row]:
    """Return the income page."""
    return [
        {
            "symbol": row.symbol,
            "incomeType": row.income_type,
            "income": plain(row.amount),
            "asset": row.asset,
            "info": row.info,
            "time": row.time_ms,
            "tranId": row.tran_id,
            "tradeId": row.trade_id,
        }
        for row in rows
    ]


def commission() -> Row:
    """Return the fee rates, as bare JSON numbers."""
    return {"commission": {"takerCommissionRate": float(TAKER_RATE), "makerCommissionRate": float(MAKER_RATE)}}


def permissions(key: Key) -> Row:
    """Return what a key may do: flat, beside the code, and with the key itself in it."""
    rights = ((2, key.read), (3, key.trade), (5, key.withdraw))
    return {
        "code": 0,
        "msg": "",
        "apiKey": key.api_key,
        "permissions": [number for number, is_given in rights if is_given],
        "ipAddresses": sorted(key.addresses or ()),
        "note": key.name,
    }


def plain(number: Decimal) -> str:
    """Write a number with all its decimals and never with an exponent."""
    return format(number, "f")


def cents(number: Decimal) -> str:
    """Write a number with four decimals."""
    return str(number.quantize(CENTS))


def server_time(now_ms: int) -> Row:
    """Return the exchange's time."""
    return {"serverTime": now_ms}

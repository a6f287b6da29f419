"""What is true on the simulated exchange, in exact text: the values that whoever reads the wire has to arrive at.

Owns the expected values of the control page. A value that the wire leaves out, or sends as an empty text, is absent
here; income is given for the rows that can be read by now, and for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.simulator.account import MAKER_RATE, TAKER_RATE
from exporter.simulator.income_book import IncomeRow, totals
from exporter.simulator.wire import REALISED, cents, plain, says_nothing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.simulator.account import Profile
    from exporter.simulator.cast import Key
    from exporter.simulator.portfolio import Wallet
    from exporter.simulator.positions import Valuation
    from exporter.simulator.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which income rows to add up: from `since_ms` to before `until_ms`; `None` sets no bound."""

    since_ms: int | None = None
    until_ms: int | None = None

    def holds(self, row: IncomeRow) -> bool:
        """Tell whether a row is within."""
        return (self.since_ms is None or row.time_ms >= self.since_ms) and (
            self.until_ms is None or row.time_ms < self.until_ms
        )


def expected(world: World, names: Iterable[str], span: Span) -> dict[str, object]:
    """Return the expected values of the accounts of that name."""
    return {**world.describe(), "accounts": [_account(world, name, span) for name in names]}


def _account(world: World, name: str, span: Span) -> dict[str, object]:
    account, worth = world.account(name), world.portfolio(name)
    return {
        "name": name,
        "environment": world.options.environment,
        "user_id": account.profile.user_id,
        "keys": [_key(key) for key in world.keys_of(name)],
        "balances": {wallet.asset: _balance(account.profile, wallet) for wallet in worth.wallets},
        "positions": [_position(valuation) for valuation in worth.positions],
        "commission_rate": {"maker": plain(MAKER_RATE), "taker": plain(TAKER_RATE)},
        "income": {
            "readable": _income(world.readable(name), span),
            "all": _income(account.book.rows, span),
        },
    }


def _key(key: Key) -> dict[str, object]:
    return {"name": key.name, "read": key.read, "trade": key.trade, "withdraw": key.withdraw}


def _balance(profile: Profile, wallet: Wallet) -> dict[str, str]:
    if says_nothing(profile, wallet):
        return {}
    return {
        "balance": plain(wallet.balance),
        "equity": plain(wallet.equity),
        "unrealized_pnl": plain(wallet.unrealised),
        "realized_pnl": REALISED,
        "available_margin": plain(wallet.available),
        "used_margin": plain(wallet.used),
        "frozen_margin": plain(wallet.frozen),
    }


def _position(valuation: Valuation) -> dict[str, object]:
    position = valuation.position
    certain: dict[str, object] = {
        "position_id": position.position_id,
        "symbol": position.contract.symbol,
        "asset": position.contract.asset,
        "side": position.side.lower(),
        "margin_mode": "isolated" if position.isolated else "cross",
        "amount": plain(position.amount),
        "available_amount": plain(position.amount - position.locked),
        "value": plain(valuation.value),
        "unrealized_pnl": plain(valuation.unrealised),
        "realized_pnl": cents(position.realised),
        "initial_margin": plain(valuation.initial_margin),
        "margin": plain(valuation.margin),
        "entry_price": plain(position.entry),
        "mark_price": plain(valuation.mark),
        "leverage": str(position.leverage),
        "risk_ratio": plain(valuation.risk),
        "pnl_ratio": plain(valuation.pnl_ratio),
        "max_margin_reduction": plain(valuation.max_reduction),
        "updated_milliseconds": position.updated_ms,
    }
    known = valuation.liquidation > 0
    return {**certain, "liquidation_price": repr(valuation.liquidation)} if known else certain


def _income(rows: Iterable[IncomeRow], span: Span) -> list[dict[str, object]]:
    sums = totals(row for row in rows if span.holds(row))
    return [
        {
            "income_type": income_type,
            "symbol": symbol,
            "asset": asset,
            "credited": plain(total.credited),
            "debited": plain(total.debited),
            "entries": total.entries,
        }
        for (income_type, symbol, asset), total in sorted(sums.items())
    ]

"""What is watched, in plain values: decimals, seconds since 1970 on the exporter's clock, `None` for what is not known.

Money is in units of its asset, prices in the quote unit of the symbol, ratios are fractions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal


class Funds(Struct, frozen=True, kw_only=True):
    """What an account has in one asset."""

    asset: str
    equity: Decimal | None = None
    used_margin: Decimal | None = None
    unrealized_pnl: Decimal | None = None


class Trouble(Struct, frozen=True, kw_only=True):
    """A collector without a good last answer.

    `reasons` is why: one of them, where the page does not tell which; none before the first call. `withdrawn` says
    that its numbers are off the page, `failures` is how many calls failed in a row.
    """

    collector: str
    reasons: tuple[str, ...] = ()
    failures: int = 0
    last_success: float | None = None
    withdrawn: bool = False


class Account(Struct, frozen=True, kw_only=True):
    """One account; `nearest` is the smallest distance of its positions to liquidation, a fraction of the mark price.

    `asked` is when the oldest of the values shown was asked for, `cut` how many samples are kept off the page.
    """

    name: str
    environment: str = ""
    funds: tuple[Funds, ...] = ()
    positions: int | None = None
    nearest: Decimal | None = None
    asked: float | None = None
    troubles: tuple[Trouble, ...] = ()
    cut: int = 0


class Position(Struct, frozen=True, kw_only=True):
    """One row of the position families; `distance` is a fraction of the mark price."""

    account: str
    symbol: str
    side: str
    margin_mode: str = ""
    position_id: str = ""
    asset: str = ""
    amount: Decimal | None = None
    value: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    entry: Decimal | None = None
    mark: Decimal | None = None
    liquidation: Decimal | None = None
    distance: Decimal | None = None
    leverage: Decimal | None = None


class Overview(Struct, frozen=True, kw_only=True):
    """One answer of an exporter: accounts in the order of its page, positions nearest to liquidation first.

    `failed_calls` counts failed calls since the exporter began, by account, collector and reason.
    """

    version: str
    revision: str
    started: float | None
    reloaded: bool | None
    accounts: tuple[Account, ...]
    positions: tuple[Position, ...]
    failed_calls: Mapping[tuple[str, str, str], int]

    def blanked(self) -> Overview:
        """Return the names alone: what is left to say of an exporter that does not answer any more."""
        names = tuple(Account(name=account.name, environment=account.environment) for account in self.accounts)
        return replace(self, accounts=names, positions=(), started=None, reloaded=None, failed_calls={})

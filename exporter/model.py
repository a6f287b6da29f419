"""The nouns of the house: what an account is, has, holds and earns.

Everything here is immutable and imports the standard library only. Money is `Decimal` in units of its asset,
prices are `Decimal` in the quote unit of the symbol, ratios are fractions (0.05 is five per cent), times are aware
UTC. `None` means that the exchange did not say: such a value is never published, least of all as a zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def from_milliseconds(value: int) -> datetime:
    """Turn milliseconds since 1970 into an aware time, without passing through a float.

    Raises `OverflowError` for a time that `datetime` cannot hold.
    """
    return EPOCH + timedelta(0, 0, value * 1000)


def to_milliseconds(moment: datetime) -> int:
    """Turn an aware time into whole milliseconds since 1970, rounding down."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


@lru_cache(maxsize=4096)
def shared(name: str) -> str:
    """Return the one copy of a name that is on many rows of many accounts: a symbol, an asset, a type of income."""
    return name


class Secret:
    """A credential that prints as `<secret>` wherever it ends up; `reveal()` is the only way to its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Hold `text`; nothing here copies, logs or formats it."""
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one place that needs it."""
        return self._text

    def __repr__(self) -> str:
        """Say that there is a secret, and nothing of it."""
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        """Compare by text, so that a reload can tell a changed key from an unchanged one."""
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        """Hash by text, in step with equality."""
        return hash(self._text)

    def __reduce__(self) -> str:
        """Refuse to be pickled: a pickle is a copy in the clear."""
        message = "a Secret cannot be pickled"
        raise TypeError(message)


class CollectorName(StrEnum):
    """What is collected per account."""

    POSITIONS = "positions"
    BALANCE = "balance"
    INCOME = "income"
    COMMISSION_RATE = "commission_rate"
    RECONCILIATION = "reconciliation"


class Side(StrEnum):
    """The direction of a position."""

    LONG = "long"
    SHORT = "short"


class MarginMode(StrEnum):
    """Whether a position shares the margin of its account or has its own."""

    CROSS = "cross"
    ISOLATED = "isolated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as the operator named it: the value of the label `account`, and the labels of its info series."""

    name: str
    environment: str = "live"
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The funds of one asset in the perpetual-futures wallet, in units of that asset."""

    asset: str
    balance: Decimal | None
    equity: Decimal | None
    unrealized_pnl: Decimal | None
    realized_pnl: Decimal | None
    available_margin: Decimal | None
    used_margin: Decimal | None
    frozen_margin: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balances:
    """One answer of the balance call: whose it is (`None` where the exchange left that empty) and a row per asset.

    `short_id` is another name of the same user; it stands alone where no asset of the account was ever used.
    """

    user_id: str | None
    short_id: str | None = None
    assets: tuple[Balance, ...]


class Position(NamedTuple):
    """One open position; `amount` is positive, `side` carries the direction.

    A `liquidation_price` of 0 says that there is none, `None` that it is not known.

    Amounts are in base coin, money in `asset`, prices in quote units, `risk_ratio` (liquidation at 1) and
    `pnl_ratio` (unrealised PnL over initial margin) are fractions. It is a tuple with names, since every poll makes as
    many as are open: a frozen dataclass of so many fields takes four times as long.
    """

    position_id: str
    symbol: str
    asset: str
    side: Side
    margin_mode: MarginMode | None
    amount: Decimal
    available_amount: Decimal | None = None
    value: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    realized_pnl: Decimal | None = None
    initial_margin: Decimal | None = None
    margin: Decimal | None = None
    entry_price: Decimal | None = None
    mark_price: Decimal | None = None
    liquidation_price: Decimal | None = None
    leverage: Decimal | None = None
    risk_ratio: Decimal | None = None
    pnl_ratio: Decimal | None = None
    max_margin_reduction: Decimal | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeEntry:
    """One row of the fund flow: `amount` is signed in units of `asset`, received is positive.

    `tran_id` and `trade_id` are the exchange's ids ("" where it gives none); neither is promised to be unique.
    `info` is free text that the exchange has been seen to change.
    """

    time: datetime
    income_type: str
    symbol: str
    asset: str
    amount: Decimal
    tran_id: str
    trade_id: str
    info: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionRate:
    """The fee rates of an account, as fractions of a trade's value; `None` where the exchange did not say."""

    maker: Decimal | None
    taker: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPermissions:
    """What the key of an account may do: read, trade perpetual futures, withdraw, transfer between wallets, trade spot.

    `ip_restricted` says whether it works from listed addresses only, `None` where the exchange did not say.
    """

    read: bool
    trade: bool
    withdraw: bool
    transfer: bool
    spot: bool
    ip_restricted: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeTotal:
    """What one label set of income has added up to since the pinned epoch.

    `credited` is the sum of the positive amounts, `debited` the sum of the negative ones with the sign dropped,
    `created_at` the moment the series began to exist.
    """

    income_type: str
    symbol: str
    asset: str
    credited: Decimal
    debited: Decimal
    entries: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeState:
    """The ledger's word on one account: since when it counts, up to when it has read, and whether nothing is missing.

    `totals` is empty until the baseline (everything between `epoch` and the first start) has been read;
    `baseline_ratio` is the share of it that has been, 0 to 1. Of all entries so far, `late` turned up after their time
    had been read, `amended` were later shown otherwise and `vanished` no longer at all (what was entered stays).
    """

    epoch: datetime
    watermark: datetime | None
    complete: bool
    baseline_complete: bool
    totals: tuple[IncomeTotal, ...]
    baseline_ratio: float = 0.0
    late: int = 0
    amended: int = 0
    vanished: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeDifference:
    """What the exchange's workbook says of one income type and asset beyond the ledger, signed, in units of `asset`.

    `rows` is how many rows only one of the two has; amounts that cancel out leave rows that differ.
    """

    income_type: str
    asset: str
    amount: Decimal
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeReconciliation:
    """A comparison of the exchange's workbook with the ledger; one difference, often of 0, per type and asset."""

    differences: tuple[IncomeDifference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollStatus:
    """How the polling of one collector of one account is going.

    `succeeded` is the outcome of the last attempt (`None` before the first), `reason` why it failed, and `failures`
    counts every failure of this process by reason. `last_success_at` is the moment the last good request was sent.
    """

    interval_seconds: float
    succeeded: bool | None = None
    reason: str | None = None
    last_success_at: datetime | None = None
    duration_seconds: float | None = None
    consecutive_failures: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)

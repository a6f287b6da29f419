"""What the status page says, in plain values: texts, decimals, seconds, and `None` for what is not known.

Every value here is fresh: what is too old is `None` already, and the text beside it says why it is missing.
"""

from __future__ import annotations

from decimal import Context
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

Line = TypeVar("Line")

_EXACT: Final = Context(prec=300)


class Health(StrEnum):
    """How a collector is doing; only of the first two are there values to show."""

    GOOD = "good"
    FAILING = "failing"
    STALE = "stale"
    FAILED = "failed"
    WAITING = "waiting"


class Trend(Struct, frozen=True, kw_only=True):
    """One value a minute, the newest last, `None` for a minute of which nothing is known."""

    points: tuple[float | None, ...] = ()


MOST_TRENDS: Final = 100
"""So many accounts have their trends drawn; with more of them the lines would be most of the page."""
UNSEEN: Final = Trend()
"""The trend of a value that was not seen in the last hour."""


class Section(Struct, Generic[Line], frozen=True, kw_only=True):
    """The lines of a table, the most important first, and how many more there are."""

    lines: tuple[Line, ...] = ()
    left_off: int = 0


class FundsLine(Struct, frozen=True, kw_only=True):
    """The funds of an account in one asset, in units of it."""

    asset: str
    equity: Decimal | None
    used_margin: Decimal | None
    unrealized_pnl: Decimal | None
    trend: Trend = UNSEEN
    """Of the equity."""

    @property
    def used_ratio(self) -> Decimal | None:
        """The share of the equity that is used as margin, as a fraction."""
        return self.used_margin / self.equity if self.used_margin is not None and self.equity else None


class Trouble(Struct, frozen=True, kw_only=True):
    """A collector of which the last call failed, or has no answer that is young enough, and why."""

    collector: str
    health: Health
    reason: str


class AccountLine(Struct, frozen=True, kw_only=True):
    """One account. `no_funds` and `no_positions` say why there are none of these values, and are `None` if there are.

    `nearest` is the smallest distance to liquidation, a fraction of the mark price; `None` with positions of which
    none can be liquidated, or of which it is not known. `age_seconds` is that of the oldest value shown.
    """

    name: str
    environment: str
    labels: Mapping[str, str]
    funds: tuple[FundsLine, ...]
    no_funds: str | None
    positions: int | None
    nearest: Decimal | None
    no_positions: str | None
    age_seconds: float | None
    troubles: tuple[Trouble, ...]
    trend: Trend = UNSEEN
    """Of the smallest distance to liquidation."""
    assets_left_off: int = 0
    """How many assets there are beside those of `funds`."""


class PositionLine(Struct, frozen=True, kw_only=True):
    """One position as the metrics show it, or `parts` of them merged; `distance` is a fraction of the mark price.

    A `liquidation` of 0 says that there is none, `None` that it is not known.
    """

    account: str
    symbol: str
    side: str
    margin_mode: str
    position_id: str
    asset: str
    amount: Decimal
    value: Decimal | None
    unrealized_pnl: Decimal | None
    entry: Decimal | None
    mark: Decimal | None
    liquidation: Decimal | None
    distance: Decimal | None
    leverage: Decimal | None
    parts: int = 1


class IncomeLine(Struct, frozen=True, kw_only=True):
    """Income of one account, type and asset since midnight UTC; `absent` says why there are no numbers.

    With `entries` of 0 it stands for the whole account, of which it is known that nothing came and went.
    """

    account: str
    income_type: str = ""
    asset: str = ""
    credited: Decimal | None = None
    debited: Decimal | None = None
    entries: int | None = None
    absent: str | None = None

    @property
    def net(self) -> Decimal | None:
        """What was received less what was paid."""
        if self.credited is None or self.debited is None:
            return None
        return _EXACT.subtract(self.credited, self.debited)


class CallLine(Struct, frozen=True, kw_only=True):
    """How one collector of one account asks the exchange; all times are seconds from now.

    `next_seconds` is `None` while a call waits for something else than time, `remaining` is how many calls of its
    kind could go out now, and `blocked_seconds` how long the exchange wants none.
    """

    account: str
    collector: str
    health: Health
    reason: str
    age_seconds: float | None
    interval_seconds: float
    next_seconds: float | None
    remaining: int
    blocked_seconds: float | None


class Status(Struct, frozen=True, kw_only=True):
    """The whole page as of `now`.

    `illness` is what is wrong with the exporter itself, `links` are path -> what stands there, and `failing` counts
    the collectors that have no fresh answer. No line of `incomes` says that no account counts income;
    `incomes_as_of` is when the ledger told of it, `None` if that was a moment ago. `shard` is "0 of 3" and the like,
    empty if there is only one.
    """

    version: str
    revision: str
    description: str
    now: datetime
    started_at: datetime
    illness: str | None
    collectors: int
    failing: int
    metrics: str
    """Where the metrics stand."""
    links: Mapping[str, str]
    accounts: tuple[AccountLine, ...]
    positions: Section[PositionLine]
    incomes: Section[IncomeLine]
    calls: Section[CallLine]
    incomes_as_of: datetime | None = None
    shard: str = ""

    @property
    def draws(self) -> bool:
        """Whether the trends are drawn; else they may as well be left out."""
        return len(self.accounts) <= MOST_TRENDS

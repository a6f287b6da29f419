"""What the collectors of one account share: its client, its identity, and what a failure of one means for all."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING, Any, Final

from exporter.bingx.errors import (
    AuthenticationError,
    BingxError,
    ClockSkew,
    ConnectionFailed,
    Forbidden,
    NameNotResolved,
    RateLimited,
    TlsFailed,
)
from exporter.bingx.limits import Caller
from exporter.bingx.paths import Endpoint
from exporter.logs import get_logger
from exporter.model import CollectorName
from exporter.polling import schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exporter.bingx.client import Answer, Client
    from exporter.bingx.limits import Limits
    from exporter.clock import Clock
    from exporter.model import Balances
    from exporter.polling.board import Board, Snapshot
    from exporter.polling.host import Host

_IN_TURN: Final = (
    CollectorName.POSITIONS,
    CollectorName.BALANCE,
    CollectorName.COMMISSION_RATE,
    CollectorName.INCOME,
    CollectorName.RECONCILIATION,
)
PRIORITY: Final = {name: rank for rank, name in enumerate(_IN_TURN, start=1)}
"""Positions and balance go before income and fees, whose one call an hour goes before the many of a history.

0 is the clock's.
"""
NEEDS_IDENTITY: Final = (CollectorName.INCOME, CollectorName.COMMISSION_RATE, CollectorName.RECONCILIATION)
"""Wait until the first balance has said whose account it is: keys of one user share one budget."""
INTERNAL_ERROR: Final = "internal_error"
_LOOK_AGAIN: Final = 1.0
_NEVER_ARRIVED: Final = (ConnectionFailed, NameNotResolved, TlsFailed)
_HELD_BY_LIMITS: Final = (AuthenticationError, Forbidden, RateLimited)


class Timing:
    """How often a collector polls; the interval may become another one at any time, when more or fewer others poll."""

    __slots__ = ("_grid", "patient", "stale_after")

    def __init__(self, *, interval: float, origin: float, stale_after: float) -> None:
        """Poll every `interval` seconds on the grid of `origin`; data is stale after `stale_after` intervals.

        Who is `patient` lets half an interval pass before a tick; others never let pass more than one.
        """
        self._grid = (interval, origin)
        self.stale_after = stale_after
        self.patient = False

    @property
    def interval(self) -> float:
        """The seconds between two polls, as they are in force."""
        return self._grid[0]

    def change(self, *, interval: float, origin: float) -> None:
        """Poll on another grid from the next poll on; any thread may say so."""
        self._grid = (interval, origin)

    def next_tick(self, now: float, *, began: float = -inf) -> float:
        """Return when the next poll is due if the last one began then."""
        interval, origin = self._grid
        return schedule.next_tick(origin=origin, interval=interval, now=now, began=began if self.patient else -inf)

    def expiry(self, sent_at: float) -> float:
        """Return when data that was asked for at `sent_at` is too old to show."""
        return sent_at + self.stale_after * self.interval


@dataclass(slots=True, kw_only=True)
class Desk:
    """One account at work.

    `key_name` stands for its user in the limits until the exchange has said who that is; `user_id` is only ever what
    the exchange itself calls the user, and is what a ledger may be tied to. Until the exchange was asked once, the key
    is a `stranger`, which might be anybody's.
    """

    account: str
    client: Client
    host: Host
    limits: Limits
    board: Board
    clock: Clock
    address: str
    key_name: str
    user: str | None = None
    user_id: str | None = None
    stranger: bool = True
    asked: bool = False
    refused: bool = False
    on_user: list[Callable[[str], None]] = field(default_factory=list)
    on_acquaintance: list[Callable[[], None]] = field(default_factory=list)
    on_identity: list[Callable[[], None]] = field(default_factory=list)
    on_recovery: list[Callable[[], None]] = field(default_factory=list)
    _caller: Caller | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def caller(self) -> Caller:
        """Whose budgets the account uses; the same object while that is the same, for every scrape looks at all."""
        user, kept = self.user or self.key_name, self._caller
        if kept is None or kept.user != user or kept.stranger != self.stranger:
            kept = self._caller = Caller(user, self.address, self.account, self.stranger)
        return kept

    def not_before(self, collector: CollectorName, now: float) -> float | None:
        """Return `None` if the collector may call, else when to look again (never: somebody will wake it)."""
        later = self.host.not_before(now)
        if later is not None:
            return later
        if collector in NEEDS_IDENTITY and self.user is None:
            return inf
        if collector is CollectorName.POSITIONS and self.stranger:
            # Whose key it is goes first: several keys of one user share his budget. Unless nobody can ask for that now.
            held = self.asked or self.limits.blocked_until(self.caller, Endpoint.BALANCE, now) is not None
            return None if held else now + _LOOK_AGAIN
        return None

    def identified(self, balances: Balances) -> None:
        """Take note of whose account this is; collectors that waited for it are woken.

        A user is known by its id, else by its short id, else by the key: what was known stays known.
        """
        before = self.user
        self.stranger = False
        self.user_id = balances.user_id or self.user_id
        known = self.user_id or balances.short_id or self.user or self.key_name
        learned, self.user = known != self.user, known
        if learned:
            self.limits.identify(before or self.key_name, known)
        if before is None:
            for wake in (*self.on_acquaintance, *self.on_identity):
                wake()
        if learned:
            for tell in self.on_user:
                tell(known)

    def unknowable(self, error: BingxError | None = None) -> None:
        """Let what else works go on, though nobody knows whose key it is: it is its own user until then.

        A key stays a stranger while its calls do not reach the exchange: those that come back together may be one
        user's.
        """
        if not self.stranger:
            return
        first, self.asked = not self.asked, True
        if not isinstance(error, _NEVER_ARRIVED):
            self.stranger = False
            self.limits.identify(self.key_name, self.key_name)
        if first:
            for wake in self.on_acquaintance:
                wake()

    def parted(self) -> None:
        """Tell nobody of anything any more: those who are told lead back here, and would keep the key in memory."""
        for told in (self.on_user, self.on_acquaintance, self.on_identity, self.on_recovery):
            told.clear()

    def succeeded(self, collector: CollectorName, answer: Answer[Any], snapshot: Snapshot | None) -> None:
        """Record a good answer; if the key had been refused, everybody may try again now."""
        if self.refused:
            self.refused = False
            for wake in self.on_recovery:
                wake()
        age = timedelta(seconds=self.clock.elapsed() - answer.sent_at)
        self.board.succeeded(
            self.account,
            collector,
            snapshot=snapshot,
            sent_at=self.clock.now() - age,
            duration=answer.answered_at - answer.sent_at,
        )

    def unidentified(self, error: BingxError, *, in_a_row: int) -> float:
        """Say of those who wait for the identity why they cannot begin; return when to ask for it again."""
        now = self.clock.elapsed()
        if isinstance(error, ConnectionFailed) and error.stale:
            return now
        self.unknowable(error)
        self._log(CollectorName.BALANCE, error, in_a_row)
        self.board.withheld(self.account, NEEDS_IDENTITY, reason=error.reason)
        if isinstance(error, ClockSkew):
            self.host.resync()
        return now + schedule.retry_delay(in_a_row, interval=schedule.RETRY_CEILING, jitter=random.random())  # noqa: S311 - spreads retries, guards nothing

    def crashed(self, collector: CollectorName) -> None:
        """Record that a collector met a fault of ours."""
        self.board.failed(self.account, collector, reason=INTERNAL_ERROR, duration=None, by_exchange=False)
        self.unknowable()

    def failed(self, collector: CollectorName, error: BingxError, *, timing: Timing, began: float) -> float:
        """Record a failed call and return when to try again."""
        now = self.clock.elapsed()
        if isinstance(error, ConnectionFailed) and error.stale:
            return now
        in_a_row = self.board.failed(self.account, collector, reason=error.reason, duration=now - began)
        self.unknowable(error)
        self._log(collector, error, in_a_row)
        self.board.withheld(self.account, self._held_up_by(collector, error), reason=error.reason)
        self.refused = self.refused or isinstance(error, AuthenticationError)
        if isinstance(error, ClockSkew):
            self.host.resync()
        if isinstance(error, _HELD_BY_LIMITS):
            return min(timing.next_tick(now), now + schedule.RETRY_CEILING)
        return now + schedule.retry_delay(in_a_row, interval=timing.interval, jitter=random.random())  # noqa: S311 - spreads retries, guards nothing

    def _held_up_by(self, collector: CollectorName, error: BingxError) -> Iterable[CollectorName]:
        # What refuses the account refuses all its collectors, though only one of them had to find out.
        if isinstance(error, AuthenticationError):
            return tuple(name for name in CollectorName if name is not collector)
        if collector is CollectorName.BALANCE and self.user is None:
            return NEEDS_IDENTITY
        return ()

    def _log(self, collector: CollectorName, error: BingxError, in_a_row: int) -> None:
        logger = get_logger(__name__)
        report = logger.warning if in_a_row == 1 else logger.debug
        report(
            "A call failed",
            account=self.account,
            collector=str(collector),
            reason=error.reason,
            code=error.code,
            failures=in_a_row,
            err=str(error),
        )

"""How one collector of one account is doing, and what of its answers is still young enough to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from exporter.web.status import Health
from exporter.web.status.wording import duration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from exporter.model import CollectorName, PollStatus
    from exporter.polling.board import Board, Snapshot

SWITCHED_OFF = "switched off"


class Finding(Struct, frozen=True, kw_only=True):
    """The state of a collector; `data` is its last answer while that may be shown, `reason` is empty when all is well.

    `age_seconds` is the time since the last good call was sent.
    """

    health: Health
    reason: str
    age_seconds: float | None
    interval_seconds: float
    data: object | None

    @property
    def is_trouble(self) -> bool:
        """Whether the last call failed, or its answer is too old; one that was not made yet is neither."""
        return self.health not in {Health.GOOD, Health.WAITING}

    @property
    def absence(self) -> str:
        """Why there are no values."""
        if self.is_trouble:
            return f"{self.health}: {self.reason}"
        return self.reason or "nothing to show yet"


def findings(board: Board, account: str, *, elapsed: float, now: datetime) -> Mapping[CollectorName, Finding]:
    """Return the state of each collector that is switched on; nothing of an account that is just leaving."""
    return {
        collector: _finding(status, board.snapshot(account, collector), elapsed=elapsed, now=now)
        for collector, status in board.statuses(account).items()
    }


def _finding(status: PollStatus, snapshot: Snapshot | None, *, elapsed: float, now: datetime) -> Finding:
    is_fresh = snapshot is not None and elapsed < snapshot.expires_at
    age = None if status.last_success_at is None else (now - status.last_success_at).total_seconds()
    health = _health(status, has_expired=snapshot is not None and not is_fresh, is_fresh=is_fresh)
    return Finding(
        health=health,
        reason=_reason(health, status.reason or "", age),
        age_seconds=age,
        interval_seconds=status.interval_seconds,
        data=snapshot.data if snapshot is not None and is_fresh else None,
    )


def _health(status: PollStatus, *, has_expired: bool, is_fresh: bool) -> Health:
    if status.succeeded is None:
        return Health.WAITING
    if status.succeeded:
        return Health.STALE if has_expired else Health.GOOD
    return Health.FAILING if is_fresh else Health.FAILED


def _reason(health: Health, reason: str, age: float | None) -> str:
    match health:
        case Health.GOOD:
            return ""
        case Health.WAITING:
            return "not asked yet"
        case Health.FAILING:
            return reason
        case Health.STALE:
            return _last(age)
        case Health.FAILED:
            return f"{reason}, {_last(age)}"


def _last(age: float | None) -> str:
    return "never answered" if age is None else f"last answer {duration(age)} ago"

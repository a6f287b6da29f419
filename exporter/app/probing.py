"""The page of one account, or why there is none: what `/probe` answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.model import CollectorName
from exporter.web.site import UnavailableError, UnknownTargetError

if TYPE_CHECKING:
    from exporter.app.roster import Roster
    from exporter.clock import Clock
    from exporter.metrics.page import Page
    from exporter.metrics.render import Format
    from exporter.polling.board import Board

_WITHOUT_DATA_AT_FIRST: Final = (CollectorName.INCOME, CollectorName.RECONCILIATION)
"""Have nothing to show before the whole history has been read, which takes its time."""


def probe(exposition: Format, account: str, *, page: Page, board: Board, roster: Roster, clock: Clock) -> bytes:
    """Return the series of one account; raises `UnknownTargetError`, and `UnavailableError` with the reason.

    An account is available when the last attempt of each of its collectors was good, and its data is fresh.
    """
    if account not in {staffed.settings.name for staffed in roster.desks}:
        message = "no such account; /sd lists them"
        raise UnknownTargetError(message)
    problems = _problems(account, board, clock.elapsed())
    if problems:
        raise UnavailableError("; ".join(problems))
    return page.of(exposition, account)


def _problems(account: str, board: Board, now: float) -> list[str]:
    statuses = board.statuses(account)
    found = [] if statuses else ["not begun yet"]
    for collector, status in statuses.items():
        snapshot = board.snapshot(account, collector)
        if status.succeeded is False:
            found.append(f"{collector}: {status.reason}")
        elif collector not in _WITHOUT_DATA_AT_FIRST and (status.succeeded is None or snapshot is None):
            found.append(f"{collector}: no answer yet")
        elif snapshot is not None and snapshot.expires_at <= now:
            found.append(f"{collector}: stale")
    return found

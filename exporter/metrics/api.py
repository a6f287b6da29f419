"""API families: our own calls to the exchange, what they cost, and how much of the budget is left.

Calls are counted where they happen, in prometheus-client's instruments; budgets, blocks and clock offsets are true at
the moment of the scrape and are read then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from exporter.metrics.family import Family, Labelled, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class Budget(NamedTuple):
    """What one account may still ask of one endpoint: calls left now, and until when (our clock) it is banned from it.

    Thousands are made for a scrape; a named tuple is made, compared and hashed several times as fast as a dataclass.
    """

    account: str
    endpoint: str
    remaining: int
    blocked_until: datetime | None


class ClockOffset(Struct, frozen=True, kw_only=True):
    """By how many seconds the clock of a host is ahead of ours."""

    host: str
    seconds: float


def _budgets(budgets: Iterable[Budget]) -> Iterable[Labelled[Budget]]:
    return [(one[:2], one) for one in budgets]  # by number: there are thousands


BUDGET: Final[Subject[Iterable[Budget], Budget]] = Subject(
    name="api_budget",
    source="our own accounting of calls and the exchange's answers",
    labels=("account", "endpoint"),
    common=(),
    rows=_budgets,
    families=(
        Family(
            name="bingx_api_budget_remaining",
            help="Calls of the endpoint that the limits of the exchange allow the account at this moment.",
            value=lambda budget: budget.remaining,
        ),
        Family(
            name="bingx_api_blocked_until_timestamp_seconds",
            help="Until when the exchange wants no call of the endpoint for the account, by our clock, in seconds "
            "since 1970: the end of a ban, or of our pause after too many calls; absent when there is neither.",
            value=lambda budget: None if budget.blocked_until is None else budget.blocked_until.timestamp(),
            unit="seconds",
        ),
    ),
)


def _offsets(offsets: Iterable[ClockOffset]) -> Iterable[Labelled[ClockOffset]]:
    return (((one.host,), one) for one in offsets)


OFFSET: Final[Subject[Iterable[ClockOffset], ClockOffset]] = Subject(
    name="api_clock",
    source="the server time call",
    labels=("host",),
    common=(),
    rows=_offsets,
    families=(
        Family(
            name="bingx_api_clock_offset_seconds",
            help="Clock of the exchange minus our clock in seconds; requests are stamped with the exchange's time.",
            value=lambda offset: offset.seconds,
            unit="seconds",
        ),
    ),
)

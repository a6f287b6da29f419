"""What the exporter is meant to reach, benchmark by benchmark, and whether a run has reached it.

Owns the goals. One whose case was not measured is not reached, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bench import delay, freshness, page
from bench.budget import OVER, WITHIN
from bench.growth import sizes
from bench.peers import GAUGES, NGINX, OURS, PUSHGATEWAY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.measure import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A bound on the median of a quantity of a case, of its ratio to the case `beside`, or its excess over `than`."""

    text: str
    case: str
    beside: str | None = None
    than: str | None = None
    quantity: int = 0
    at_most: float = float("inf")
    at_least: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a goal; `measured` is `None` where nothing was."""

    goal: Goal
    measured: float | None

    @property
    def reached(self) -> bool:
        """Whether the figure is there, and within the bound."""
        return self.measured is not None and self.goal.at_least <= self.measured <= self.goal.at_most


def _no_dearer_than_the_loop(*, positions: int, rows: int) -> Goal:
    what = f"{positions} positions, {rows} rows of income"
    reference = f"`Session.get` and `json.loads`: {what}"
    return Goal(text=f"no more than the loop: {what}", case=f"refresh: {what}", beside=reference, at_most=1.0)


def _level(text: str, name: Callable[[int], str], *, quantity: int = 0) -> Goal:
    """Expect of a thousand that each costs at most a quarter more than of ten."""
    case, beside = name(sizes.LARGE), name(sizes.REFERENCE)
    return Goal(
        text=f"of {sizes.LARGE:,}, {text} than of {sizes.REFERENCE}",
        case=case,
        beside=beside,
        quantity=quantity,
        at_most=1.25,
    )


def _undisturbed(who: str, whom: str, case: str, than: str, *, quantity: int) -> Goal:
    text = f"{who} add at most 20 ms to the p99 of {whom}"
    return Goal(text=text, case=case, than=than, quantity=quantity, at_most=20, at_least=float("-inf"))


GOALS: Final[Mapping[str, tuple[Goal, ...]]] = {
    "start": (
        Goal(text="1 account is on show within 0.6 s", case="1 account", quantity=1, at_most=0.6),
        Goal(text="50 accounts within 1.0 s", case="50 accounts", quantity=1, at_most=1.0),
    ),
    "footprint": (
        Goal(text="1 account of 20 positions holds 60 MiB at most", case="1 account of 20 positions", at_most=60),
        Goal(text="50 accounts 70 MiB", case="50 accounts", at_most=70),
        Goal(text="1,000 accounts 220 MiB", case="1000 accounts, measured once", at_most=220),
    ),
    "poll": (
        _no_dearer_than_the_loop(positions=5, rows=100),
        _no_dearer_than_the_loop(positions=50, rows=999),
    ),
    "peers": (
        Goal(text="plain costs at most 1.5 times what nginx needs for a file", case=OURS, beside=NGINX, at_most=1.5),
        Goal(text="gzip costs 20 ms at most", case=OURS, quantity=1, at_most=20),
        Goal(text="gzip of accounts that have not changed 2 ms at most", case=OURS, quantity=2, at_most=2),
        Goal(text="prometheus-client costs at least 80 times as much", case=GAUGES, beside=OURS, at_least=80),
        Goal(text="the Go client library at least 30 times", case=PUSHGATEWAY, beside=OURS, at_least=30),
        Goal(text="the page adds at most 2.5 times its size to memory", case=OURS, quantity=3, at_most=2.5),
    ),
    "render": (Goal(text="0.3 ms at most", case="rendered and put on the page", at_most=0.3),),
    "opening": (Goal(text="0.5 s at most", case="the ledger opened, its totals there", at_most=500),),
    "egress": (
        Goal(text="95 % of 30 calls a second by one address", case="1 source address", at_least=28.5),
        Goal(
            text="90 % of four times as many by four",
            case="4 source addresses",
            beside="1 source address",
            at_least=3.6,
        ),
        Goal(text="the same by proxies", case="4 proxies", beside="1 source address", at_least=3.6),
    ),
    "budget": (
        Goal(text="95 % of what is allowed for positions", case=str(OVER), at_least=0.95),
        Goal(text="95 % of what is allowed for balance", case=str(OVER), quantity=1, at_least=0.95),
        Goal(text="no call is refused", case=str(OVER), quantity=2, at_most=0),
        Goal(text="every account is on the page at every scrape", case=str(OVER), quantity=3, at_least=OVER.accounts),
        Goal(text="the oldest data is at most 1.3 intervals old", case=str(OVER), quantity=4, at_most=1.3),
    ),
    "lateness": (
        Goal(text="no call is refused", case=str(WITHIN), quantity=1, at_most=0),
        Goal(text="p99 of the lateness is 50 ms at most", case=str(WITHIN), quantity=3, at_most=50),
        Goal(text="the exporter takes half a core at most", case=str(WITHIN), quantity=5, at_most=0.5),
    ),
    "freshness": (
        Goal(
            text="p99 is an interval, a round trip and 50 ms at most: 1.2 s",
            case=freshness.CASE,
            quantity=1,
            at_most=freshness.GOAL_SECONDS,
        ),
    ),
    "delay": (
        _undisturbed("plain scrapes", "the lateness of polls", delay.PLAIN, delay.POLLS, quantity=1),
        _undisturbed("gzip scrapes", "the lateness of polls", delay.GZIP, delay.POLLS, quantity=1),
        _undisturbed("polls", "plain scrapes", delay.PLAIN, delay.PLAIN_ALONE, quantity=5),
        _undisturbed("polls", "gzip scrapes", delay.GZIP, delay.GZIP_ALONE, quantity=5),
    ),
    "page": (
        Goal(
            text=f"{page.MANY} accounts weigh 80 kB in gzip at most",
            case=sizes.accounts(page.MANY),
            quantity=1,
            at_most=80,
        ),
        Goal(
            text=f"of {page.MANY} accounts it is made in 150 ms",
            case=sizes.accounts(page.MANY),
            quantity=2,
            at_most=150,
        ),
    ),
    "looks": (
        _undisturbed("page loads", "scrapes of 3 accounts", page.beside(page.FEW), page.alone(page.FEW), quantity=1),
        _undisturbed("page loads", "scrapes of 200", page.beside(page.MANY), page.alone(page.MANY), quantity=1),
    ),
    "growth-accounts": (_level("a refresh costs no more", sizes.accounts),),
    "growth-scrape": (_level("a sample costs no more", sizes.accounts, quantity=1),),
    "growth-positions": (_level("a position costs no more", sizes.positions, quantity=1),),
    "growth-ledger": (
        Goal(text="10,000,000 entries are opened within 0.5 s", case=sizes.entries(10_000_000), at_most=500),
        Goal(
            text="a poll of 10,000,000 costs at most 1.5 times one of 10,000",
            case=sizes.entries(10_000_000),
            beside=sizes.entries(10_000),
            quantity=1,
            at_most=1.5,
        ),
    ),
}
"""By the name of the benchmark."""


def verdicts(result: Result) -> tuple[Verdict, ...]:
    """Judge every goal of a benchmark."""
    return tuple(Verdict(goal=goal, measured=_measured(result, goal)) for goal in GOALS.get(result.benchmark.name, ()))


def _measured(result: Result, goal: Goal) -> float | None:
    if goal.than is not None:
        return result.beyond(goal.case, goal.than, goal.quantity)
    return result.over(goal.case, goal.beside, goal.quantity)

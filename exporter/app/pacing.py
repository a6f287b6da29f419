"""Who polls how often: what the configuration asks for, fitted into what the exchange allows, and told.

Owns the timing of every collector. It is fitted anew when the accounts change, and when it turns out that several keys
are one user's.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.app.budgets import AddressBudget, budgets, crowds, in_words
from exporter.app.exchange import address_of, key_name_of
from exporter.bingx.paths import Endpoint
from exporter.logs import get_logger
from exporter.model import CollectorName
from exporter.polling import permissions
from exporter.polling.desk import Timing
from exporter.polling.flow import Flow
from exporter.polling.pace import Demand, Pool, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from exporter.bingx.limits import Rule
    from exporter.clock import Clock
    from exporter.config import AccountSettings
    from exporter.polling.pace import Load, Pace, Plan

ENDPOINTS: Final = {
    CollectorName.POSITIONS: Endpoint.POSITIONS,
    CollectorName.BALANCE: Endpoint.BALANCE,
    CollectorName.INCOME: Endpoint.INCOME,
    CollectorName.COMMISSION_RATE: Endpoint.COMMISSION_RATE,
    CollectorName.RECONCILIATION: Endpoint.INCOME_EXPORT,
}
"""What each collector asks."""
_ROOMY: Final = 0.5
"""Below this share of a budget nobody's polls are moved to make room: an even spread does not matter there."""


class Change(Struct, frozen=True, kw_only=True):
    """A collector that has another interval from now on, in seconds."""

    account: str
    collector: CollectorName
    before: float
    after: float


def demands(accounts: Iterable[AccountSettings], users: Mapping[str, str]) -> Iterator[Demand]:
    """Yield what the accounts ask for; `users` says whose they are, as far as that is known."""
    for account in accounts:
        user = users.get(account.name, key_name_of(account))
        wanted: dict[str, tuple[Endpoint, float]] = {
            name: (ENDPOINTS[name], account.collectors.of(name).interval) for name in account.collectors.enabled
        }
        wanted["permissions"] = (Endpoint.PERMISSIONS, permissions.INTERVAL)
        for what, (endpoint, interval) in wanted.items():
            yield Demand(
                key=(account.name, what), user=user, address=address_of(account), endpoint=endpoint, interval=interval
            )


class Pacing:
    """The timings in force. Thread-safe."""

    def __init__(self, *, clock: Clock, rules: Sequence[Rule], flow: Flow | None = None) -> None:
        """Fit everybody into `rules`, and let calls follow each other by `flow`."""
        self._clock = clock
        self._rules = rules
        self._flow = flow or Flow()
        self._lock = threading.Lock()
        self._accounts: dict[str, AccountSettings] = {}
        self._users: dict[str, str] = {}
        self._timings: dict[str, dict[str, Timing]] = {}
        self._plan = plan((), rules)
        self._told: frozenset[AddressBudget | str] = frozenset()
        self._on_change: Callable[[Sequence[Change]], None] = lambda _: None
        self._logger = get_logger(__name__)

    def tell(self, on_change: Callable[[Sequence[Change]], None]) -> None:
        """Call `on_change` with all that has another interval, after every change, on the thread that caused it."""
        self._on_change = on_change

    def arrange(self, accounts: Iterable[AccountSettings]) -> None:
        """Fit exactly these accounts into the budgets."""
        with self._lock:
            before, self._accounts = self._accounts, {account.name: account for account in accounts}
            self._users = {
                name: user
                for name, user in self._users.items()
                if name in self._accounts and key_name_of(before[name]) == key_name_of(self._accounts[name])
            }
            changes = self._fit()
        self._on_change(changes)

    def identified(self, account: str, user: str) -> None:
        """Learn whose account it is; what he asks with other keys counts against the same budget."""
        with self._lock:
            known = self._users.get(account)
            if account not in self._accounts or known == user:
                return
            self._users[account] = user
            changes = self._fit() if known is not None or self._asks_too_much(user) else ()
        self._on_change(changes)

    def _asks_too_much(self, user: str) -> bool:
        its = [self._accounts[name] for name, whose in self._users.items() if whose == user]
        return bool(plan(demands(its, self._users), self._rules).crowded)

    def timings(self, account: str) -> Mapping[CollectorName, Timing]:
        """Return the timing of every collector of an account."""
        with self._lock:
            own = self._timings.get(account, {})
            return {name: own[name] for name in ENDPOINTS if name in own}

    def lasting(self, account: str) -> Mapping[CollectorName, float]:
        """Return for how many seconds data of each collector of an account may be shown."""
        return {name: timing.expiry(0.0) for name, timing in self.timings(account).items()}

    def _fit(self) -> Sequence[Change]:
        every = tuple(demands(self._accounts.values(), self._users))
        old, self._plan = self._plan, plan(every, self._rules)
        self._flow.arrange({pool: load.tempo for pool, load in self._plan.loads.items()})
        moved, now = _moved(every, old, self._plan), self._clock.elapsed()
        before, self._timings = self._timings, {name: {} for name in self._accounts}
        changes: list[Change] = []
        for demand in every:
            name, what = demand.key
            pace = self._plan.paces[demand.key]
            timing = before.get(name, {}).get(what) or self._timing(name, pace, now)
            timing.stale_after = self._accounts[name].stale_after
            timing.patient = pace.interval > demand.interval
            if timing.interval != pace.interval and what in ENDPOINTS:
                change = Change(
                    account=name, collector=CollectorName(what), before=timing.interval, after=pace.interval
                )
                changes.append(change)
            if timing.interval != pace.interval or _pool(demand) in moved:
                timing.change(interval=pace.interval, origin=_origin(pace, now))
            self._timings[name][what] = timing
        self._tell_budgets()
        return changes

    def _timing(self, account: str, pace: Pace, now: float) -> Timing:
        return Timing(
            interval=pace.interval, origin=_origin(pace, now), stale_after=self._accounts[account].stale_after
        )

    def _tell_budgets(self) -> None:
        full = [budget for budget in budgets(self._plan.loads.values()) if not budget.fits]
        crowded = crowds(self._plan.crowded)
        for budget in full:
            if budget not in self._told:
                self._logger.warning("More is asked by one address than the exchange allows", **in_words(budget))
        for account in crowded:
            if account not in self._told:
                self._logger.warning("A user is asked for more than the exchange allows", account=account)
        self._told = frozenset((*full, *crowded))


def _pool(demand: Demand) -> Pool:
    return demand.address, demand.endpoint


def _origin(pace: Pace, now: float) -> float:
    return now + pace.phase * pace.interval


def _moved(every: Iterable[Demand], old: Plan, new: Plan) -> set[Pool]:
    """Return the pools in which everybody takes a new place: those that are rather full, and have changed."""

    def is_full(load: Load) -> bool:
        return load.used > _ROOMY * load.allowed

    def seat(pace: Pace | None) -> tuple[float, float] | None:
        return None if pace is None else (pace.interval, pace.place)  # who has another turn need not take it now

    changed = {_pool(one) for one in every if seat(old.paces.get(one.key)) != seat(new.paces[one.key])}
    return {pool for pool in changed if is_full(new.loads[pool])}

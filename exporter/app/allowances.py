"""What is left of every budget, as the page shows it at each scrape."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from exporter.metrics.api import Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from exporter.bingx.limits import Caller, Limits
    from exporter.bingx.overview import Overview
    from exporter.bingx.paths import Endpoint
    from exporter.clock import Clock

    Asked: TypeAlias = tuple[Caller, tuple[Endpoint, ...]]


class Allowances:
    """Reads the budgets of all callers.

    Most have the whole of it most of the time; what that looks like is kept, for those who were there the last time.
    """

    def __init__(self, limits: Limits, clock: Clock, callers: Callable[[], Iterable[Asked]]) -> None:
        """Ask `callers` each time who there is, and which (signed) endpoints are asked on whose behalf."""
        self._limits = limits
        self._clock = clock
        self._callers = callers
        self._whole: dict[tuple[str, tuple[Endpoint, ...]], tuple[Budget, ...]] = {}

    def __call__(self) -> tuple[Budget, ...]:
        """Return a budget for each caller and endpoint, in their order."""
        now, calendar = self._clock.elapsed(), self._clock.now()
        overview = self._limits.overview(now)
        known, whole, budgets = self._whole, {}, list[Budget]()
        for caller, endpoints in self._callers():
            if overview.concerns(caller):
                budgets += [_left(caller, endpoint, overview, now, calendar) for endpoint in endpoints]
                continue
            key = (caller.account, endpoints)
            whole[key] = full = known.get(key) or tuple(_full(caller, endpoint, overview) for endpoint in endpoints)
            budgets += full
        self._whole = whole
        return tuple(budgets)


def _full(caller: Caller, endpoint: Endpoint, overview: Overview) -> Budget:
    return Budget(caller.account, endpoint, overview.full, None)


def _left(caller: Caller, endpoint: Endpoint, overview: Overview, now: float, calendar: datetime) -> Budget:
    remaining, until = overview.of(caller, endpoint)
    blocked_until = None if until is None else calendar + timedelta(seconds=until - now)
    return Budget(caller.account, endpoint, remaining, blocked_until)

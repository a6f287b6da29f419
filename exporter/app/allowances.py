"""What is left of every budget, as the page shows it at each scrape."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from exporter.metrics.api import Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from exporter.bingx.limits import Caller, Limits
    from exporter.bingx.overview import Overview, Standing
    from exporter.bingx.paths import Endpoint
    from exporter.clock import Clock

    Asked: TypeAlias = tuple[Caller, tuple[Endpoint, ...]]
    _Told: TypeAlias = tuple[Standing, tuple[Budget, ...]]


class Allowances:
    """Reads the budgets of all callers; for one thread.

    Most have left what they had at the scrape before, and are asked again only if they may stand otherwise. What was
    told of them is kept, for those who were there then; but not the end of a ban, which is told by our clock, and that
    may have been set since.
    """

    def __init__(self, limits: Limits, clock: Clock, callers: Callable[[], Iterable[Asked]]) -> None:
        """Ask `callers` each time who there is, and which (signed) endpoints are asked on whose behalf."""
        self._limits = limits
        self._clock = clock
        self._callers = callers
        self._overview = limits.overview(clock.elapsed())
        self._told: dict[Asked, _Told] = {}
        self._budgets: tuple[Budget, ...] = ()

    def __call__(self) -> tuple[Budget, ...]:
        """Return a budget for each caller and endpoint, in their order."""
        now = self._clock.elapsed()
        began = self._clock.now() - timedelta(seconds=now)
        asked, overview = tuple(self._callers()), self._limits.overview(now)
        moved = overview.moved_since(self._overview)
        if moved is not None and not moved and asked == tuple(self._told):
            return self._budgets
        told = {}
        for one in asked:
            known = self._told.get(one)
            if known is None or moved is None or overview.user_of(one[0]) in moved:
                known = _tell(one, overview, began, known)
            told[one] = known
        self._overview, self._told = overview, told
        self._budgets = tuple(chain.from_iterable([budgets for _, budgets in told.values()]))
        return self._budgets


def _tell(asked: Asked, overview: Overview, began: datetime, known: _Told | None) -> _Told:
    caller, endpoints = asked
    standing = overview.standing(caller, endpoints)
    if known is not None and known[0] == standing and all(end is None for _, end in standing):
        return known
    budgets = tuple(
        Budget(caller.account, endpoint, left, None if end is None else began + timedelta(seconds=end))
        for endpoint, (left, end) in zip(endpoints, standing, strict=True)
    )
    return standing, budgets

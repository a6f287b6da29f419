"""What is left of every budget, as the page shows it at each scrape."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from exporter.metrics.api import Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exporter.bingx.limits import Caller, Limits
    from exporter.bingx.overview import Standing
    from exporter.bingx.paths import Endpoint
    from exporter.clock import Clock

    Asked: TypeAlias = tuple[Caller, tuple[Endpoint, ...]]


class Allowances:
    """Reads the budgets of all callers.

    Most have left what they had at the scrape before. What that looks like is kept, for those who were there then; but
    not the end of a ban, which is told by our clock, and that may have been set since.
    """

    def __init__(self, limits: Limits, clock: Clock, callers: Callable[[], Iterable[Asked]]) -> None:
        """Ask `callers` each time who there is, and which (signed) endpoints are asked on whose behalf."""
        self._limits = limits
        self._clock = clock
        self._callers = callers
        self._kept: dict[tuple[str, tuple[Endpoint, ...]], tuple[Standing, tuple[Budget, ...]]] = {}

    def __call__(self) -> tuple[Budget, ...]:
        """Return a budget for each caller and endpoint, in their order."""
        now = self._clock.elapsed()
        began = self._clock.now() - timedelta(seconds=now)
        overview = self._limits.overview(now)
        known, kept, budgets = self._kept, {}, list[Budget]()
        for caller, endpoints in self._callers():
            key, standing = (caller.account, endpoints), overview.standing(caller, endpoints)
            before = known.get(key)
            if before is not None and before[0] == standing:
                kept[key] = before
                budgets += before[1]
                continue
            these = tuple(
                Budget(caller.account, endpoint, left, None if end is None else began + timedelta(seconds=end))
                for endpoint, (left, end) in zip(endpoints, standing, strict=True)
            )
            if all(end is None for _, end in standing):
                kept[key] = (standing, these)
            budgets += these
        self._kept = kept
        return tuple(budgets)

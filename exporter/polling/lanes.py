"""Where tasks wait for a budget that is used up: a lane for each budget, the most important and longest waiting first.

When a budget opens, its lane is asked for the first task, and for the next only if that could begin. So it costs the
same however many wait. Not thread-safe: the scheduler holds the lock.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from exporter.polling.task import Task

Rank = tuple[int, float, int]
"""Priority, since when it waits, and in which order it came; the lowest goes first."""


class Lane(Struct, eq=False):
    """Those who wait for one budget, which opens at `opens_at` (elapsed seconds) at the earliest."""

    budget: Hashable
    opens_at: float
    entries: list[tuple[Rank, Task]] = field(default_factory=list)

    def push(self, rank: Rank, task: Task) -> None:
        """Let a task wait here."""
        heapq.heappush(self.entries, (rank, task))

    def pop(self) -> tuple[Rank, Task]:
        """Take the first one out."""
        return heapq.heappop(self.entries)

    @property
    def rank(self) -> Rank:
        """The rank of the first one."""
        return self.entries[0][0]


class Lanes:
    """Every lane in which somebody waits."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lanes: dict[Hashable, Lane] = {}

    def __bool__(self) -> bool:
        """Tell whether anybody waits."""
        return bool(self._lanes)

    def first_of(self, budgets: Iterable[Hashable]) -> Lane | None:
        """Return the lane of the first of these budgets that has one."""
        return next((lane for lane in map(self._lanes.get, budgets) if lane is not None), None)

    def wait(self, budget: Hashable, rank: Rank, task: Task, *, until: float) -> Lane | None:
        """Let a task wait for a budget that opens at `until`; return the lane if it is a new one."""
        lane = self._lanes.get(budget)
        is_new = lane is None
        if lane is None:
            lane = self._lanes[budget] = Lane(budget, until)
        lane.opens_at = until
        lane.push(rank, task)
        return lane if is_new else None

    def holds(self, lane: Lane) -> bool:
        """Tell whether the lane is still one of these."""
        return self._lanes.get(lane.budget) is lane

    def close(self, lane: Lane) -> None:
        """Forget a lane in which nobody waits any more."""
        del self._lanes[lane.budget]

    def clear(self) -> None:
        """Forget all of them."""
        self._lanes.clear()

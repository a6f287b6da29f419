"""What is to be done when: deeds at due times, one after the other in the calling thread.

Owns the order. Must not know what is done.
"""

from __future__ import annotations

import heapq
from itertools import count
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from exporter.clock import Clock


class Agenda:
    """Deeds that wait for their time; a deed may enter others."""

    def __init__(self, chance: random.Random, clock: Clock) -> None:
        self._chance, self._clock = chance, clock
        self._order = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, seconds: float, deed: Callable[[], None]) -> None:
        """Enter a deed once."""
        heapq.heappush(self._due, (self._clock.elapsed() + seconds, next(self._order), deed))

    def every(self, mean_seconds: float, deed: Callable[[], None]) -> None:
        """Enter a deed that is done again and again, at intervals by chance."""

        def once() -> None:
            deed()
            self.every(mean_seconds, deed)

        self.after(self._chance.expovariate(1 / mean_seconds), once)

    def run(self, seconds: float, *, going: Callable[[], bool]) -> None:
        """Do what is due for so long, or until `going` says no; what is not yet due then is dropped."""
        ends = self._clock.elapsed() + seconds
        while self._due and self._due[0][0] < ends and going():
            at, _, deed = heapq.heappop(self._due)
            Event().wait(max(0.0, at - self._clock.elapsed()))
            deed()

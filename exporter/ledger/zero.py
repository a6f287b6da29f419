"""How long a new counter series has been showing 0, and when it may move.

Pure: times are seconds of a clock that the caller reads. Prometheus sees an increment only if it saw the series
before it, so a series that is new after the baseline stands at 0 for a while. What counts is uninterrupted display
in one process: this object dies with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ZeroDisplay:
    """The series that stand at 0, each with the moment since when; not thread-safe."""

    def __init__(self, seconds: float) -> None:
        """Let a series move once it has shown 0 for `seconds`."""
        self.seconds = seconds
        self._since: dict[int, float] = {}

    def show(self, series: Iterable[int], *, now: float) -> None:
        """Take note that `series` stand at 0 from `now` on; all others do so no longer."""
        self._since = {key: self._since.get(key, now) for key in series}

    def ripe(self, series: Iterable[int], *, now: float) -> tuple[int, ...]:
        """Return those of `series` that have shown 0 for long enough."""
        return tuple(key for key in series if now - self._since.get(key, now) >= self.seconds)

    def due(self, series: Iterable[int], *, now: float) -> float | None:
        """Return when the first of `series` may move, `now` or earlier if one waits to be shown, `None` if none waits.

        A series that is not on display yet is due at once: it has to be shown first.
        """
        return min((self._since[key] + self.seconds if key in self._since else now for key in series), default=None)

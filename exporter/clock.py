"""Time, behind the one seam that tests may replace.

`now` is the calendar's time and may jump. `elapsed` never jumps and runs on while the machine is suspended: ages,
intervals, deadlines and budgets are measured on it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the house asks for the time."""

    def now(self) -> datetime:
        """Return the calendar's time, aware, in UTC."""
        ...

    def elapsed(self) -> float:
        """Return seconds since an arbitrary fixed moment; never goes back, counts through suspend."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the calendar's time, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock that the others ask

    def elapsed(self) -> float:
        """Return seconds on CLOCK_BOOTTIME where there is one, else on the monotonic clock."""
        return _elapsed()


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


_elapsed = _boottime if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic  # noqa: TID251 - the same

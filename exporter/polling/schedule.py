"""When a poll is due; pure functions of numbers, in seconds of the elapsed clock."""

from __future__ import annotations

import math
from typing import Final

RETRY_CEILING: Final = 60.0
"""No collector, however long its interval, waits longer than this after a failure."""
_FIRST_RETRY: Final = 5.0
_JITTER: Final = 0.2


def next_tick(*, origin: float, interval: float, now: float, began: float = -math.inf) -> float:
    """Return the first moment after `now` on the grid `origin + n * interval`; missed ticks are not made up for.

    It is at least half an interval after `began`, when the last poll went out: who polled out of turn (at the start,
    after a failure or a long wait) finds his place on the grid again, and on average polls no more often for it.
    """
    after = max(now, began + interval / 2)
    return origin + (math.floor((after - origin) / interval) + 1) * interval


def retry_delay(failures: int, *, interval: float, jitter: float) -> float:
    """Return how long to wait after the `failures`-th failure in a row; `jitter` is a random number in [0, 1).

    Doubles from five seconds (or the interval, if shorter) to four intervals, never past `RETRY_CEILING`; jitter only
    shortens it, so that many accounts that failed together do not come back together.
    """
    first = min(interval, _FIRST_RETRY)
    ceiling = min(RETRY_CEILING, 4 * interval)
    doubled = first * 2.0 ** min(failures - 1, 16)
    return min(ceiling, doubled) * (1 - _JITTER * jitter)

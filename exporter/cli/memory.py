"""What becomes of memory that is given back, and how often it is searched for what could be."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Final

_MMAP_THRESHOLD: Final = -3
"""`M_MMAP_THRESHOLD` of mallopt(3)."""
_LARGE_BYTES: Final = 1 << 20
_ARENA_MAX: Final = -8
"""`M_ARENA_MAX` of mallopt(3)."""
_THRESHOLDS: Final = (3_000, 5, 500)
"""By how many objects the youngest has to grow, and how often a generation is searched before the next older one."""


def keep_little() -> None:
    """Let the system have large blocks as soon as they are freed, and let all threads share one arena.

    Where the C library is not glibc, nothing is to be done.

    By itself glibc takes the first large block that is freed as a sign of more to come, and from then on keeps as much,
    and twice that, in each arena: some answers of 16 MiB from an exchange gone mad, and hundreds of MiB stay for good.
    It would have eight arenas a core, each of which goes on growing to what its threads once needed at a time; they
    are for threads that run at the same time, and ours take turns. To be called before there are threads.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_ARENA_MAX, 1)


def settled() -> None:
    """Take what there is now for what stays, and look for garbage from now on, in all that comes.

    Most of what a start makes is modules. To look through them while they come, and ever again, would be in vain.
    """
    gc.freeze()
    gc.enable()


def search_rarely() -> None:
    """Let the collector of garbage look through everything only when there is much more than before.

    That halts all threads, for 0.1 s with 500 accounts, every few seconds by default; and it finds next to nothing,
    since what polls and scrapes leave behind is freed at once. What is young is still searched. From Python 3.14 on the
    collector takes small steps by itself, and the same numbers would mean something else.
    """
    if sys.version_info < (3, 14):
        gc.set_threshold(*_THRESHOLDS)

"""What becomes of memory that is given back, where the C library is glibc; elsewhere nothing is to be done."""

from __future__ import annotations

import ctypes
from typing import Final

_MMAP_THRESHOLD: Final = -3
"""`M_MMAP_THRESHOLD` of mallopt(3)."""
_LARGE_BYTES: Final = 1 << 20


def give_back_large_blocks() -> None:
    """Let the system have every block of a megabyte or more as soon as it is freed.

    By itself glibc takes the first large block that is freed as a sign of more to come, and from then on keeps as much,
    and twice that, in up to eight arenas a core: some answers of 16 MiB from an exchange gone mad, and hundreds of MiB
    stay for good.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)

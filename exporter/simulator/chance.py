"""Chance that repeats itself: every random choice of the simulated exchange is drawn here, from its seed.

Owns the generators and the hash. Must not hold state: two callers with the same names draw the same numbers.
"""

from __future__ import annotations

import random
from typing import Final

_MASK: Final = (1 << 64) - 1


def stream(seed: int, *names: object) -> random.Random:
    """Return a generator of its own for whatever `names` describe; equal names give equal numbers."""
    text = "/".join(str(part) for part in (seed, *names))
    return random.Random(text)  # noqa: S311 - a demo must repeat itself; nothing here guards anything


def digits(source: random.Random, count: int) -> str:
    """Return `count` decimal digits, the first of them not a zero."""
    return str(source.randrange(10 ** (count - 1), 10**count))


def signed_fraction(*numbers: int) -> float:
    """Hash whole numbers to a fraction in [-1, 1), evenly spread."""
    state = 0
    for number in numbers:
        state = _mix(state ^ (number & _MASK))
    return state / (1 << 63) - 1.0


def _mix(state: int) -> int:
    # The finishing steps of splitmix64: cheap, and good enough that neighbours share nothing.
    state = (state + 0x9E3779B97F4A7C15) & _MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return state ^ (state >> 31)

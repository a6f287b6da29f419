"""Work that takes a while and is in no hurry: after each few steps of it the other threads have their turn.

Python lets a thread go on for 5 ms before it makes it hand over, and whoever serves a scrape hands over at each call of
the system: it would wait as often as that.
"""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

_PAUSE_SECONDS: Final = 0.0001


def considerate(steps: Iterable[T], *, every: int) -> Iterator[T]:
    """Yield all of `steps`, and pause for a moment after each `every` of them."""
    never = Event()
    for number, step in enumerate(steps, 1):
        yield step
        if number % every == 0:
            never.wait(_PAUSE_SECONDS)

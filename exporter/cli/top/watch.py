"""Asking an exporter again and again, on a thread of its own: one that hangs must not hold up the keyboard.

The result is a `Sight`: the last good answer and what became of the last question. Whether an answer is still good
enough to be shown is judged here as well, since both the screen and the tests depend on it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from msgspec import Struct
from msgspec.structs import replace

from exporter.cli.question import Unanswered
from exporter.cli.top.reading import PageError, read_page
from exporter.cli.top.seeing import FAMILIES, see
from exporter.cli.top.source import TIMEOUT, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.cli.top.view import Overview


class Sight(Struct, frozen=True, kw_only=True):
    """What is known: the last good answer, and why the last question had none ("" if it had one).

    `asked_at` is our clock (`Clock.elapsed`) at the last good question, `exporter_time` that of the exporter then;
    `asked_since` is ours when the watch began.
    """

    asked_since: float
    overview: Overview | None = None
    asked_at: float = 0.0
    exporter_time: float = 0.0
    failure: str = ""

    def age(self, elapsed: float) -> float:
        """Return for how many seconds nothing good has been heard."""
        return max(0.0, elapsed - (self.asked_since if self.overview is None else self.asked_at))

    def is_fresh(self, elapsed: float, *, interval: float) -> bool:
        """Say whether the numbers of the last answer may still be shown."""
        return self.overview is not None and not self.failure and self.age(elapsed) <= interval + TIMEOUT

    def now(self, elapsed: float) -> float:
        """Return the time on the exporter's clock, in seconds since 1970."""
        return self.exporter_time + self.age(elapsed)


def look(source: Source, before: Sight) -> Sight:
    """Ask once, and return what is known after that."""
    try:
        answer = source.fetch()
        samples = read_page(answer.content, FAMILIES)
        overview = see(samples, now=answer.exporter_time, before=before.overview)
    except (Unanswered, PageError) as error:
        return replace(before, failure=str(error))
    return Sight(
        asked_since=before.asked_since,
        overview=overview,
        asked_at=answer.asked_at,
        exporter_time=answer.exporter_time,
    )


class Watch:
    """A context manager that asks every `interval` seconds, and calls `on_sight` after each answer or failure."""

    def __init__(self, source: Source, first: Sight, *, interval: float, on_sight: Callable[[], None]) -> None:
        """Begin with `first`, which is asked again at once."""
        self.sight = first
        self._source = source
        self._interval = interval
        self._on_sight = on_sight
        self._ends = threading.Event()
        # A daemon: a question that hangs does not keep the program from its end.
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        """Begin to ask."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Ask no more."""
        self._ends.set()

    @property
    def alive(self) -> bool:
        """Whether it still asks."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._ends.is_set():
            self.sight = look(self._source, self.sight)
            self._on_sight()
            self._ends.wait(self._interval)

"""What was found wrong, by kind, and how much was looked at; written by several threads.

Owns the counts and the first few texts of each kind. Must not decide whether the soak has passed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TEXTS_KEPT: Final = 5


class Findings:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._wrong: Counter[str] = Counter()
        self._texts: defaultdict[str, list[str]] = defaultdict(list)
        self._done: Counter[str] = Counter()

    def wrong(self, kind: str, text: str) -> None:
        """Write down that something is wrong."""
        with self._lock:
            self._wrong[kind] += 1
            if len(self._texts[kind]) < _TEXTS_KEPT:
                self._texts[kind].append(text)

    def all_wrong(self, kind: str, texts: Iterable[str]) -> None:
        """Write each of them down."""
        for text in texts:
            self.wrong(kind, text)

    def done(self, what: str, times: int = 1) -> None:
        """Count something that was done or looked at."""
        with self._lock:
            self._done[what] += times

    @property
    def counts(self) -> Mapping[str, int]:
        """How much was done."""
        with self._lock:
            return dict(self._done)

    @property
    def faults(self) -> Mapping[str, int]:
        """How often each kind of thing was wrong."""
        with self._lock:
            return dict(self._wrong)

    def texts(self, kind: str) -> list[str]:
        """Return the first texts of a kind."""
        with self._lock:
            return list(self._texts[kind])

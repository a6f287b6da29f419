"""The clock of one host of the exchange, measured against ours.

An observation is anchored to `Clock.elapsed`, so a jump of our own calendar changes nothing in what we think the
exchange's calendar says. This module owns the measure; who asks for the server's time, and when, is decided elsewhere.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import datetime

    from exporter.clock import Clock

OLDEST_SECONDS: Final = 1000.0
"""An observation older than this still stamps calls, for want of a better one, and is no longer shown as the offset."""


class _Observation(Struct, frozen=True):
    server_time: datetime
    at: float
    answered_at: float
    uncertainty: float

    def server_at(self, elapsed: float) -> datetime:
        return self.server_time + timedelta(seconds=elapsed - self.at)


class HostClock:
    """What time it is at the exchange. Thread-safe; until the first observation our own calendar stands in."""

    def __init__(self, clock: Clock) -> None:
        """Measure against `clock`."""
        self._clock = clock
        self._lock = threading.Lock()
        self._observation: _Observation | None = None
        self._suspect = False

    @property
    def known(self) -> bool:
        """Whether the exchange's time has been observed at all."""
        return self._observation is not None

    def age(self) -> float:
        """Return how many seconds ago the exchange's time was observed, infinity for never."""
        seen = self._observation
        return inf if seen is None else self._clock.elapsed() - seen.answered_at

    def observe(self, server_time: datetime, sent_at: float, answered_at: float) -> None:
        """Take an answer of the server-time call: it was true in the middle between sending and answer."""
        half = max(0.0, answered_at - sent_at) / 2
        with self._lock:
            self._observation = _Observation(server_time, sent_at + half, answered_at, half)
            self._suspect = False

    def suspect(self, sent_at: float | None = None) -> None:
        """Note that the exchange refused our time; a call sent before the last observation proves nothing."""
        with self._lock:
            seen = self._observation
            if seen is None or sent_at is None or sent_at >= seen.answered_at:
                self._suspect = True

    def is_suspected(self) -> bool:
        """Whether the exchange has refused a time that came from the last observation, or there was none yet."""
        with self._lock:
            return self._suspect or self._observation is None

    def server_now(self) -> datetime:
        """Return the exchange's time, aware UTC."""
        seen = self._observation
        return self._clock.now() if seen is None else seen.server_at(self._clock.elapsed())

    def offset_seconds(self) -> float | None:
        """Return the exchange's time minus that of our calendar, `None` if it was not observed of late."""
        if self.age() > OLDEST_SECONDS:
            return None
        return (self.server_now() - self._clock.now()).total_seconds()

    def to_elapsed(self, moment: datetime) -> float:
        """Return when the exchange's calendar has surely reached `moment`, in seconds on `Clock.elapsed`."""
        seen = self._observation
        if seen is None:
            return self._clock.elapsed() + (moment - self._clock.now()).total_seconds()
        return seen.at + (moment - seen.server_time).total_seconds() + seen.uncertainty

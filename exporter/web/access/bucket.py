"""The rate limit: a bucket of tokens that fills with time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.web.access.settings import Rate


class Bucket:
    """Holds `burst` tokens at most, is full at first, and gets one more each interval."""

    def __init__(self, rate: Rate, *, now: Callable[[], float]) -> None:
        self.rate = rate
        self._now = now
        self._tokens = float(rate.burst)
        self._at = now()

    def take(self) -> float:
        """Take a token and return 0, or take none and return the seconds until there is one."""
        now = self._now()
        gained = (now - self._at) / self.rate.interval_seconds
        self._tokens, self._at = min(float(self.rate.burst), self._tokens + gained), now
        if self._tokens < 1:
            return (1 - self._tokens) * self.rate.interval_seconds
        self._tokens -= 1
        return 0.0

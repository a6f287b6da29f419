"""A clock that stands still until a test moves it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class ManualClock:
    """`calendar` and `seconds` move together by `advance`, and apart where a test jumps one of them."""

    calendar: datetime = datetime(2026, 11, 1, tzinfo=UTC)
    seconds: float = 1000.0

    def now(self) -> datetime:
        return self.calendar

    def elapsed(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        self.calendar += timedelta(seconds=seconds)

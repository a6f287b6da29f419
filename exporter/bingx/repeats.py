"""Repeated equal errors: the exchange bans a user for 20 of them in 480 seconds, so we stop at 15.

This module owns the count. It knows nothing of pauses (`holds`): those thin errors out, this is the guard behind them
that holds whatever the intervals. Not thread-safe: `limits` holds the lock.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.bingx.errors import ApiError, AuthenticationError, RateLimited
from exporter.bingx.permits import Wait

if TYPE_CHECKING:
    from exporter.bingx.errors import BingxError
    from exporter.bingx.paths import Endpoint

AT_MOST: Final = 15
WITHIN_SECONDS: Final = 480.0
_A_MOMENT: Final = 1.0


class _Error(Struct, frozen=True):
    at: float
    code: int
    endpoint: Endpoint
    whole_account: bool


class Repeats:
    """The errors of the last 480 seconds and the calls in flight, by user."""

    def __init__(self) -> None:
        self._errors: dict[str, deque[_Error]] = {}
        self._in_flight: Counter[str] = Counter()

    def wait(self, user: str, endpoint: Endpoint, now: float) -> Wait | None:
        """Tell whether a call could become one equal error too many.

        An endpoint that answers well is not held up by the errors of another one.
        """
        in_flight = self._in_flight[user]
        if in_flight >= AT_MOST:
            return Wait(now + _A_MOMENT, "too many calls of this user are under way")
        code, count, _ = self._most_common(user, endpoint, now)
        if count >= AT_MOST or count + in_flight < AT_MOST:
            return self.spent(user, endpoint, now)
        return Wait(now + _A_MOMENT, f"error {code} may be about to repeat too often")

    def spent(self, user: str, endpoint: Endpoint, now: float) -> Wait | None:
        """Tell whether an error has come as often as we let it, and until when nothing may be asked because of it."""
        code, count, oldest = self._most_common(user, endpoint, now)
        if count < AT_MOST:
            return None
        return Wait(oldest + WITHIN_SECONDS, f"error {code} came {count} times in {WITHIN_SECONDS:.0f} seconds")

    def _most_common(self, user: str, endpoint: Endpoint, now: float) -> tuple[int, int, float]:
        """Return the commonest code of late, how often it came and when first; a count of 0 if none concerns us."""
        errors = self._recent(user, now)
        if not any(error.whole_account or error.endpoint is endpoint for error in errors):
            return 0, 0, now
        code, count = Counter(error.code for error in errors).most_common(1)[0]
        return code, count, next(error.at for error in errors if error.code == code)

    def identify(self, key_name: str, user: str) -> None:
        """Let the errors of a key be those of its user."""
        errors = self._errors.pop(key_name, None)
        if errors:
            self._errors[user] = deque(sorted((*errors, *self._errors.get(user, ())), key=lambda error: error.at))

    def move(self, key_name: str, user: str) -> None:
        """Let a call that is under way be that of the user."""
        self.end(key_name)
        self.begin(user)

    def begin(self, user: str) -> None:
        """Count a call that may go out."""
        self._in_flight[user] += 1

    def end(self, user: str) -> None:
        """Count a call that has ended, or was never made."""
        self._in_flight[user] -= 1
        if self._in_flight[user] <= 0:
            del self._in_flight[user]

    def record(self, user: str, endpoint: Endpoint, now: float, error: BingxError | None) -> None:
        """Count an error that the exchange would count: any with a code of its own, except being too fast."""
        if not isinstance(error, ApiError) or isinstance(error, RateLimited) or error.code is None:
            return
        known = self._errors.setdefault(user, deque())
        known.append(_Error(now, error.code, endpoint, isinstance(error, AuthenticationError)))

    def _recent(self, user: str, now: float) -> deque[_Error]:
        errors = self._errors.get(user)
        if errors is None:
            return deque()
        while errors and errors[0].at + WITHIN_SECONDS <= now:
            errors.popleft()
        if not errors:
            del self._errors[user]
        return errors

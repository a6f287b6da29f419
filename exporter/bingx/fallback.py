"""When calls go to the second host, and when back: a pure rule, told of outcomes and of the time they came.

    FIRST     the first host is in use
      │ UNREACHED_CALLS calls without a connection for UNREACHED_SECONDS, or
      │ UNANSWERED_CALLS calls without an answer for UNANSWERED_SECONDS, and no answer to any call in between
    DOUBTED   the first host is in use, and is asked for its time once more
      │ no answer to that either
    SILENT    the first host is in use, and the second is asked for its time
      │ a good answer                          any other outcome: DOUBTED
    FALLBACK  the second host is in use, and the first is asked for its time now and then

An answer of the first host, whatever it says, leads to FIRST from everywhere. So the second is used only while it
answers and the first does not, by the same way out: with the network or a proxy gone altogether nothing changes.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.bingx.errors import (
    CallTimeout,
    ConnectionFailed,
    MalformedResponse,
    NameNotResolved,
    TlsFailed,
    TooLarge,
    Truncated,
)

if TYPE_CHECKING:
    from exporter.bingx.errors import BingxError

OUT_OF_REACH: Final = (NameNotResolved, ConnectionFailed, CallTimeout)
"""The failures that a host which the network does not lead to can give."""
UNREACHED_CALLS: Final = 3
UNREACHED_SECONDS: Final = 4.0
UNANSWERED_CALLS: Final = 3
UNANSWERED_SECONDS: Final = 10.0


class Standing(Enum):
    """Which host is in use, and what is known of the first."""

    FIRST = auto()
    DOUBTED = auto()
    SILENT = auto()
    FALLBACK = auto()


class Outcome(Enum):
    """What the end of a call says of its host."""

    ANSWERED = auto()
    GARBLED = auto()
    UNANSWERED = auto()
    UNREACHED = auto()
    NOTHING = auto()


def outcome_of(error: BingxError | None, *, replied: bool) -> Outcome:
    """Judge a call by its error, if any, and by whether a complete HTTP answer came, whatever its status.

    What came broken, by bad TLS or as no sentence of the exchange (`GARBLED`), shows that the network leads somewhere.
    """
    if replied:
        return Outcome.GARBLED if isinstance(error, MalformedResponse) else Outcome.ANSWERED
    if isinstance(error, ConnectionFailed):
        return Outcome.NOTHING if error.stale else Outcome.UNREACHED
    if isinstance(error, NameNotResolved):
        return Outcome.UNREACHED
    if isinstance(error, CallTimeout):
        return Outcome.UNANSWERED
    return Outcome.GARBLED if isinstance(error, (TlsFailed, Truncated, TooLarge)) else Outcome.NOTHING


class Rule(Struct):
    """The rule and what it remembers; moments are seconds on `Clock.elapsed`. Not thread-safe."""

    standing: Standing = Standing.FIRST
    _answered_at: float = float("-inf")
    _since: float = float("inf")
    _unreached: int = 0
    _failed: int = 0

    def of_first(self, outcome: Outcome, *, probe: bool, sent_at: float, now: float) -> None:
        """Take note of a call to the first host that ended `now`; a `probe` is one for the time."""
        if outcome in {Outcome.ANSWERED, Outcome.GARBLED}:
            self._answered(now)
            if outcome is Outcome.ANSWERED or self.standing is not Standing.FALLBACK:
                self.standing = Standing.FIRST
        elif outcome is not Outcome.NOTHING and self.standing is not Standing.FALLBACK and sent_at >= self._answered_at:
            self._count(outcome, sent_at)
            if self.standing is Standing.FIRST and self._is_quiet(now):
                self.standing = Standing.DOUBTED
            if self.standing is Standing.DOUBTED and probe:
                self.standing = Standing.SILENT

    def of_fallback(self, *, good: bool) -> None:
        """Take note of what the second host said when it was asked for its time."""
        if self.standing is Standing.SILENT:
            self.standing = Standing.FALLBACK if good else Standing.DOUBTED

    def doubt(self) -> None:
        """Have the next unanswered probe decide: for a command that cannot watch for a while."""
        if self.standing is Standing.FIRST:
            self.standing = Standing.DOUBTED

    def _answered(self, now: float) -> None:
        self._answered_at = max(self._answered_at, now)
        self._since, self._unreached, self._failed = float("inf"), 0, 0

    def _count(self, outcome: Outcome, sent_at: float) -> None:
        self._since = min(self._since, sent_at)
        self._unreached += outcome is Outcome.UNREACHED
        self._failed += 1

    def _is_quiet(self, now: float) -> bool:
        seconds = now - self._since
        return (self._unreached >= UNREACHED_CALLS and seconds >= UNREACHED_SECONDS) or (
            self._failed >= UNANSWERED_CALLS and seconds >= UNANSWERED_SECONDS
        )

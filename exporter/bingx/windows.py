"""The slots of one budget, and the company that it has.

A slot is held from the moment it is taken until one second (ten seconds) after the *answer*: counted by the moment of
sending, calls get compressed in flight, and what left in two seconds arrives in one.

A user's budget may be used by programs of which nothing is known here: a second exporter, a trading bot. Each answer
says what is left; if that is less than all of our own calls can have cost, somebody else called. From then on half of
the budget is left to him, and of what is left in this window the half, until a minute has passed without a sign of him.
A refused call is such a sign, too, and halves our share again: two who go on as before earn the user a ban.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from exporter.bingx.paths import Endpoint
    from exporter.bingx.permits import Remaining, Rule

_BELIEVED_SECONDS: Final = 60.0  # no documented window is longer
COMPANY_SECONDS: Final = 60.0
"""How long others are reckoned with after the last sign of them."""
_NEVER: Final = float("-inf")


class Window:
    """The slots of one rule for one user or address at one endpoint; `limits` holds the lock."""

    __slots__ = (
        "_company_until",
        "_in_flight",
        "_left",
        "_left_until",
        "_releases",
        "_share",
        "_taken",
        "endpoint",
        "rule",
        "whose",
    )

    def __init__(self, rule: Rule, whose: str, endpoint: Endpoint) -> None:
        """Begin with every slot free, and alone."""
        self.rule = rule
        self.whose = whose
        self.endpoint = endpoint
        self._in_flight = 0
        self._releases: deque[float] = deque()
        self._taken = 0
        self._left = 0
        self._left_until = _NEVER
        self._share = rule.calls
        self._company_until = _NEVER

    def used(self, now: float) -> int:
        """Return how many slots are held."""
        while self._releases and self._releases[0] <= now:
            self._releases.popleft()
        return self._in_flight + len(self._releases)

    def free(self, now: float, leaves: int = 0) -> int:
        """Return how many calls may go out now, by one who leaves `leaves` to others; less than 1 is none."""
        free = self._most(now, leaves) - self.used(now)
        return min(free, self._left) if now < self._left_until else free

    def rests(self, now: float) -> bool:
        """Tell whether all slots are free, which only a further call changes."""
        return self.free(now) == self.rule.calls

    def opens_at(self, now: float, leaves: int = 0) -> float:
        """Tell the earliest moment at which a full window can have a slot again."""
        slot, over = now, self.used(now) - self._most(now, leaves)
        if over >= 0:
            slot = self._releases[over] if over < len(self._releases) else now + self.rule.seconds
        told = self._left_until if now < self._left_until and self._left < 1 else now
        return max(slot, told)

    def join(self, other: Window) -> None:
        """Take over what another window of the same rule holds and was told."""
        self._in_flight += other._in_flight
        self._taken += other._taken
        self._releases = deque(sorted((*self._releases, *other._releases)))
        both = max(self._left_until, other._left_until)
        if min(self._left_until, other._left_until) > _NEVER:
            self._left = min(self._left, other._left)
        elif other._left_until == both:
            self._left = other._left
        self._left_until = both
        self._share = min(self._share, other._share)
        self._company_until = max(self._company_until, other._company_until)

    def take(self, now: float) -> int:
        """Hold a slot; returns a mark, from which the answer tells how many calls of ours it can speak of."""
        mark = self.used(now) - self._taken
        self._in_flight += 1
        self._taken += 1
        self._left -= 1
        return mark

    def give_back(self) -> None:
        """Hold a slot no longer that was not used."""
        self._in_flight -= 1
        self._left += 1

    def settled(self, now: float, arrived: float, mark: int, remaining: Remaining | None) -> None:
        """Take note of the end of a call that reached the exchange at `arrived` at the latest."""
        self._in_flight -= 1
        insort(self._releases, arrived + self.rule.seconds)
        if remaining is not None:
            self._told(now, mark + self._taken, remaining)

    def refused(self, now: float, until: float) -> None:
        """Take note that the exchange found this window full, and wants nothing before `until`.

        The moment that it names is when one slot of the full window comes free; whoever else was refused waits for the
        same one.
        """
        self._in_company(max(now, until), max(1, self._most(now, 0) // 2))
        self._left, self._left_until = -self._in_flight, now + self.rule.seconds

    def _most(self, now: float, leaves: int) -> int:
        return self._share if now < self._company_until else max(1, self.rule.calls - leaves)

    def _told(self, now: float, ours: int, remaining: Remaining) -> None:
        """Believe the exchange if it says less than we think; calls still under way may not be counted there yet.

        `ours` is how many of our calls it can have counted at most.
        """
        left, renewed = remaining.requests, now + min(remaining.expires_in, _BELIEVED_SECONDS)
        if self.rule.calls - remaining.requests > ours:
            self._in_company(now, max(1, self.rule.calls // 2))
            left, renewed = left // 2, max(renewed, now + self.rule.seconds)
        left -= self._in_flight
        if now < self._left_until:
            left, renewed = min(left, self._left), max(renewed, self._left_until)
        self._left, self._left_until = left, renewed

    def _in_company(self, now: float, share: int) -> None:
        self._share = min(share, self._most(now, 0))
        self._company_until = max(self._company_until, now + COMPANY_SECONDS)

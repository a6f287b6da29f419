"""What all accounts may still ask, read at one moment: for a page that shows all of them.

Owns no state of the limits. It says exactly what the limits would say caller by caller, but what is out of the ordinary
is gathered once, and is little: most callers stand as all others of their address do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.bingx.paths import Endpoint
    from exporter.bingx.permits import Caller

    Standing: TypeAlias = tuple[tuple[int, float | None], ...]
    """Of each endpoint: how many calls are left, and until when (elapsed seconds) the exchange wants none."""


class Exceptions(Struct):
    """What concerns users or addresses at one signed endpoint: free slots, and until when the exchange wants no call.

    Slots stand here where they are fewer than `full`, which is what everybody else has.
    """

    full: int
    user_slots: dict[str, int] = field(default_factory=dict)
    address_slots: dict[str, int] = field(default_factory=dict)
    user_ends: dict[str, float] = field(default_factory=dict)
    address_ends: dict[str, float] = field(default_factory=dict)

    def of(self, caller: Caller, user: str) -> tuple[int, float | None]:
        """Return how many calls the caller has left, and until when the exchange wants none."""
        free = min(self.user_slots.get(user, self.full), self.address_slots.get(caller.address, self.full))
        if not (self.user_ends or self.address_ends):
            return max(0, free), None
        ends = self.user_ends.get(user), self.address_ends.get(caller.address)
        return max(0, free), max((end for end in ends if end is not None), default=None)


def limit(slots: dict[str, int], whose: str, free: int) -> None:
    """Take note of free slots; the fewest count."""
    slots[whose] = min(free, slots.get(whose, free))


def block(ends: dict[str, float], whose: str, until: float) -> None:
    """Take note of until when the exchange wants no call; the last end counts."""
    ends[whose] = max(until, ends.get(whose, until))


class Overview:
    """The limits of signed calls as they were at one moment."""

    def __init__(self, exceptions: Mapping[Endpoint, Exceptions], *, users: Mapping[str, str]) -> None:
        """Answer from the exceptions of every signed endpoint; `users` says whose a key is."""
        self._exceptions = exceptions
        self._users = users
        every = exceptions.values()
        self._special = {name for one in every for found in (one.user_slots, one.user_ends) for name in found}
        self._shared = [(one.full, one.address_slots) for one in every]
        self._is_closed = any(one.address_ends for one in every)
        self._of_an_address: dict[tuple[str, tuple[Endpoint, ...]], Standing] = {}

    def moved_since(self, before: Overview) -> set[str] | None:
        """Return the users who may stand otherwise than in `before`; `None` where that may be anybody.

        It may be anybody where it is known of another key whose it is, where an address has other slots, and where the
        exchange wants, or wanted then, no call from one. Of whom it wants or wanted none has always moved.
        """
        if self._is_closed or before._is_closed or self._users != before._users or self._shared != before._shared:
            return None
        both = tuple(zip(self._exceptions.values(), before._exceptions.values(), strict=True))
        called = {user for now, then in both for user, _ in now.user_slots.items() ^ then.user_slots.items()}
        return called.union(*(one.user_ends for pair in both for one in pair))

    def user_of(self, caller: Caller) -> str:
        """Return whose budgets the caller uses."""
        return self._users.get(caller.user, caller.user)

    def standing(self, caller: Caller, endpoints: tuple[Endpoint, ...]) -> Standing:
        """Return what `of` says of each of the endpoints.

        Whom nothing concerns but what concerns the whole address gets the very answer of the others there.
        """
        if self.user_of(caller) in self._special:
            return self._standing(caller, endpoints)
        key = (caller.address, endpoints)
        if key not in self._of_an_address:
            self._of_an_address[key] = self._standing(caller, endpoints)
        return self._of_an_address[key]

    def _standing(self, caller: Caller, endpoints: tuple[Endpoint, ...]) -> Standing:
        return tuple([self.of(caller, endpoint) for endpoint in endpoints])

    def of(self, caller: Caller, endpoint: Endpoint) -> tuple[int, float | None]:
        """Return how many calls are left to the caller, and until when (elapsed seconds) the exchange wants none.

        Raises `KeyError` for an endpoint that is not signed.
        """
        return self._exceptions[endpoint].of(caller, self.user_of(caller))

"""What the limits hand out: a permit to make one call, or the moment to ask again.

This module owns these nouns; who gets which is decided in `limits`. All moments are seconds on `Clock.elapsed`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from exporter.bingx.paths import Endpoint


class Scope(StrEnum):
    """Whose budget a rule speaks of."""

    USER = "user"
    ADDRESS = "address"


class Rule(Struct, frozen=True, eq=False):
    """At most `calls` in `seconds`, by scope and endpoint; each rule is one of its own."""

    scope: Scope
    calls: int
    seconds: float


Budget = tuple[str, str, "Endpoint"]
"""What kind of budget it is, whose, and for which endpoint."""
STRANGERS = "strangers"
"""What all those share of whom nobody knows whose they are."""


class Caller(NamedTuple):
    """On whose account a call goes: the exchange's user (keys of one user share it), our address, our account name.

    An unsigned call belongs to its address only; its `user` is not looked at. A `stranger` may turn out to be any user:
    there has to be room for the call in everybody's budget. Whoever reads on and on leaves `leaves` calls of his user's
    budget to other programs of that user, of which nothing is known here before they have had one.

    It is a tuple with names, since every look at a budget makes one.
    """

    user: str
    address: str
    account: str
    stranger: bool = False
    leaves: int = 0


def budget_of(caller: Caller, endpoint: Endpoint) -> Budget:
    """Return the budget of the caller's address."""
    return (Scope.ADDRESS, caller.address, endpoint)


def budgets_of(caller: Caller, endpoint: Endpoint) -> tuple[Budget, ...]:
    """Return the budgets that a call takes from, as `Wait.budget` names them."""
    shared = budget_of(caller, endpoint)
    if not endpoint.signed:
        return (shared,)
    if caller.stranger:
        return ((STRANGERS, "", endpoint), shared)
    return ((Scope.USER, caller.user, endpoint), shared)


class Wait(Struct, frozen=True):
    """No call now; ask again at `until`. `budget` is the one that is used up, if that is the reason."""

    until: float
    why: str
    budget: Budget | None = None


class Remaining(Struct, frozen=True):
    """What the exchange says is left of a user's budget, and in how many seconds it is renewed."""

    requests: int
    expires_in: float


class Permit:
    """The right to make one call of one endpoint; used up by `sent`."""

    __slots__ = ("caller", "closed", "endpoint", "marks", "sent_at")

    def __init__(self, caller: Caller, endpoint: Endpoint, marks: tuple[int, ...] = ()) -> None:
        """Stand for one call; made by `Limits.reserve` only. `marks` is where each of its windows stood."""
        self.caller = caller
        self.endpoint = endpoint
        self.marks = marks
        self.sent_at: float | None = None
        self.closed = False

    def sent(self, now: float) -> None:
        """Use the permit up at the moment of sending; raises `ValueError` if it was used or given back before."""
        if self.closed or self.sent_at is not None:
            message = f"this permit for {self.endpoint} was used before"
            raise ValueError(message)
        self.sent_at = now

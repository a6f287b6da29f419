"""What the limits hand out: a permit to make one call, or the moment to ask again.

This module owns these nouns; who gets which is decided in `limits`. All moments are seconds on `Clock.elapsed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.bingx.paths import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """On whose account a call goes: the exchange's user (keys of one user share it), our address, our account name.

    An unsigned call belongs to its address only; its `user` is not looked at.
    """

    user: str
    address: str
    account: str


@dataclass(frozen=True, slots=True)
class Wait:
    """No call now; ask again at `until`."""

    until: float
    why: str


@dataclass(frozen=True, slots=True)
class Remaining:
    """What the exchange says is left of a user's budget, and in how many seconds it is renewed."""

    requests: int
    expires_in: float


class Permit:
    """The right to make one call of one endpoint; used up by `sent`."""

    __slots__ = ("caller", "closed", "endpoint", "sent_at")

    def __init__(self, caller: Caller, endpoint: Endpoint) -> None:
        """Stand for one call; made by `Limits.reserve` only."""
        self.caller = caller
        self.endpoint = endpoint
        self.sent_at: float | None = None
        self.closed = False

    def sent(self, now: float) -> None:
        """Use the permit up at the moment of sending; raises `ValueError` if it was used or given back before."""
        if self.closed or self.sent_at is not None:
            message = f"this permit for {self.endpoint} was used before"
            raise ValueError(message)
        self.sent_at = now

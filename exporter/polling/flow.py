"""The even flow of calls: those of a pool follow each other in its tempo, however many are due at once.

A start, a reload, a host that comes back or a crowd of retries would otherwise use up the budget of an address in a
second, and everybody would wait for the rest of the ten. Asked and told by the scheduler's thread only, but for
`arrange`.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.bingx.paths import Endpoint
    from exporter.polling.pace import Tempo


class Flow:
    """When the next call of each pool may go out; pools without a tempo are not held back."""

    def __init__(self) -> None:
        """Hold nobody back."""
        self._tempos: Mapping[tuple[str, Endpoint], Tempo] = {}
        self._spent_until: dict[tuple[str, Endpoint], float] = {}

    def arrange(self, tempos: Mapping[tuple[str, Endpoint], Tempo]) -> None:
        """Let these tempos be in force; what has gone out counts on."""
        self._tempos = tempos

    def opens_at(self, address: str, endpoint: Endpoint) -> float:
        """Return from when on (elapsed seconds) a call may go out; that is in the past if it may now."""
        tempo = self._tempos.get((address, endpoint))
        if tempo is None or tempo.rate == inf:
            return -inf
        return self._spent_until.get((address, endpoint), -inf) - (tempo.burst - 1) / tempo.rate

    def take(self, address: str, endpoint: Endpoint, now: float) -> None:
        """Take note of a call that goes out."""
        tempo = self._tempos.get((address, endpoint))
        if tempo is not None and tempo.rate < inf:
            spent = self._spent_until.get((address, endpoint), -inf)
            self._spent_until[address, endpoint] = max(spent, now) + 1 / tempo.rate

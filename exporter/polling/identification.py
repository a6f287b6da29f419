"""Whose key is it? Asked once, for an account whose balance collector is off: else every balance tells.

An account whose collectors could do without is asked as well: several keys of one user share his budget.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from exporter.bingx.errors import BingxError
from exporter.bingx.paths import Endpoint
from exporter.model import CollectorName
from exporter.polling.desk import NEEDS_IDENTITY, PRIORITY

if TYPE_CHECKING:
    from exporter.bingx.limits import Caller, Permit
    from exporter.polling.desk import Desk


class Identification:
    """One balance call whose answer is shown to nobody; what needs the identity waits for it."""

    endpoint: Final = Endpoint.BALANCE
    priority: Final = PRIORITY[CollectorName.BALANCE]

    def __init__(self, *, desk: Desk) -> None:
        """Ask for the account of `desk`, and tell it."""
        self._desk = desk
        self._failures = 0

    @property
    def caller(self) -> Caller:
        """Whose budget a call takes from."""
        return self._desk.caller

    def prepare(self, now: float) -> float | None:
        """Wait for the clock of the host."""
        return self._desk.host.not_before(now)

    def crashed(self) -> None:
        """Say of those who wait that they cannot begin."""
        self._desk.unknowable()
        self._desk.board.withheld(self._desk.account, NEEDS_IDENTITY, reason="internal_error")

    def step(self, permit: Permit) -> float:
        """Ask, until there is an answer."""
        try:
            answer = self._desk.client.balance(permit)
        except BingxError as error:
            self._failures += 1
            return self._desk.unidentified(error, in_a_row=self._failures)
        self._desk.identified(answer.value)
        return inf

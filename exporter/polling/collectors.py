"""The collectors whose answer is a snapshot: balance, positions, commission rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct

from exporter.bingx.errors import BingxError
from exporter.polling.board import Snapshot
from exporter.polling.desk import PRIORITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.bingx.client import Answer
    from exporter.bingx.limits import Caller, Permit
    from exporter.bingx.paths import Endpoint
    from exporter.model import CollectorName
    from exporter.polling.desk import Desk, Timing

Data = TypeVar("Data")


class SnapshotCollector(Struct, Generic[Data], frozen=True, kw_only=True, eq=False):
    """Asks one endpoint in an interval and puts the answer on the board.

    `learn` is told of every good answer before it is shown.
    """

    name: CollectorName
    endpoint: Endpoint
    desk: Desk
    timing: Timing
    fetch: Callable[[Permit], Answer[Data]]
    learn: Callable[[Data], None] = lambda _: None

    @property
    def caller(self) -> Caller:
        """Whose budget a call takes from."""
        return self.desk.caller

    @property
    def priority(self) -> int:
        """Who goes first when several are due."""
        return PRIORITY[self.name]

    def prepare(self, now: float) -> float | None:
        """Wait for the clock of the host, and for the account's identity where it is needed."""
        return self.desk.not_before(self.name, now)

    def crashed(self) -> None:
        """Say that a step met a fault of ours."""
        self.desk.crashed(self.name)

    def step(self, permit: Permit) -> float:
        """Make one call and show its answer, or say why there is none."""
        began = self.desk.clock.elapsed()
        try:
            answer = self.fetch(permit)
        except BingxError as error:
            return self.desk.failed(self.name, error, timing=self.timing, began=began)
        self.learn(answer.value)
        snapshot = Snapshot(data=answer.value, sent_at=answer.sent_at, expires_at=self.timing.expiry(answer.sent_at))
        self.desk.succeeded(self.name, answer, snapshot)
        return self.timing.next_tick(self.desk.clock.elapsed(), began=began)

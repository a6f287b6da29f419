"""A task is one thing that is asked again and again: one call at a time, each with a permit of the limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from exporter.bingx.limits import Caller, Permit
    from exporter.bingx.paths import Endpoint


class Task(Protocol):
    """What the scheduler runs; it calls `prepare` on its own thread and `step` on a worker's, never both at once."""

    @property
    def caller(self) -> Caller:
        """Whose budget a call takes from."""
        ...

    @property
    def endpoint(self) -> Endpoint:
        """What the next call asks."""
        ...

    @property
    def priority(self) -> int:
        """Who goes first when several are due; the lowest number does."""
        ...

    def prepare(self, now: float) -> float | None:
        """Return `None` if a call may be made now, else when (elapsed seconds, perhaps never) to look again."""
        ...

    def step(self, permit: Permit) -> float:
        """Make one call, deal with its answer, and return when the next one is due, in elapsed seconds."""
        ...

    def crashed(self) -> None:
        """Say that a step ended in an error that nobody foresaw, and begin anew with the next one."""
        ...

"""One call, now: for commands that ask once and go, within the same limits as the polling."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, TypeVar

from exporter.bingx.errors import ConnectionFailed
from exporter.bingx.limits import Permit

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.bingx.limits import Caller, Limits
    from exporter.bingx.paths import Endpoint
    from exporter.clock import Clock

_T = TypeVar("_T")
_SHORTEST_WAIT: Final = 0.01


class HeldUp(Exception):  # noqa: N818 - it is no error of anybody: the limits say to come back later
    """No call is allowed for longer than the caller will wait; `seconds` is how much longer, `why` the reason."""

    def __init__(self, *, seconds: float, why: str) -> None:
        """Say how long and why."""
        self.seconds = seconds
        self.why = why
        super().__init__(f"no call is allowed for {seconds:.0f} s: {why}")


def call_once(
    call: Callable[[Permit], _T],
    *,
    caller: Caller,
    endpoint: Endpoint,
    limits: Limits,
    clock: Clock,
    patience: float,
) -> _T:
    """Wait up to `patience` seconds for a slot, then make the call; raises `HeldUp` or what the call raises."""
    wakened = threading.Event()
    ends_at = clock.elapsed() + patience
    while True:
        now = clock.elapsed()
        answer = limits.reserve(caller, endpoint, now)
        if isinstance(answer, Permit):
            try:
                return call(answer)
            except ConnectionFailed as error:
                if not error.stale:
                    raise
                continue
        if answer.until > ends_at:
            raise HeldUp(seconds=answer.until - now, why=answer.why)
        wakened.wait(max(answer.until - now, _SHORTEST_WAIT))

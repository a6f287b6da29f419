"""The clock of one host of the exchange, kept by a task of its own: asked at start, in an interval, and on doubt."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from exporter.bingx.errors import BingxError, ConnectionFailed
from exporter.bingx.limits import Caller
from exporter.bingx.paths import Endpoint
from exporter.logs import get_logger
from exporter.polling import schedule

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from exporter.bingx.client import Answer, ServerTimeClient
    from exporter.bingx.host import HostClock
    from exporter.bingx.limits import Permit
    from exporter.clock import Clock

INTERVAL: Final = 300.0
_LOOK_AGAIN: Final = 0.02
_FIRST_ANSWER: Final = 5.0


class Host:
    """The task that measures the clock of a host, and the gate that holds signed calls until it was tried once."""

    endpoint: Final = Endpoint.SERVER_TIME
    priority: Final = 0

    def __init__(
        self, *, base_url: str, client: ServerTimeClient, host_clock: HostClock, address: str, clock: Clock
    ) -> None:
        """Measure `host_clock` through `client`, within the budgets of `address`."""
        self._client = client
        self._host_clock = host_clock
        self._clock = clock
        self._failures = 0
        self._tried = False
        self._wake: Callable[[], None] = lambda: None
        self._logger = get_logger(__name__)
        self._opened_at = clock.elapsed()
        self.base_url = base_url
        self.caller = Caller(user="", address=address, account=f"the clock of {base_url}")

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Be told how to bring the next measurement forward to now."""
        self._wake = wake

    def prepare(self, now: float) -> float | None:
        """Measure whenever it is due."""
        del now
        return None

    def not_before(self, now: float) -> float | None:
        """Return `None` once the clock was tried (or takes too long to answer), else when to look again."""
        if self._tried or now - self._opened_at > _FIRST_ANSWER:
            return None
        return now + _LOOK_AGAIN

    def server_now(self) -> datetime:
        """Return what time it is at the exchange."""
        return self._host_clock.server_now()

    def offset_seconds(self) -> float | None:
        """Return by how many seconds the exchange is ahead of our calendar, `None` before the first measurement."""
        return self._host_clock.offset_seconds()

    def resync(self) -> None:
        """Measure soon, because the exchange doubts our timestamps; once for all calls sent before the last time.

        While it cannot be measured at all, the pauses between the attempts are kept.
        """
        if self._host_clock.is_suspected() and not self._failures:
            self._wake()

    def crashed(self) -> None:
        """Let nobody wait for a measurement that met a fault of ours."""
        self._tried = True

    def measure(self, permit: Permit) -> Answer[datetime]:
        """Ask for the time of the host and set its clock by it; raises `BingxError`."""
        return self._client.server_time(permit)

    def step(self, permit: Permit) -> float:
        """Measure once."""
        try:
            self.measure(permit)
        except BingxError as error:
            if isinstance(error, ConnectionFailed) and error.stale:
                return self._clock.elapsed()
            self._failures += 1
            if self._failures == 1:
                self._logger.warning("The clock of the exchange cannot be read", host=self.base_url, err=str(error))
            return self._clock.elapsed() + schedule.retry_delay(
                self._failures,
                interval=INTERVAL,
                jitter=random.random(),  # noqa: S311 - spreads retries
            )
        finally:
            self._tried = True
        self._failures = 0
        return self._clock.elapsed() + INTERVAL

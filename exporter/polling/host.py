"""The clock of the exchange by one way to it, kept by a task of its own: asked at start, in an interval, and on doubt.

The same task asks what `exporter.bingx.way` wants to know of the two hosts of that way: whether the first one lives.
"""

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
    from exporter.bingx.way import Site, Way
    from exporter.clock import Clock

INTERVAL: Final = 300.0
PROBE_SECONDS: Final = 20.0
"""How often, at least, it is asked whether the first host is back, or the second one there."""
_LOOK_AGAIN: Final = 0.1
_FIRST_ANSWER: Final = 5.0
_JITTER: Final = 0.2


class Host:
    """The task that measures the clock of a way, and the gate that holds signed calls until it was tried once."""

    endpoint: Final = Endpoint.SERVER_TIME
    priority: Final = 0

    def __init__(self, *, way: Way, client: ServerTimeClient, address: str, clock: Clock) -> None:
        """Measure the hosts of `way` through `client`, within the budgets of `address`."""
        self._way = way
        self._client = client
        self._clock = clock
        self._failures = 0
        self._tried = False
        self._probe_at = clock.elapsed()
        self._wake: Callable[[], None] = _nobody
        self._tell_of_move: Callable[[], None] = _nobody
        self._tell_of_opening: Callable[[], None] = _nobody
        self._logger = get_logger(__name__)
        self._asked_at: float | None = None
        self._address = address
        self.base_url = way.first.base_url
        self.caller = Caller(user="", address=address, account=f"the clock of {self.base_url} by {address}")
        way.tell(on_doubt=self._doubted, on_move=self._moved)

    @property
    def way(self) -> Way:
        """Which of the two hosts is in use."""
        return self._way

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Be told how to bring the next measurement forward to now."""
        self._wake = wake

    def on_move(self, tell: Callable[[], None]) -> None:
        """Be told whom to tell, on any thread, that calls go to another host from now on: who failed may try again."""
        self._tell_of_move = tell

    def on_open(self, tell: Callable[[], None]) -> None:
        """Be told whom to tell, on any thread, that the clock was tried and all who wait for that may call."""
        self._tell_of_opening = tell

    def prepare(self, now: float) -> float | None:
        """Measure whenever it is due."""
        del now
        return None

    def not_before(self, now: float) -> float | None:
        """Return `None` once the clock was tried (or takes too long to answer), else when to look again.

        Too long is counted from the first time that somebody asks: before that nobody may have measured.
        While a doubted clock is being measured, too: each call that it stamps would be one more equal error.
        """
        clock = self._way.in_use.clock
        asked_at = self._asked_at = now if self._asked_at is None else self._asked_at
        is_measured_anew = clock.known and clock.is_suspected() and not self._failures
        if not is_measured_anew and (self._tried or now - asked_at > _FIRST_ANSWER):
            return None
        return now + _LOOK_AGAIN

    def server_now(self) -> datetime:
        """Return what time it is at the exchange."""
        return self._way.in_use.clock.server_now()

    def offset_seconds(self) -> float | None:
        """Return by how many seconds the exchange is ahead of our calendar, `None` before the first measurement."""
        return self._way.in_use.clock.offset_seconds()

    def resync(self) -> None:
        """Measure soon, because the exchange doubts our timestamps; once for all calls sent before the last time.

        While it cannot be measured at all, the pauses between the attempts are kept.
        """
        if self._way.in_use.clock.is_suspected() and not self._failures:
            self._wake()

    def crashed(self) -> None:
        """Let nobody wait for a measurement that met a fault of ours."""
        self._tried = True
        self._failures += 1

    def measure(self, permit: Permit) -> Answer[datetime]:
        """Ask for the time of the host that matters now and set its clock by it; raises `BingxError`."""
        return self._client.server_time(permit, self._way.asked)

    def step(self, permit: Permit) -> float:
        """Measure once."""
        site = self._next()
        try:
            self._client.server_time(permit, site)
        except BingxError as error:
            if isinstance(error, ConnectionFailed) and error.stale:
                return self._clock.elapsed()
            self._failed(site, error)
        else:
            self._failures = 0 if site is self._way.in_use else self._failures
        finally:
            self._open()
        return self._clock.elapsed() + self._pause(site)

    def _open(self) -> None:
        # Tried comes first: who sees that it is not has said before that he waits. Whoever has waited for too long
        # goes his own way by now, and is not to be hastened.
        first, self._tried = not self._tried, True
        waits = self._asked_at is not None and self._clock.elapsed() - self._asked_at <= _FIRST_ANSWER
        if first and waits:
            self._tell_of_opening()

    def _next(self) -> Site:
        way = self._way
        # While the second host is in use its clock is kept as well, in between the questions for the first.
        kept = way.moved and self._clock.elapsed() < self._probe_at and _is_due(way.in_use.clock)
        return way.in_use if kept else way.first if way.moved else way.asked

    def _failed(self, site: Site, error: BingxError) -> None:
        report = self._logger.debug
        if site is self._way.in_use:
            self._failures += 1
            report = self._logger.warning if self._failures == 1 else report
        report("The clock of the exchange cannot be read", host=site.name, err=str(error))

    def _pause(self, asked: Site) -> float:
        way, now, jitter = self._way, self._clock.elapsed(), random.random()  # noqa: S311 - spreads retries
        if way.asked is not way.in_use:
            return 0.0  # the first host is silent: ask the second
        if not (way.moved or way.doubted):
            self._probe_at = now
            failures = self._failures
            return schedule.retry_delay(failures, interval=INTERVAL, jitter=jitter) if failures else INTERVAL
        if self._probe_at <= now or way.doubted:
            self._probe_at = now + PROBE_SECONDS * (1 - _JITTER * jitter)
        pause = self._probe_at - now
        return pause / 2 if way.moved and asked is way.first and _is_due(way.in_use.clock) else pause

    def _doubted(self) -> None:
        if self._clock.elapsed() >= self._probe_at:
            self._wake()

    def _moved(self) -> None:
        first, fallback = self._way.first, self._way.fallback
        hosts = {"host": first.name, "fallback": fallback.name if fallback else "", "address": self._address}
        if self._way.moved:
            self._logger.warning("The host of the exchange cannot be reached, its second host is used", **hosts)
        else:
            self._logger.info("The host of the exchange answers, and is used again", **hosts)
        self._tell_of_move()


def _is_due(clock: HostClock) -> bool:
    return clock.is_suspected() or clock.age() > INTERVAL


def _nobody() -> None:
    """Tell nobody."""

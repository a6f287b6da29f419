"""The way to the exchange by one egress address: which of its two hosts calls go to, for all accounts of that address.

This module owns the hosts of a way and who hears of a change; when it changes is `fallback`'s rule. It makes no call.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from exporter.bingx.fallback import Outcome, Rule, Standing, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.bingx.errors import BingxError
    from exporter.bingx.host import HostClock


class Site(Struct, frozen=True, kw_only=True):
    """A host: its base URL, and its clock, by which calls to it are signed."""

    base_url: str
    clock: HostClock

    @property
    def name(self) -> str:
        """The host name, with the port if the URL has one."""
        return urlsplit(self.base_url).netloc


class Ended(Struct, frozen=True, kw_only=True):
    """A call that is over: sent and ended in seconds on `Clock.elapsed`, `probe` if it asked for the time.

    `replied` says that a complete HTTP answer came; `error` is what that or its absence was taken for.
    """

    probe: bool
    sent_at: float
    at: float
    replied: bool
    error: BingxError | None


def _nobody() -> None:
    """Tell nobody."""


class Way:
    """Which host is in use. Thread-safe; without a second host it is always the first."""

    def __init__(self, *, first: Site, fallback: Site | None = None) -> None:
        """Begin with the first host."""
        self.first = first
        self.fallback = fallback
        self._lock = threading.Lock()
        self._rule = Rule()
        self._on_doubt: Callable[[], None] = _nobody
        self._on_move: Callable[[], None] = _nobody

    @property
    def in_use(self) -> Site:
        """The host that calls go to from now on; its clock was measured before, if it is the second."""
        return self.fallback if self.fallback is not None and self.moved else self.first

    @property
    def moved(self) -> bool:
        """Whether the second host is in use."""
        return self._rule.standing is Standing.FALLBACK

    @property
    def doubted(self) -> bool:
        """Whether the first host is in use and may not be reachable: somebody should ask `asked` for its time."""
        return self._rule.standing in {Standing.DOUBTED, Standing.SILENT}

    @property
    def asked(self) -> Site:
        """The host whose time decides or matters next: the first, or the second once the first is silent."""
        second = self._rule.standing in {Standing.SILENT, Standing.FALLBACK}
        return self.fallback if self.fallback is not None and second else self.first

    def tell(self, *, on_doubt: Callable[[], None], on_move: Callable[[], None]) -> None:
        """Call `on_doubt` after every call that leaves the first host in doubt, and `on_move` after each change."""
        self._on_doubt, self._on_move = on_doubt, on_move

    def doubt(self) -> None:
        """Let the next call for the time decide whether the first host can be reached."""
        if self.fallback is not None:
            with self._lock:
                self._rule.doubt()

    def heard(self, site: Site, ended: Ended) -> None:
        """Take note of a call to one of the hosts."""
        if self.fallback is None:
            return
        with self._lock:
            before = self.moved
            self._judge(site, ended)
            doubtful = self._rule.standing is Standing.DOUBTED
            after = self.moved
        if before is not after:
            self._on_move()
        elif doubtful:
            self._on_doubt()

    def _judge(self, site: Site, ended: Ended) -> None:
        if site is not self.first:
            if ended.probe:
                self._rule.of_fallback(good=ended.error is None)
            return
        outcome = outcome_of(ended.error, replied=ended.replied)
        if outcome is Outcome.ANSWERED and not self.first.clock.known:
            outcome = Outcome.GARBLED  # back to it only with its time known
        self._rule.of_first(outcome, probe=ended.probe, sent_at=ended.sent_at, now=ended.at)

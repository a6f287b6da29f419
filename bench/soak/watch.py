"""Those who look at the exporter while it is soaked: a scraper that judges, a lout, and one who takes its pulse.

Owns their threads, and the only place where pages are scraped: each is judged before the next one is asked for.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

from bench.soak.judge import Memory, is_due, stale, unheeded
from bench.soak.peers import BadPageError, Lout, Page, fetch, scrape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.soak.exporter import Exporter, Vitals
    from bench.soak.findings import Findings
    from exporter.clock import Clock

_SCRAPE_SECONDS: Final = (0.02, 0.2, 0.8)  # the means, of which each spell has one
_SPELL_SECONDS: Final = 5.0
_BOTHER_SECONDS: Final = 0.7
_SAMPLES: Final = 400
_SAMPLE_SECONDS: Final = (0.5, 5.0)


class Watch:
    """Looks at one exporter, from several threads; what is wrong goes to `findings`."""

    def __init__(self, exporter: Exporter, findings: Findings, clock: Clock, seed: int) -> None:
        self._exporter, self._findings, self._clock = exporter, findings, clock
        self._chance, self._rude = random.Random(seed), random.Random(seed + 1)
        self._memory = Memory()
        self._turn = Lock()
        self._over = Event()
        self.scrapes: list[float] = []
        self.vitals: list[Vitals] = []

    @contextmanager
    def looking(self, *, minutes: float) -> Iterator[None]:
        """Look until the end of the block; the pulse is taken some hundred times in so many minutes."""
        seconds = min(max(minutes * 60 / _SAMPLES, _SAMPLE_SECONDS[0]), _SAMPLE_SECONDS[1])
        bodies = (self._scraping, self._bothering, lambda: self._sampling(seconds))
        threads = [Thread(target=self._guarded, args=(body,)) for body in bodies]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    @contextmanager
    def restarting(self) -> Iterator[None]:
        """Keep everybody away while the exporter is another process."""
        with self._turn:
            yield
            self._memory.restarted()

    def visit(self) -> Page | None:
        """Scrape, ask for its health, and judge what the page says of itself; `None` if there is no page."""
        with self._turn:
            try:
                page = scrape(self._exporter.url, self._clock, self._chance)
                status = fetch(f"{self._exporter.url}/-/healthy", {})[0]
            except (BadPageError, OSError) as error:
                self._findings.wrong("no page", str(error))
                return None
            if status != 200:
                self._findings.wrong("unhealthy", f"status {status}")
            for kind, text in self._memory.look(page):
                self._findings.wrong(kind, text)
            self._findings.all_wrong("a gauge past its time", stale(page))
            self._judge_reload(page)
            self._findings.done("pages read")
            self.scrapes.append(page.seconds)
            return page

    def _judge_reload(self, page: Page) -> None:
        order = self._exporter.order
        if order is None:
            return
        self._findings.all_wrong("a reload without effect", unheeded(page, order))
        if is_due(page, order):
            self._findings.done("pages after a reload")

    def _scraping(self) -> None:
        while not self._over.is_set():
            mean = self._chance.choice(_SCRAPE_SECONDS)
            ends = self._clock.elapsed() + _SPELL_SECONDS
            while self._clock.elapsed() < ends:
                self.visit()
                if self._over.wait(self._chance.expovariate(1 / mean)):
                    return

    def _bothering(self) -> None:
        with Lout(self._rude) as lout:
            while not self._over.wait(self._rude.expovariate(1 / _BOTHER_SECONDS)):
                lout.bother(self._exporter.url)
                self._findings.done("rude visits")

    def _sampling(self, seconds: float) -> None:
        began = self._clock.elapsed()
        while not self._over.wait(seconds):
            with self._turn:
                if self._exporter.alive():
                    self.vitals.append(self._exporter.vitals(at_seconds=self._clock.elapsed() - began))

    def _guarded(self, body: Callable[[], None]) -> None:
        try:
            body()
        except Exception as error:  # noqa: BLE001 - the boundary of a thread: what it found is in the verdict
            self._findings.wrong("a fault of the soak", f"{type(error).__name__}: {error}")

"""The soak itself: an exporter before a simulated exchange in trouble, looked at all the while, and then healed.

Owns the order of events. The world moves in the calling thread alone, so that it stands still when that one says so.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Final

from bench.soak.agenda import Agenda
from bench.soak.deeds import Deeds
from bench.soak.findings import Findings
from bench.soak.growth import FEWEST
from bench.soak.judge import RELOAD_SECONDS, compared, differences, excessive, untrue
from bench.soak.troubles import Troubles, healing
from bench.soak.verdict import Evidence
from bench.soak.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.soak.exporter import Exporter, Vitals
    from bench.soak.world import World
    from exporter.clock import Clock

_TROUBLE_SECONDS: Final = 1.5  # the mean between two, as with the others
_DEED_SECONDS: Final = 1.0
_RELOAD_SECONDS: Final = 10.0
_RESTART_SECONDS: Final = 60.0
_STANDSTILL_SECONDS: Final = 8.0
_STANDS_FOR_SECONDS: Final = 2.5  # in which every collector but that of the fee rates is polled
_LOOK_AGAIN_SECONDS: Final = 1.0
_REST_SECONDS: Final = 35.0  # in which threads leave that have had nothing to do
_FAREWELL_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, by which seed, whether restarted now and then, and how long agreement may take."""

    minutes: float
    seed: int
    restarts: bool
    patience_seconds: float


class Soak:
    """One soak, once; `say` hears of its progress every minute."""

    def __init__(self, plan: Plan, world: World, exporter: Exporter, clock: Clock, say: Callable[[str], None]) -> None:
        self._plan, self._world, self._exporter, self._clock, self._say = plan, world, exporter, clock, say
        self._findings = Findings()
        self._watch = Watch(exporter, self._findings, clock, plan.seed)
        self._agenda = Agenda(random.Random(plan.seed + 2), clock)
        self._troubles = Troubles(random.Random(plan.seed + 3), world.accounts)
        self._deeds = Deeds(random.Random(plan.seed + 4))
        self._minutes = 0
        self._rest: tuple[Vitals, Vitals] | None = None

    def run(self) -> Evidence:
        """Soak, heal and end; raises `RuntimeError` if exporter and exchange do not agree to begin with."""
        self._exporter.start()
        _, unlike = self._agreed()
        if unlike:
            message = f"exporter and exchange do not agree at the start: {unlike[:5]}"
            raise RuntimeError(message)
        before = self._exporter.vitals(at_seconds=0)
        with self._watch.looking(minutes=self._plan.minutes):
            self._enter()
            self._agenda.run(self._plan.minutes * 60, going=self._exporter.alive)
            self._standstill()
        for call in healing(self._world.accounts):
            self._world.tell(call)
        healed, unlike = self._agreed()
        self._findings.all_wrong("not healed", unlike)
        self._last_reload()
        self._take_rest(before)
        self._end()
        return self._evidence(None if unlike else healed)

    def _take_rest(self, before: Vitals) -> None:
        """See what is left once nothing hangs any more; after a short run, or in another process, that says nothing."""
        if len(self._watch.vitals) < FEWEST or self._plan.restarts or not self._exporter.alive():
            return
        Event().wait(_REST_SECONDS)
        self._rest = before, self._exporter.vitals(at_seconds=self._plan.minutes * 60 + _REST_SECONDS)

    def _enter(self) -> None:
        self._agenda.every(_TROUBLE_SECONDS, self._trouble)
        self._agenda.every(_DEED_SECONDS, self._deed)
        self._agenda.every(_RELOAD_SECONDS, self._reload)
        self._agenda.every(_STANDSTILL_SECONDS, self._standstill)
        self._agenda.after(60, self._progress)
        if self._plan.restarts:
            self._agenda.every(_RESTART_SECONDS, self._restart)

    def _trouble(self) -> None:
        trouble = self._troubles.draw(now_milliseconds=self._world.now_milliseconds())
        self._world.tell(trouble.begin)
        self._findings.done("troubles")
        if trouble.end is not None:
            end = trouble.end
            self._agenda.after(trouble.seconds, lambda: self._world.tell(end))

    def _deed(self) -> None:
        call = self._deeds.draw(self._world.truth())
        self._deeds.answered(call, self._world.tell(call))
        self._findings.done("deeds")

    def _reload(self) -> None:
        self._exporter.order_reload()
        self._findings.done("reloads")

    def _last_reload(self) -> None:
        """Ask for one more, and look when its time is over: those before may each have been followed by another."""
        self._reload()
        Event().wait(RELOAD_SECONDS + _LOOK_AGAIN_SECONDS)
        self._watch.visit()

    def _restart(self) -> None:
        with self._watch.restarting():
            self._farewell()
            self._exporter.start()
        self._findings.done("restarts")

    def _standstill(self) -> None:
        """Compare a page with a world that stands still, as far as its answers were asked for since then."""
        with self._world.standstill() as since:
            truth = self._world.truth()
            Event().wait(_STANDS_FOR_SECONDS)
            page = self._watch.visit()
            if page is None:
                return
            self._findings.all_wrong("a gauge unlike the exchange's", untrue(page, truth, since=since))
            self._findings.all_wrong("income above the exchange's", excessive(page, truth))
            self._findings.done("moments of standstill")
            self._findings.done("samples compared", compared(page, since=since))

    def _agreed(self) -> tuple[float, list[str]]:
        """Let the world stand still until the page says what it says; return the seconds, and what still differs."""
        began = self._clock.elapsed()
        while not self._world.caught_up():
            Event().wait(_LOOK_AGAIN_SECONDS)
        with self._world.standstill():
            truth = self._world.truth()
            while True:
                page = self._watch.visit()
                unlike = ["there is no page"] if page is None else list(differences(page, truth))
                seconds = self._clock.elapsed() - began
                if not unlike or seconds > self._plan.patience_seconds or not self._exporter.alive():
                    return seconds, unlike
                Event().wait(_LOOK_AGAIN_SECONDS)

    def _progress(self) -> None:
        self._agenda.after(60, self._progress)
        self._minutes += 1
        done, vitals = self._findings.counts, self._watch.vitals[-1]
        counted = ", ".join(f"{done.get(what, 0)} {what}" for what in ("troubles", "pages read", "samples compared"))
        process = f"{vitals.resident_mib:.1f} MiB, {vitals.threads} threads, {vitals.descriptors} descriptors"
        self._say(f"{self._minutes:3d} min  {counted}; {process}; wrong: {sum(self._findings.faults.values())}")

    def _farewell(self) -> None:
        if not self._exporter.alive():
            self._findings.wrong("ended by itself, or not cleanly", "it was gone before it was asked to end")
            return
        code, seconds = self._exporter.end()
        if code != 0 or seconds > _FAREWELL_SECONDS:
            self._findings.wrong("ended by itself, or not cleanly", f"exit code {code} after {seconds:.1f} s")

    def _end(self) -> None:
        self._farewell()
        for text in self._exporter.tracebacks():
            self._findings.wrong("a traceback in the log", text)

    def _evidence(self, healed: float | None) -> Evidence:
        wrong = self._findings.faults
        return Evidence(
            wrong=wrong,
            done=self._findings.counts,
            texts={kind: self._findings.texts(kind) for kind in wrong},
            vitals=tuple(self._watch.vitals),
            rest=self._rest,
            scrapes=tuple(self._watch.scrapes),
            healed_seconds=healed,
            one_process=not self._findings.counts.get("restarts"),
        )

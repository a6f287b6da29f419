"""The whole simulated exchange without a socket: world, rules, limits, faults and record, put together.

Owns the way of a request through them. Not thread-safe: the server's thread owns it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from exporter.simulator.corruption import corrupt
from exporter.simulator.delivery import Pause, deliver, draft
from exporter.simulator.faults import Fault, FaultKind, Faults
from exporter.simulator.journal import Call, Journal
from exporter.simulator.limits import LimitRules, Limits
from exporter.simulator.options import Options, SimAccount
from exporter.simulator.refusals import Refusal, Refused
from exporter.simulator.venue import Venue, Visit
from exporter.simulator.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.clock import Clock
    from exporter.simulator.delivery import Step
    from exporter.simulator.messages import Reply, Request

_log = logging.getLogger(__name__)

_BUSY: Final = Fault(kind=FaultKind.CODE, code=100500)
_GATEWAY_TIMEOUT: Final = Fault(kind=FaultKind.STATUS, status=504)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    reply: Reply
    code: int
    fault: Fault | None = None

    @property
    def told_code(self) -> int | None:
        if self.fault is None or self.fault.kind is FaultKind.DELAY:
            return self.code
        return self.fault.code if self.fault.kind is FaultKind.CODE else None


class Exchange:
    """A running exchange; `reset` makes it a new one."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._clock = clock
        self.reset(options)

    def reset(self, options: Options) -> None:
        """Begin anew: world, limits, faults and record."""
        self.options = options
        self.world = World(options, self._clock)
        self.venue = Venue(self.world)
        self.limits = Limits(LimitRules(enabled=options.limits))
        self.faults = Faults()
        self.journal = Journal()
        self.latency_seconds = 0.0
        _log.info(
            "simulated exchange begins: scenario %s, seed %d, %d accounts",
            options.scenario,
            options.seed,
            options.accounts,
        )

    def accounts(self) -> tuple[SimAccount, ...]:
        """Return what one needs to log in, a line for each key."""
        return tuple(
            SimAccount(
                name=key.name,
                environment=self.options.environment,
                api_key=key.api_key,
                api_secret=key.api_secret,
            )
            for key in self.world.all_keys()
        )

    def answer(self, request: Request) -> Iterable[Step]:
        """Return the steps in which the answer to a request goes out."""
        now_ms = self.world.now_ms()
        try:
            visit = self.venue.visit(request)
        except Refused as error:
            refusal = error.refusal
            self._note(request, None, _Outcome(reply=refusal.reply(now_ms=now_ms), code=refusal.code), now_ms)
            return deliver(draft(request, refusal.reply(now_ms=now_ms)))
        outcome = self._outcome(visit, now_ms)
        self._note(request, visit, outcome, now_ms)
        return self._steps(request, outcome)

    def _steps(self, request: Request, outcome: _Outcome) -> Iterable[Step]:
        honest = draft(request, outcome.reply)
        steps = corrupt(honest, outcome.fault) if outcome.fault else deliver(honest)
        return (Pause(self.latency_seconds), *steps) if self.latency_seconds else steps

    def _outcome(self, visit: Visit, now_ms: int) -> _Outcome:
        standing = self.limits.admit(visit.caller, now_ms=now_ms)
        if isinstance(standing, Refusal):
            return _Outcome(reply=standing.reply(now_ms=now_ms), code=standing.code)
        headers = standing.headers()
        fault = self._fault(visit, now_ms)
        try:
            outcome = _Outcome(reply=self.venue.serve(visit, headers=headers), code=0, fault=fault)
        except Refused as error:
            reply = error.refusal.reply(now_ms=now_ms, headers=headers)
            outcome = _Outcome(reply=reply, code=error.refusal.code, fault=fault)
        if outcome.told_code:
            self.limits.note_error(visit.caller, outcome.told_code, now_ms=now_ms)
        return outcome

    def _fault(self, visit: Visit, now_ms: int) -> Fault | None:
        fault = self.faults.take(visit.account, visit.endpoint.name, now_ms=now_ms)
        if fault is not None or visit.endpoint.right is None:
            return fault
        outage = self.world.scenario.outage(self.world.elapsed)
        if outage is None:
            return None
        return _GATEWAY_TIMEOUT if outage % 2 else _BUSY

    def _note(self, request: Request, visit: Visit | None, outcome: _Outcome, now_ms: int) -> None:
        shown = dict(parse_qsl(request.query, keep_blank_values=True))
        shown.pop("signature", None)
        call = Call(
            arrived_ms=now_ms,
            account=visit.account if visit else None,
            endpoint=visit.endpoint.name if visit else None,
            method=request.method,
            path=request.path,
            address=request.address,
            parameters=shown,
            code=outcome.told_code,
            fault=outcome.fault.kind if outcome.fault else None,
        )
        self.journal.note(call)

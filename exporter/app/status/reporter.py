"""Puts the status page together: reads each part once, orders the lines, and caps what would not be read anyway."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from math import inf
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from exporter.app.status.accounts import account_line, position_lines
from exporter.app.status.findings import SWITCHED_OFF, findings
from exporter.model import CollectorName, IncomeState
from exporter.web.status import MOST_TRENDS, CallLine, Health, IncomeLine, Section, Status
from exporter.web.status.considerate import considerate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from exporter.app.desks import StaffedDesk
    from exporter.app.options import Options
    from exporter.app.roster import Roster
    from exporter.app.status.day import DayIncome, DayReader
    from exporter.app.status.findings import Finding
    from exporter.app.status.trends import Trends
    from exporter.bingx.limits import Limits
    from exporter.clock import Clock
    from exporter.polling.board import Board
    from exporter.polling.scheduler import Scheduler
    from exporter.polling.task import Task
    from exporter.web.status import PositionLine

T = TypeVar("T")

_MOST_LINES: Final = 200
_ACCOUNTS_AT_ONCE: Final = 5
_RECENT_SECONDS: Final = 60.0
_URGENCY: Final = (Health.FAILED, Health.STALE, Health.FAILING, Health.WAITING, Health.GOOD)


class _Seen(Struct, frozen=True):
    staffed: StaffedDesk
    found: Mapping[CollectorName, Finding]
    positions: tuple[PositionLine, ...]


class Reporter(Struct, frozen=True, kw_only=True):
    """Says how everything stands; `links` are path -> what stands there, `illness` is what is broken, if anything."""

    board: Board
    roster: Roster
    scheduler: Scheduler
    limits: Limits
    clock: Clock
    trends: Trends
    days: DayReader
    options: Options
    description: str
    links: Mapping[str, str]
    illness: Callable[[], str | None]
    started_at: datetime

    def status(self) -> Status:
        """Return how everything stands now; meant to be asked by one thread at a time, and not by one that serves."""
        seen = tuple(self._look())
        found = [one for entry in seen for one in entry.found.values()]
        positions = sorted((one for entry in seen for one in entry.positions), key=_nearness)
        days = self._days(seen)
        trends = self.trends if len(seen) <= MOST_TRENDS else None
        return Status(
            version=self.options.version,
            revision=self.options.revision,
            description=self.description,
            now=self.clock.now(),
            started_at=self.started_at,
            illness=self.illness(),
            collectors=len(found),
            failing=sum(one.is_trouble for one in found),
            metrics=self.options.place.link(self.options.telemetry_path),
            links={self.options.place.link(path): text for path, text in self.links.items()},
            accounts=tuple(
                account_line(entry.staffed.settings, entry.found, entry.positions, trends)
                for entry in considerate(seen, every=_ACCOUNTS_AT_ONCE)
            ),
            positions=_of_positions(positions),
            incomes=_section(_incomes(seen, days)),
            incomes_as_of=self._as_of(days),
            calls=self._calls(seen),
            shard="" if self.options.shard.is_all else str(self.options.shard),
        )

    def _look(self) -> Iterator[_Seen]:
        elapsed, now = self.clock.elapsed(), self.clock.now()
        for staffed in considerate(self.roster.desks, every=_ACCOUNTS_AT_ONCE):
            found = findings(self.board, staffed.settings.name, elapsed=elapsed, now=now)
            if found:  # else a reload is just taking it in, or letting it go
                yield _Seen(staffed, found, position_lines(staffed.settings, found))

    def _days(self, seen: Sequence[_Seen]) -> Mapping[str, DayIncome]:
        books = {entry.staffed.settings.name: entry.staffed.income.book for entry in seen if entry.staffed.income}
        return self.days.read(books) if books else {}

    def _as_of(self, days: Mapping[str, DayIncome]) -> datetime | None:
        """Tell when the ledger was asked, if that is so long ago that it is to be said."""
        elapsed = self.clock.elapsed()
        age = max((elapsed - day.asked_at for day in days.values()), default=0.0)
        return self.clock.now() - timedelta(seconds=age) if age > _RECENT_SECONDS else None

    def _calls(self, seen: Sequence[_Seen]) -> Section[CallLine]:
        elapsed, due = self.clock.elapsed(), self.scheduler.due()

        def urgency(call: tuple[_Seen, CollectorName, Task]) -> tuple[int, float]:
            entry, name, task = call
            return _URGENCY.index(entry.found[name].health), due.get(task, inf)

        every = [
            (entry, name, task) for entry in seen for name, task in entry.staffed.tasks.items() if name in entry.found
        ]
        chosen = _section(sorted(every, key=urgency))
        lines = tuple(self._call(*call, elapsed=elapsed, due=due.get(call[2], inf)) for call in chosen.lines)
        return Section(lines=lines, left_off=chosen.left_off)

    def _call(self, entry: _Seen, name: CollectorName, task: Task, *, elapsed: float, due: float) -> CallLine:
        caller, found = entry.staffed.desk.caller, entry.found[name]
        until = self.limits.blocked_until(caller, task.endpoint, elapsed)
        return CallLine(
            account=entry.staffed.settings.name,
            collector=name,
            health=found.health,
            reason=found.reason,
            age_seconds=found.age_seconds,
            interval_seconds=found.interval_seconds,
            next_seconds=None if due == inf else due - elapsed,
            remaining=self.limits.remaining(caller, task.endpoint, elapsed),
            blocked_seconds=None if until is None else until - elapsed,
        )


def _section(lines: Sequence[T]) -> Section[T]:
    return Section(lines=tuple(lines[:_MOST_LINES]), left_off=max(0, len(lines) - _MOST_LINES))


def _of_positions(lines: Sequence[PositionLine]) -> Section[PositionLine]:
    """Return the section of the positions, in which a line can stand for several of them."""
    return replace(_section(lines), left_off=sum(one.parts for one in lines[_MOST_LINES:]))


def _nearness(position: PositionLine) -> tuple[bool, Decimal]:
    return position.distance is None, position.distance or Decimal(0)


def _incomes(seen: Sequence[_Seen], days: Mapping[str, DayIncome]) -> Sequence[IncomeLine]:
    """Return the lines of today's income, those with something to tell first; none if no account counts income."""
    if not any(entry.staffed.income for entry in seen):
        return ()
    lines: list[IncomeLine] = []
    for entry in seen:
        name, finding = entry.staffed.settings.name, entry.found.get(CollectorName.INCOME)
        if entry.staffed.income is None:
            lines.append(IncomeLine(account=name, absent=SWITCHED_OFF))
        elif finding is not None:  # else a reload is just switching it
            lines.extend(_income(name, finding, days.get(name)))
    return sorted(lines, key=lambda line: line.entries == 0 or line.absent == SWITCHED_OFF)


def _income(account: str, finding: Finding, day: DayIncome | None) -> Iterable[IncomeLine]:
    state = finding.data
    if not isinstance(state, IncomeState):
        return (IncomeLine(account=account, absent=finding.absence),)
    if not state.baseline_complete:
        return (IncomeLine(account=account, absent=f"the history is being read: {state.baseline_ratio:.0%}"),)
    if day is None:
        return (IncomeLine(account=account, absent="the ledger has not answered yet"),)
    if day.problem is not None:
        return (IncomeLine(account=account, absent=day.problem),)
    lines = [
        IncomeLine(
            account=account,
            income_type=income_type,
            asset=asset,
            credited=sums.credited,
            debited=sums.debited,
            entries=sums.entries,
        )
        for (income_type, asset), sums in sorted(day.sums.items())
    ]
    if not state.complete:
        lines.append(IncomeLine(account=account, absent="incomplete: the exchange has more entries than it shows"))
    return lines or (IncomeLine(account=account, entries=0),)

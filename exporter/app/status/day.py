"""What came and went since midnight UTC, asked of the ledger on a thread of its own and only while somebody looks.

A ledger that hangs holds up nobody: what it said too long ago is not returned.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from exporter.ledger import LedgerError, Sums, Window
from exporter.web.status.considerate import considerate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from exporter.clock import Clock
    from exporter.ledger import AccountBook

_EVERY_SECONDS: Final = 10.0
_LONGEST_PAUSE_SECONDS: Final = 60.0
_SHARE_OF_TIME: Final = 20
"""A reading is followed by a pause of so many times its length, between the two above."""
_VALID_PAUSES: Final = 3
_PATIENCE_SECONDS: Final = 0.5


class DayIncome(Struct, frozen=True, kw_only=True):
    """The income of one account on one day by (type, asset), or why the ledger could not tell.

    `asked_at` is when the ledger was asked (elapsed seconds).
    """

    date: datetime
    asked_at: float
    entered: int
    sums: Mapping[tuple[str, str], Sums]
    problem: str | None = None


class _Reading(Struct, frozen=True):
    days: Mapping[str, DayIncome]
    valid_until: float
    again_at: float


class DayReader:
    """Reads the day of every account; may be called from any thread."""

    def __init__(self, clock: Clock, *, patience: float = _PATIENCE_SECONDS) -> None:
        """Read nothing yet; wait up to `patience` seconds for what is not known at all."""
        self._clock = clock
        self._patience = patience
        self._lock = Lock()
        self._done = Event()
        self._thread: Thread | None = None
        self._last = _Reading({}, valid_until=0.0, again_at=0.0)

    def read(self, books: Mapping[str, AccountBook]) -> Mapping[str, DayIncome]:
        """Return the day of the accounts of which it is known; the first time waits for it, but not for long."""
        now = self._clock.elapsed()
        with self._lock:
            last = self._last
            if now >= last.again_at and (self._thread is None or not self._thread.is_alive()):
                self._done.clear()
                self._thread = Thread(target=self._work, args=(dict(books),), name="day", daemon=True)
                self._thread.start()
        if now >= last.valid_until:
            self._done.wait(self._patience)
        with self._lock:
            last = self._last
        today = _midnight(self._clock.now())
        if self._clock.elapsed() >= last.valid_until:
            return {}
        return {name: day for name, day in last.days.items() if day.date == today}

    def _work(self, books: Mapping[str, AccountBook]) -> None:
        try:
            began = self._clock.elapsed()
            today, before = _midnight(self._clock.now()), self._last.days
            each = considerate(books.items(), every=1)
            days = {name: _read(book, today, began, before.get(name)) for name, book in each}
            ended = self._clock.elapsed()
            pause = min(max(_EVERY_SECONDS, (ended - began) * _SHARE_OF_TIME), _LONGEST_PAUSE_SECONDS)
            with self._lock:
                self._last = _Reading(days, valid_until=ended + _VALID_PAUSES * pause, again_at=ended + pause)
        finally:
            self._done.set()


def _midnight(now: datetime) -> datetime:
    return datetime.combine(now.date(), time(), tzinfo=UTC)


def _read(book: AccountBook, today: datetime, asked_at: float, before: DayIncome | None) -> DayIncome:
    # Entries are only ever added: as many as before are the same ones.
    entered = sum(total.entries for total in book.totals())
    if before is not None and before.problem is None and (before.date, before.entered) == (today, entered):
        return replace(before, asked_at=asked_at)
    try:
        entries = book.entries(Window(today, today + timedelta(days=1)))
    except LedgerError as error:
        return DayIncome(date=today, asked_at=asked_at, entered=entered, sums={}, problem=f"ledger_{error.reason}")
    amounts: defaultdict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for entry in entries:
        amounts[entry.income_type, entry.asset].append(entry.amount)
    sums = {key: Sums().plus(some) for key, some in amounts.items()}
    return DayIncome(date=today, asked_at=asked_at, entered=entered, sums=sums)

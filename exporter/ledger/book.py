"""The ledger of one account: what has been read, what it adds up to, and what the page may show of it.

Thread-safe: writers of one account take turns, readers look at an immutable mirror. A call that raises has changed
nothing, in the ledger or in memory.
"""

from __future__ import annotations

from decimal import Decimal
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import structlog

from exporter.ledger import records
from exporter.ledger.compaction import Compacted, compact, cut_of
from exporter.ledger.errors import LedgerUnavailableError
from exporter.ledger.matching import label_of
from exporter.ledger.recording import Recorded, change_of, enter, reading_of, saves_cursor
from exporter.ledger.settled import settle
from exporter.ledger.windows import Window
from exporter.ledger.zero import ZeroDisplay
from exporter.model import IncomeEntry, IncomeState, IncomeTotal, from_milliseconds, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime, timedelta

    from exporter.clock import Clock
    from exporter.ledger.connection import Connection
    from exporter.ledger.database import Database
    from exporter.ledger.matching import Label
    from exporter.ledger.mirror import Display, Mirror, Tally
    from exporter.ledger.recording import Change, Reading
    from exporter.ledger.settled import Settled

_log: Final[Any] = structlog.get_logger(__name__)


class AccountBook:
    """One account of an open ledger; every method that reads or writes the database raises `LedgerError`.

    If the ledger turns out to be older than it was, `cursor` goes back to where that one stands, and the call raises.

    `epoch_changed` says that the configured `since` is no longer the one that was pinned; it changes nothing.
    """

    def __init__(self, database: Database, clock: Clock, mirror: Mirror, *, initial_zero: float) -> None:
        self.epoch_changed = False
        self._database = database
        self._clock = clock
        self._mirror = mirror
        self._writing = Lock()
        self._displaying = Lock()
        self._zero = ZeroDisplay(initial_zero)
        self._displays = False
        self._released: frozenset[int] = frozenset()
        self._shown = mirror.display(self._released)
        self._state = mirror.state(self._shown)
        self._settled: Settled | None = None
        self._expected: tuple[object, object] = (None, None)
        self._retention: timedelta | None = None

    @property
    def name(self) -> str:
        """The configured name of the account."""
        return self._mirror.name

    @property
    def epoch(self) -> datetime:
        """The pinned moment from which everything counts."""
        return from_milliseconds(self._mirror.epoch_ms)

    @property
    def cursor(self) -> datetime:
        """The moment up to which everything since the epoch has been read; the epoch itself before the first window."""
        return from_milliseconds(self._mirror.cursor_ms)

    @property
    def compacted_until(self) -> datetime | None:
        """The moment before which there are no entries, only their sums; `None` if every entry is there."""
        until_ms = self._mirror.compacted_until_ms
        return None if until_ms is None else from_milliseconds(until_ms)

    @property
    def baseline_complete(self) -> bool:
        """Whether everything up to the first start has been read, so that totals may be shown."""
        return self._mirror.baseline_complete

    @property
    def pinned_user(self) -> str | None:
        """The user id that this account belongs to, once it is known."""
        return self._mirror.user_id

    @property
    def tally(self) -> Tally:
        """What re-reading has found since the epoch."""
        return self._mirror.tally

    @property
    def gaps(self) -> tuple[Window, ...]:
        """The windows that the exchange did not show completely, in ascending order; none of a complete book."""
        return tuple(Window(from_milliseconds(start), from_milliseconds(end)) for start, end in self._mirror.gaps)

    @property
    def income_types(self) -> tuple[str, ...]:
        """Every income type in the ledger of this account, for the reader's questions."""
        return self._mirror.income_types

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol in the ledger of this account, for the reader's questions."""
        return self._mirror.symbols

    def pin_user(self, user_id: str, *, expecting: Iterable[tuple[str, str, str]] = ()) -> bool:
        """Tie the account to `user_id` if it is free; return False, and change nothing, if it is another's.

        What is `expecting` a series then gets one in the same transaction, as by `expect`. Raises `ValueError` for an
        empty id.
        """
        if not user_id:
            message = "an account is pinned to a user id, not to an empty text"
            raise ValueError(message)
        with self._writing:
            if self._mirror.user_id is None:
                with self._database.writing() as connection:
                    mirror = self._load(connection, lock=True)
                    if mirror.user_id is None:
                        self._add_missing(connection, mirror, {label_of(*parts) for parts in expecting})
                        records.touch(connection, mirror.id, user_id=user_id)
                        mirror = self._load(connection)
                self._mirror = mirror
            return self._mirror.user_id == user_id

    def record_window(
        self,
        window: Window,
        entries: Sequence[IncomeEntry],
        *,
        cursor: datetime | None = None,
        truncated: bool = False,
        baseline_complete: bool = False,
    ) -> Recorded:
        """Enter everything that the exchange showed for exactly `window`; `cursor` is where reading stands after it.

        Entries, totals, cursor, gap and flags are one transaction; there is none when nothing is new. Raises
        `ValueError` for rows outside the window and for a cursor that would jump over something unread.
        """
        with self._writing:
            plain = not truncated and (self._mirror.baseline_complete or not baseline_complete)
            again = self._again(window, entries, cursor) if plain else None
            if again is not None:
                return again
            reading = reading_of(
                window,
                entries,
                epoch_ms=self._mirror.epoch_ms,
                cursor=cursor,
                truncated=truncated,
                baseline_complete=baseline_complete,
            )
            change = self._record(window, reading)
            if change.settles and reading.start_ms >= self._mirror.begins_ms:
                self._settled = settle(window, entries, state=self._mirror.saved)
        return change.recorded()

    def compact(self, before: datetime) -> Compacted:
        """Move the entries before `before` into the sums of their series, in one transaction; totals stay as they are.

        The cut is at a midnight (UTC), a week behind the cursor at least, and only after the baseline. What was read
        before it is ignored from then on: keep more than the 90 days that the exchange shows.
        """
        before_ms, entries = to_milliseconds(before), 0
        with self._writing:
            if cut_of(self._mirror, before_ms) is not None:
                with self._database.writing() as connection:
                    mirror = self._load(connection, lock=True)
                    cut_ms = cut_of(mirror, before_ms)  # another process may just have done it
                    if cut_ms is not None:
                        entries = compact(connection, mirror, cut_ms=cut_ms)
                        mirror = self._load(connection)
                self._mirror = mirror
        return Compacted(account=self.name, until=self.compacted_until, entries=entries)

    def compact_old(self, now: datetime) -> Compacted:
        """Compact what is older than the retention time at `now`; without one nothing ever is."""
        return self.compact(self.epoch if self._retention is None else now - self._retention)

    def expect(self, label_sets: Iterable[tuple[str, str, str]]) -> None:
        """Make sure that a series exists, at 0, for each (income type, symbol, asset): income of it may come soon."""
        known = self._mirror.series
        if self._expected[0] is label_sets and self._expected[1] is known:
            return
        labels = {label_of(*parts) for parts in label_sets}
        if labels <= known.keys():
            if isinstance(label_sets, frozenset):  # asked again, it is still the same
                self._expected = label_sets, known
            return
        with self._writing:
            with self._database.writing() as connection:
                mirror = self._load(connection, lock=True)
                if self._add_missing(connection, mirror, labels):
                    records.touch(connection, mirror.id)
                    mirror = self._load(connection)
            self._mirror = mirror

    def state(self, now: float | None = None) -> IncomeState:
        """Return what the page may show from `now` (elapsed seconds, default the clock's) on.

        A new series stands at 0; one that has stood there for `initial_zero` moves, and that is committed first.
        What is returned counts as displayed until the next call, which returns the same object if nothing has changed
        (and the same totals in another one if only the watermark has).
        """
        moment = self._clock.elapsed() if now is None else now
        with self._displaying:
            self._begin_display()
            ripe = frozenset(self._zero.ripe(self._displayed(self._mirror).waiting, now=moment))
            if ripe:
                new = ripe - self._mirror.moved()
                if new:
                    self._move(sorted(new))
                self._released |= ripe
            mirror = self._mirror
            display = self._displayed(mirror)
            self._zero.show(display.standing, now=moment)
            state = mirror.state(display)
            if state != self._state:
                self._state = state
            return self._state

    def due(self, now: float | None = None) -> float | None:
        """Return the elapsed second at which `state` has something new to show by itself, `None` if never."""
        moment = self._clock.elapsed() if now is None else now
        with self._displaying:
            self._begin_display()
            return self._zero.due(self._displayed(self._mirror).waiting, now=moment)

    def totals(self) -> tuple[IncomeTotal, ...]:
        """Return the totals as the ledger has them, whether or not the page may show them yet."""
        return self._mirror.totals()

    def entries(self, window: Window) -> tuple[IncomeEntry, ...]:
        """Return the entries of `window`, in ascending order of time."""
        span = to_milliseconds(window.start), to_milliseconds(window.end)
        with self._database.reading() as connection:
            return tuple(
                IncomeEntry(
                    time=from_milliseconds(content.time_ms),
                    **content.label._asdict(),
                    amount=Decimal(content.amount),
                    tran_id=content.tran_id,
                    trade_id=content.trade_id,
                    info=info,
                )
                for content, info in records.known_entries(connection, self._mirror.id, *span)
            )

    def hide(self) -> None:
        """Take note that nothing of this account is on display any more: what is new then stands at 0 once more."""
        with self._displaying:
            self._displays = False
            self._zero.show((), now=0.0)

    def configure(self, *, since: str, initial_zero: float, retention: timedelta | None = None) -> None:
        """Take over the settings of a (re)load: the text of `since`, seconds at 0 of a new series, age of entries."""
        self.epoch_changed = since != self._mirror.since
        self._retention = retention
        with self._displaying:
            self._zero.seconds = initial_zero

    def save_cursor(self) -> None:
        """Commit the cursor if memory is ahead of the ledger."""
        with self._writing:
            if self._mirror.cursor_ms == self._mirror.saved_cursor_ms:
                return
            with self._database.writing() as connection:
                mirror = self._load(connection, lock=True)
                records.touch(connection, mirror.id, cursor_ms=mirror.cursor_ms)
                mirror = self._load(connection)
            self._mirror = mirror

    def _again(self, window: Window, entries: Sequence[IncomeEntry], cursor: datetime | None) -> Recorded | None:
        """Return what came of a window that shows only what is known to be entered; `None`: it has to be compared.

        It need not be if ledger and exchange agreed on these rows, nobody has written since, and no gap may be closed.
        """
        mirror, settled = self._mirror, self._settled
        cursor_ms = mirror.cursor_ms if cursor is None else to_milliseconds(cursor)
        if settled is None or mirror.tally.gaps or saves_cursor(mirror, cursor_ms):
            return None
        if window.start > self.cursor or (cursor is not None and cursor > window.end):
            return None  # perhaps a fault of the caller, who is told so where it is looked at more closely
        if not settled.holds(window, entries):
            return None
        with self._database.reading() as connection:
            state = records.state(connection, mirror.id)
        if not settled.state == mirror.saved == state:
            return None
        self._mirror = mirror.at_least(cursor_ms)
        return Recorded(new=0, known=len(entries), late=0, amended=0, vanished=0)

    def _record(self, window: Window, reading: Reading) -> Change:
        mirror, change = self._mirror, None
        if mirror.baseline_complete or not reading.baseline_complete:  # else it is written, whatever it shows
            with self._database.reading() as connection:
                mirror = self._refreshed(connection)
                change = change_of(connection, mirror, reading)
        if change is None or not change.idle:
            with self._database.writing() as connection:
                mirror = self._load(connection, lock=True)
                change = change_of(connection, mirror, reading)
                enter(connection, mirror, change, now_ms=self._now_ms())
                mirror = self._load(connection)
            self._warn(window, change)
        self._mirror = mirror.at_least(change.cursor_ms)
        return change

    def _begin_display(self) -> None:
        # What has moved when this process begins to show totals appears at its total. What another process moves
        # later is new on this page, and stands at 0 here, too.
        if not self._displays and self._mirror.baseline_complete:
            self._displays, self._released = True, self._mirror.moved()

    def _displayed(self, mirror: Mirror) -> Display:
        if not self._shown.is_of(mirror, self._released):
            self._shown = mirror.display(self._released)
        return self._shown

    def _add_missing(self, connection: Connection, mirror: Mirror, labels: AbstractSet[Label]) -> bool:
        missing = sorted(labels - mirror.series.keys())
        records.add_series(connection, mirror.id, missing, now_ms=self._now_ms())
        return bool(missing)

    def _move(self, ids: Sequence[int]) -> None:
        with self._writing:
            with self._database.writing() as connection:
                self._load(connection, lock=True)
                records.set_moved(connection, ids)
                records.touch(connection, self._mirror.id)
                mirror = self._load(connection)
            self._mirror = mirror

    def _refreshed(self, connection: Connection) -> Mirror:
        """Return the mirror, loaded anew if another process, or a commit of unknown outcome, has changed the ledger."""
        known = self._mirror.saved
        return self._mirror if records.state(connection, self._mirror.id) == known else self._load(connection)

    def _load(self, connection: Connection, *, lock: bool = False) -> Mirror:
        mirror = records.load(connection, self._mirror.name, lock=lock)
        if mirror is None:
            detail = f"account {self._mirror.name!r} is gone from it"
            raise LedgerUnavailableError(
                self._database.target, detail, mend="restart, and it is read again from its epoch"
            )
        if mirror.revision < self._mirror.revision or mirror.saved_cursor_ms < self._mirror.saved_cursor_ms:
            # What was read since that backup was made is not in it: the cursor in memory says too much.
            self._mirror, self._settled = mirror, None
            detail = "it is older than it was a moment ago, as a backup is"
            raise LedgerUnavailableError(self._database.target, detail, mend="what it lacks is now read again")
        return mirror.at_least(self._mirror.cursor_ms)

    def _warn(self, window: Window, change: Change) -> None:
        where = {"account": self.name, "start": window.start.isoformat(), "end": window.end.isoformat()}
        for row, now in change.amended[:1]:
            facts = {"rows": len(change.amended), "entered": row.content.amount, "now": now.amount}
            _log.warning("The exchange has amended income; totals keep what was entered", **where, **facts)
        if change.vanished:
            _log.warning("The exchange no longer shows income it showed", **where, rows=len(change.vanished))
        if change.gaps_changed and change.reading.truncated:
            _log.warning("Income is incomplete: the exchange has more rows than it shows", **where)

    def _now_ms(self) -> int:
        return to_milliseconds(self._clock.now())

"""The income collector: reads windows into the ledger, one call a step, and shows what the ledger says.

Nothing is shown or forgotten that the ledger has not committed. A call that failed is asked again; a window whose
recording failed is planned anew from the cursor that the ledger still has.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from exporter.bingx.endpoints.income import IncomeQuery
from exporter.bingx.errors import AccountMismatch, BingxError
from exporter.bingx.paths import Endpoint
from exporter.ledger import DAY, HOUR, LedgerError, Reader, is_due, plan
from exporter.logs import get_logger
from exporter.model import EPOCH, CollectorName
from exporter.polling import schedule
from exporter.polling.board import Snapshot
from exporter.polling.desk import PRIORITY

if TYPE_CHECKING:
    from datetime import datetime

    from exporter.bingx.limits import Caller, Permit
    from exporter.ledger import AccountBook, Ends, Leaf, Window
    from exporter.model import IncomeEntry, IncomeState, Position
    from exporter.polling.desk import Desk, Timing

_INSTANT: Final = timedelta(milliseconds=1)
LONG_AGO: Final = float("-inf")
TYPES_OF_A_POSITION: Final = ("FUNDING_FEE", "REALIZED_PNL", "TRADING_FEE")
"""What a position that has just opened will earn or cost: these series start at 0 with it."""


class Onlooker(Protocol):
    """Who wants to know how the ledger fares."""

    def ledger_failed(self, reason: str) -> None:
        """Hear that the ledger could not do what it was asked."""
        ...

    def history_read(self, account: str, share: float) -> None:
        """Hear how much of the account's history has been read, 0 to 1."""
        ...


class IncomeCollector:
    """Keeps the ledger of one account up to date."""

    name: Final = CollectorName.INCOME
    endpoint: Final = Endpoint.INCOME
    priority: Final = PRIORITY[CollectorName.INCOME]

    def __init__(
        self,
        *,
        desk: Desk,
        timing: Timing,
        book: AccountBook,
        ends: Ends,
        tail: timedelta,
        onlooker: Onlooker,
    ) -> None:
        """Read into `book`, back by `tail` each time; `ends` is what the host has proved of its windows."""
        self._desk = desk
        self._timing = timing
        self._book = book
        self._ends = ends
        self._tail = tail
        self._onlooker = onlooker
        self._windows: deque[Window] = deque()
        self._reader: Reader | None = None
        self._last_hourly: datetime | None = None
        self._last_daily: datetime | None = None
        self._planned_at = EPOCH
        self._held: frozenset[tuple[str, str]] = frozenset()
        self._expected: frozenset[tuple[str, str, str]] = frozenset()
        self._logger = get_logger(__name__)

    @property
    def caller(self) -> Caller:
        """Whose budget a call takes from; a long read leaves a call of it to other programs of the user."""
        caller = self._desk.caller
        reads_on = len(self._windows) > 1 or not self._book.baseline_complete
        return caller._replace(leaves=1) if reads_on else caller

    @property
    def book(self) -> AccountBook:
        """The account's part of the ledger, to be read."""
        return self._book

    def show(self) -> None:
        """Show the totals that the ledger has from before this start; what it says of now is not known yet."""
        if self._book.baseline_complete:
            self._desk.board.showed(
                self._desk.account, self.name, Snapshot(data=self._book.state(), sent_at=LONG_AGO, expires_at=LONG_AGO)
            )

    def hide(self) -> None:
        """Take note that the totals leave the page."""
        self._book.hide()

    def prepare(self, now: float) -> float | None:
        """Wait for the identity of the account, and stop while it is another user's."""
        later = self._desk.not_before(self.name, now)
        if later is not None:
            return later
        if not self._windows:
            self._windows.extend(self._plan())
        return None if self._windows else self._timing.next_tick(now)

    def expect(self, positions: tuple[Position, ...]) -> None:
        """Let the series of open positions exist at 0 before their first entry; the next step writes them."""
        held = frozenset((position.symbol, position.asset) for position in positions)
        if held != self._held:
            self._held = held
            self._expected = frozenset((kind, *what) for kind in TYPES_OF_A_POSITION for what in held)

    def crashed(self) -> None:
        """Say that a step met a fault of ours; what was being read is planned anew from the ledger's cursor."""
        self._forget()
        self._desk.crashed(self.name)

    def step(self, permit: Permit) -> float:
        """Make one call, record what is complete by it, and go on at once while there is more to read."""
        began = self._desk.clock.elapsed()
        try:
            user_id, expected = self._desk.user_id, self._expected
            if user_id is not None and not self._book.pin_user(user_id, expecting=expected):
                return self._desk.failed(self.name, AccountMismatch(), timing=self._timing, began=began)
            self._book.expect(expected)
        except LedgerError as error:
            return self._ledger_failed(error, began)
        self._reader = reader = self._reader or self._begin()
        query = reader.query()
        try:
            answer = self._desk.client.income(
                permit,
                IncomeQuery(start=query.start, end=query.end, income_type=query.income_type, symbol=query.symbol),
            )
        except BingxError as error:
            return self._desk.failed(self.name, error, timing=self._timing, began=began)
        try:
            self._take(reader, answer.value)
            state = self._state()
        except LedgerError as error:
            return self._ledger_failed(error, began)
        self._onlooker.history_read(self._desk.account, state.baseline_ratio)
        snapshot = Snapshot(data=state, sent_at=answer.sent_at, expires_at=self._timing.expiry(answer.sent_at))
        self._desk.succeeded(self.name, answer, snapshot)
        now = self._desk.clock.elapsed()
        return now if self._windows else self._next(now, began)

    def _state(self) -> IncomeState:
        state = self._book.state()
        if state.baseline_complete:
            return state
        whole = self._windows[-1].end if self._windows else self._book.cursor
        return replace(state, baseline_ratio=(self._book.cursor - state.epoch) / max(whole - state.epoch, _INSTANT))

    def _next(self, now: float, began: float) -> float:
        # A series that has stood at 0 for long enough moves then, and not when the interval happens to end.
        moves_at = self._book.due()
        tick = self._timing.next_tick(now, began=began)
        return tick if moves_at is None else max(now, min(tick, moves_at))

    def _begin(self) -> Reader:
        return Reader(
            self._windows[0],
            ends=self._ends,
            known_types=self._book.income_types,
            known_symbols=self._book.symbols,
        )

    def _plan(self) -> tuple[Window, ...]:
        now = self._desk.host.server_now()
        windows = plan(
            epoch=self._book.epoch,
            cursor=self._book.cursor,
            now=now,
            baseline_complete=self._book.baseline_complete,
            last_hourly=self._last_hourly,
            last_daily=self._last_daily,
            tail=self._tail,
        )
        self._planned_at = now
        return windows

    def _finished(self) -> None:
        # A longer look back counts as done when all of it was read, for it is asked for once an hour and once a day.
        if is_due(self._last_hourly, now=self._planned_at, every=HOUR):
            self._last_hourly = self._planned_at
        if is_due(self._last_daily, now=self._planned_at, every=DAY):
            self._last_daily = self._planned_at
            self._compact()

    def _compact(self) -> None:
        # Not worth a failed poll: the income is in the ledger, and tomorrow there is another turn.
        try:
            done = self._book.compact_old(self._planned_at)
        except LedgerError as error:
            self._report(error)
            return
        if done.entries:
            facts = {"rows": done.entries, "up_to": done.until}
            self._logger.info("Old income has been compacted, totals stay", account=done.account, **facts)

    def _take(self, reader: Reader, rows: tuple[IncomeEntry, ...]) -> None:
        for leaf in reader.feed(rows):
            self._record(leaf, last=reader.done and len(self._windows) == 1)
        if reader.done:
            self._reader = None
            self._windows.popleft()
            if not self._windows:
                self._finished()

    def _record(self, leaf: Leaf, *, last: bool) -> None:
        book, window = self._book, leaf.window
        baseline_ends = last and not book.baseline_complete
        recorded = book.record_window(
            window,
            leaf.entries,
            cursor=window.end,
            truncated=leaf.truncated,
            baseline_complete=baseline_ends,
        )
        if baseline_ends:
            self._logger.info("The income history has been read", account=book.name, up_to=window.end)
        if recorded.late:
            self._logger.info("Income turned up late", account=book.name, rows=recorded.late)

    def _ledger_failed(self, error: LedgerError, began: float) -> float:
        self._forget()
        now = self._desk.clock.elapsed()
        in_a_row = self._desk.board.failed(
            self._desk.account, self.name, reason=f"ledger_{error.reason}", duration=now - began, by_exchange=False
        )
        self._report(error, first=in_a_row == 1)
        return now + schedule.retry_delay(in_a_row, interval=self._timing.interval, jitter=0.0)

    def _forget(self) -> None:
        self._windows.clear()
        self._reader = None

    def _report(self, error: LedgerError, *, first: bool = True) -> None:
        self._onlooker.ledger_failed(error.reason)
        report = self._logger.error if first else self._logger.debug
        report("The ledger failed; gauges go on, counters stand still", account=self._book.name, err=str(error))

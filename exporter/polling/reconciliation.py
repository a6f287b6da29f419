"""The reconciliation collector: reads the exchange's workbook of the last days and compares it with the ledger.

It changes nothing in the ledger. What it shows is as of the moment at which it began to ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.bingx.errors import AccountMismatch, BingxError
from exporter.bingx.paths import Endpoint
from exporter.bingx.workbook import read_workbook
from exporter.ledger import LedgerError, Reconciliation, comparable, reconcile
from exporter.logs import get_logger
from exporter.model import CollectorName, IncomeReconciliation
from exporter.polling import schedule
from exporter.polling.board import Snapshot
from exporter.polling.desk import PRIORITY
from exporter.polling.period import PeriodReading

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from exporter.bingx.client import Answer
    from exporter.bingx.limits import Caller, Permit
    from exporter.ledger import AccountBook, Window
    from exporter.polling.desk import Desk, Timing

_LOOK_AGAIN: Final = 2.0


class ReconciliationCollector:
    """Compares the workbook of one account with its ledger, one call a step."""

    name: Final = CollectorName.RECONCILIATION
    endpoint: Final = Endpoint.INCOME_EXPORT
    priority: Final = PRIORITY[CollectorName.RECONCILIATION]

    def __init__(
        self,
        *,
        desk: Desk,
        timing: Timing,
        book: AccountBook,
        period: timedelta,
        tail: timedelta,
        on_ledger_failure: Callable[[str], None],
    ) -> None:
        """Compare the last `period`, but for the `tail` in which rows may still come late."""
        self._desk = desk
        self._timing = timing
        self._book = book
        self._period = period
        self._tail = tail
        self._on_ledger_failure = on_ledger_failure
        self._reading: PeriodReading | None = None
        self._began_at = 0.0
        self._told = False
        self._logger = get_logger(__name__)

    @property
    def caller(self) -> Caller:
        """Whose budget a call takes from."""
        return self._desk.caller

    def prepare(self, now: float) -> float | None:
        """Wait for the identity of the account, and until the ledger has something to be compared with."""
        later = self._desk.not_before(self.name, now)
        if later is not None:
            return later
        if self._is_stranger():
            return self._desk.failed(self.name, AccountMismatch(), timing=self._timing, began=now)
        if self._reading is not None and self._reading.calls and self._timing.expiry(self._began_at) <= now:
            self._reading = None  # what was read before an outage is too old to be compared with what is read after it
        if self._reading is None:
            window = self._window()
            if window is None:
                self._tell_that_there_is_nothing()
                return now + _LOOK_AGAIN
            self._reading = PeriodReading(window, known_types=self._book.income_types, known_symbols=self._book.symbols)
        return None

    def step(self, permit: Permit) -> float:
        """Make one call; with the last one of a period, compare and show."""
        began = self._desk.clock.elapsed()
        reading = self._reading
        assert reading is not None  # noqa: S101 - for the type checker: `prepare` has made it
        try:
            answer = self._desk.client.income_export(permit, reading.query())
            rows = read_workbook(answer.value).rows
        except BingxError as error:
            return self._desk.failed(self.name, error, timing=self._timing, began=began)
        self._began_at = self._began_at if reading.calls else answer.sent_at
        reading.feed(rows)
        if not reading.done:
            self._desk.succeeded(self.name, answer, None)
            return self._desk.clock.elapsed()
        self._reading = None
        try:
            self._show(reading, answer)
        except LedgerError as error:
            return self._ledger_failed(error, began)
        return self._timing.next_tick(self._desk.clock.elapsed(), began=began)

    def crashed(self) -> None:
        """Say that a step met a fault of ours; the period is read anew."""
        self._reading = None
        self._desk.crashed(self.name)

    def _is_stranger(self) -> bool:
        return None not in {self._desk.user_id, self._book.pinned_user} and self._desk.user_id != self._book.pinned_user

    def _window(self) -> Window | None:
        if not self._book.baseline_complete:
            return None
        now = self._desk.host.server_now()
        begins = self._book.compacted_until or self._book.epoch
        return comparable(now - self._period, now, begins=begins, cursor=self._book.cursor, tail=self._tail, now=now)

    def _tell_that_there_is_nothing(self) -> None:
        if self._book.baseline_complete and not self._told:
            self._told = True
            self._logger.warning(
                "Nothing can be compared: the ledger has not been read as far as the period; see `period` and `tail`",
                account=self._book.name,
            )

    def _show(self, reading: PeriodReading, answer: Answer[bytes]) -> None:
        if reading.truncated:
            # Nothing can be said of the period: what one side lacks may only not have been shown.
            self._logger.warning("The exchange has more rows than it shows", account=self._book.name)
            self._desk.succeeded(self.name, answer, None)
            return
        found = reconcile(self._book.entries(reading.period), reading.rows, period=reading.period)
        known = {(total.income_type, total.asset) for total in self._book.totals()}
        data = IncomeReconciliation(differences=found.differences(known))
        snapshot = Snapshot(data=data, sent_at=self._began_at, expires_at=self._timing.expiry(self._began_at))
        self._desk.succeeded(self.name, answer, snapshot)
        self._tell(found)

    def _tell(self, found: Reconciliation) -> None:
        facts = {
            "account": self._book.name,
            "start": found.period.start.isoformat(),
            "end": found.period.end.isoformat(),
        }
        if found.equal:
            self._logger.info("The ledger agrees with the exchange's workbook", **facts, rows=found.rows)
            return
        self._logger.warning(
            "The ledger differs from the exchange's workbook; `bingx-exporter income reconcile` names every row",
            **facts,
            only_in_ledger=len(found.only_ours),
            only_in_workbook=len(found.only_theirs),
        )

    def _ledger_failed(self, error: LedgerError, began: float) -> float:
        self._on_ledger_failure(error.reason)
        self._logger.error("The ledger failed; nothing could be compared", err=str(error))
        now = self._desk.clock.elapsed()
        in_a_row = self._desk.board.failed(
            self._desk.account, self.name, reason=f"ledger_{error.reason}", duration=now - began, by_exchange=False
        )
        return now + schedule.retry_delay(in_a_row, interval=self._timing.interval, jitter=0.0)

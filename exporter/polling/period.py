"""Reading the exchange's workbook of a period, one call at a time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from exporter.bingx.endpoints.income import IncomeQuery
from exporter.ledger import Ends, Reader, Window, slices

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.model import IncomeEntry


class PeriodReading:
    """The reading of one period: `query()` says what to ask, `feed()` takes the rows of the answer, until `done`.

    A call that failed is simply not fed. `known_types` and `known_symbols` help where one second has more rows than
    an answer. What the ends of a window mean is proved anew: another endpoint may honour them otherwise than income.
    """

    def __init__(self, period: Window, *, known_types: Iterable[str] = (), known_symbols: Iterable[str] = ()) -> None:
        self.period = period
        self.calls = 0
        self.rows: list[IncomeEntry] = []
        self.truncated: list[Window] = []
        self._ends = Ends()
        self._known_types = tuple(known_types)
        self._known_symbols = tuple(known_symbols)
        self._windows = deque(slices(period))
        self._reader = self._begin()

    @property
    def done(self) -> bool:
        """Whether all of the period has been read: its rows are in `rows`, as far as the exchange shows them.

        In each window of `truncated` there may be more, which it cannot be made to show.
        """
        return not self._windows

    def query(self) -> IncomeQuery:
        """Return the next call to make; raises `RuntimeError` when done."""
        query = self._reader.query()
        return IncomeQuery(start=query.start, end=query.end, income_type=query.income_type, symbol=query.symbol)

    def feed(self, rows: Sequence[IncomeEntry]) -> None:
        """Take the rows of the answer to `query()`."""
        self.calls += 1
        for leaf in self._reader.feed(rows):
            self.rows.extend(leaf.entries)
            if leaf.truncated:
                self.truncated.append(leaf.window)
        if self._reader.done:
            self._windows.popleft()
            if self._windows:
                self._reader = self._begin()

    def _begin(self) -> Reader:
        return Reader(
            self._windows[0], ends=self._ends, known_types=self._known_types, known_symbols=self._known_symbols
        )

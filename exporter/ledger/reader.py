"""Reading one window of income completely, one call at a time, whatever the exchange leaves open.

Pure: it says what to ask next and is fed the answer. The exchange shows at most `limit` rows, in no promised order,
without pages. A full answer therefore says only that there may be more, and its window is split; one second that is
full is asked for type by type, and a type that is still full symbol by symbol. Nothing is handed out before all of
its rows are known, or before it is certain that they cannot be (`truncated`).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.ledger.windows import Ends, Query, Window, whole_second

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from exporter.model import IncomeEntry

DOCUMENTED_TYPES: Final = (
    "TRANSFER",
    "REALIZED_PNL",
    "FUNDING_FEE",
    "TRADING_FEE",
    "INSURANCE_CLEAR",
    "TRIAL_FUND",
    "ADL",
    "SYSTEM_DEDUCTION",
    "GTD_PRICE",
)
"""The income types that the exchange documents; it is free to send others."""

_SECOND: Final = timedelta(seconds=1)
_TIME: Final = attrgetter("time")
_TYPE: Final = attrgetter("income_type")
_SYMBOL: Final = attrgetter("symbol")
_ORDER: Final = attrgetter("time", "income_type", "symbol", "asset", "tran_id", "trade_id", "amount")


class Leaf(Struct, frozen=True, kw_only=True):
    """A window that has been read, with its rows; `truncated` if the exchange cannot be made to show all of them."""

    window: Window
    entries: tuple[IncomeEntry, ...]
    truncated: bool = False


class _Part(Struct, frozen=True, kw_only=True):
    income_type: str
    symbol: str | None = None


class Reader:
    """The reading of one window: `query()` says what to ask, `feed()` takes the answer, until `done`.

    A call that failed is simply not fed; `query()` then says the same again. `known_types` and `known_symbols` are
    those in the ledger; what the pages show is added.
    """

    def __init__(
        self,
        window: Window,
        *,
        ends: Ends,
        limit: int = 1000,
        known_types: Iterable[str] = (),
        known_symbols: Iterable[str] = (),
    ) -> None:
        if limit < 1:
            message = f"the exchange shows at least one row at a time: limit {limit}"
            raise ValueError(message)
        self._limit = limit
        self._ends = ends
        self._windows = [window]
        self._crowd: _Crowd | None = None
        self._sent: Query | None = None
        self._types = dict.fromkeys((*DOCUMENTED_TYPES, *known_types))
        self._symbols = dict.fromkeys(filter(None, known_symbols))

    @property
    def done(self) -> bool:
        """Whether the whole window has been handed out."""
        return not self._windows

    def query(self) -> Query:
        """Return the next call to make; raises `RuntimeError` when done."""
        if self.done:
            message = "the window has been read; there is nothing left to ask"
            raise RuntimeError(message)
        self._sent = self._next()
        return self._sent

    def feed(self, rows: Sequence[IncomeEntry]) -> tuple[Leaf, ...]:
        """Take the answer to `query()`; return what is now completely read, in ascending order of time."""
        sent = self._sent or self.query()
        full = len(rows) >= self._limit
        times = tuple(map(_TIME, rows))
        self._ends.learn(sent, times)
        if full and sent != self._next():
            return ()  # the ends are known better by now: asked exactly, the same window may well fit
        window = self._windows[-1]
        all_inside = not times or (min(times) in window and max(times) in window)
        inside = list(rows) if all_inside else [row for row in rows if row.time in window]
        if full or self._crowd or len(self._windows) > 1:  # else there is nothing left to ask
            self._types.update(dict.fromkeys(map(_TYPE, inside)))
            self._symbols.update(dict.fromkeys(filter(None, map(_SYMBOL, inside))))
        if self._crowd:
            return self._feed_part(inside, full=full)
        return self._divide(inside) if full else self._finish(inside)

    def _next(self) -> Query:
        part = self._crowd.part if self._crowd else None
        if part is None:
            return self._ends.query(self._windows[-1])
        return self._ends.query(self._windows[-1], income_type=part.income_type, symbol=part.symbol)

    def _divide(self, inside: list[IncomeEntry]) -> tuple[Leaf, ...]:
        if not inside:
            # A full answer without a row of the window: the host does not honour windows, and splitting finds no end.
            return self._finish(inside, truncated=True)
        boundary = _boundary(self._windows[-1], inside)
        if boundary is None:
            self._crowd = _Crowd(inside, self._types, self._symbols)
        else:
            self._windows.extend(reversed(self._windows.pop().split(boundary)))
        return ()

    def _feed_part(self, inside: list[IncomeEntry], *, full: bool) -> tuple[Leaf, ...]:
        crowd = self._crowd
        assert crowd is not None  # noqa: S101 - for the type checker: the caller has looked
        crowd.feed(inside, full=full)
        if crowd.part is not None:
            return ()
        self._crowd = None
        return self._finish(crowd.entries(), truncated=crowd.truncated)

    def _finish(self, entries: list[IncomeEntry], *, truncated: bool = False) -> tuple[Leaf, ...]:
        ordered = tuple(sorted(entries, key=_ORDER))
        return (Leaf(window=self._windows.pop(), entries=ordered, truncated=truncated),)


class _Crowd:
    """One second with more rows than an answer holds, read type by type and symbol by symbol.

    `types` and `symbols` are the reader's own collections and grow while the second is being read.
    """

    def __init__(self, page: list[IncomeEntry], types: dict[str, None], symbols: dict[str, None]) -> None:
        self._lost = False
        self._types = types
        self._symbols = symbols
        self._asked: set[_Part] = set()
        self._full_types: dict[str, None] = {}
        self._complete: list[IncomeEntry] = []
        self._seen: dict[tuple[object, ...], list[IncomeEntry]] = {}
        self._see(page)

    @property
    def part(self) -> _Part | None:
        """What to ask next, `None` when everything has been asked."""
        by_symbol = (_Part(income_type=kind, symbol=symbol) for kind in self._full_types for symbol in self._symbols)
        by_type = (_Part(income_type=kind) for kind in self._types)
        return next((part for parts in (by_symbol, by_type) for part in parts if part not in self._asked), None)

    def feed(self, inside: list[IncomeEntry], *, full: bool) -> None:
        """Take the answer for `part`."""
        part = self.part
        assert part is not None  # noqa: S101 - for the type checker: the reader has looked
        self._asked.add(part)
        self._see(inside)
        rows = [row for row in inside if row.income_type == part.income_type and part.symbol in (None, row.symbol)]
        if not full:
            self._complete += rows
        elif part.symbol is None and rows:
            self._full_types[part.income_type] = None
        else:
            self._lost = True

    @property
    def truncated(self) -> bool:
        """Whether there may be rows that no answer can be made to show.

        Rows without a symbol cannot be asked for by one: nobody knows how many of them a full type hides.
        """
        return self._lost or any(
            row.income_type in self._full_types and not row.symbol for rows in self._seen.values() for row in rows
        )

    def entries(self) -> list[IncomeEntry]:
        """Return all rows, or if that cannot be had, all that any answer has shown."""
        if self.truncated:
            return [row for rows in self._seen.values() for row in rows]
        return self._complete

    def _see(self, page: list[IncomeEntry]) -> None:
        alike = defaultdict(list)
        for row in page:
            alike[row.time, row.income_type, row.symbol, row.asset, row.amount, row.tran_id, row.trade_id].append(row)
        for content, rows in alike.items():
            if len(rows) > len(self._seen.get(content, ())):
                self._seen[content] = rows


def _boundary(window: Window, inside: Sequence[IncomeEntry]) -> datetime | None:
    """Return the whole second inside `window` that parts its rows most evenly, `None` if it has none."""
    times = sorted(row.time for row in inside)
    middle = whole_second(times[len(times) // 2])
    choices = [moment for moment in (middle, middle + _SECOND) if window.start < moment < window.end]
    return min(choices, key=lambda moment: abs(2 * sum(time < moment for time in times) - len(times)), default=None)

"""What a ledger costs that has grown for years.

Owns the files: made by SQL, since entering ten million rows through the front door takes minutes.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from bench.growth import sizes
from bench.measure import Benchmark, Case
from exporter.clock import SystemClock
from exporter.ledger import Window, open_ledger
from exporter.model import EPOCH, IncomeEntry, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.ledger import Ledger

_SIZES: Final = (10_000, 100_000, 1_000_000, 10_000_000)
_LARGE: Final = 10_000_000
_START: Final = EPOCH + timedelta(days=20_000)
_SPACING: Final = timedelta(seconds=1)
_SERIES: Final = 500
_FIRST_ID: Final = 170_000_000_000_000_000
_TYPE: Final = "FUNDING_FEE"
_AMOUNT: Final = Decimal("0.1")
_TAIL: Final = 10
_TIMES: Final = 50


class _Ledgers:
    """Files with more and more entries, each made when it is first asked for."""

    def __init__(self, folder: Path, parts: ExitStack) -> None:
        self._folder, self._parts = folder, parts
        self._open: dict[int, Callable[[], None]] = {}

    def cost(self, entries: int) -> tuple[float, float, float]:
        """Return ms to open it, CPU ms of a poll that brings nothing, and bytes an entry."""
        path = self._folder / f"{entries}.db"
        poll = self._open.get(entries) or self._made(path, entries)
        began = time.perf_counter()
        ledger = _opened(path)
        known = sum(total.entries for total in ledger.account("main", since=_START).totals())
        opening = time.perf_counter() - began
        ledger.close()
        if known != entries:
            message = f"the ledger has {known} entries instead of {entries}"
            raise RuntimeError(message)
        began = time.process_time()
        for _ in range(_TIMES):
            poll()
        return opening * 1000, (time.process_time() - began) * 1000 / _TIMES, path.stat().st_size / entries

    def _made(self, path: Path, entries: int) -> Callable[[], None]:
        _fill(path, entries - _TAIL)
        book = self._parts.enter_context(_opened(path)).account("main", since=_START)
        rows = [_row(number) for number in range(entries - _TAIL, entries)]
        window = Window(rows[0].time, rows[-1].time + _SPACING)

        def poll() -> None:
            book.record_window(window, rows, cursor=window.end)

        poll()
        self._open[entries] = poll
        return poll


def _opened(path: Path) -> Ledger:
    return open_ledger(f"sqlite:///{path}", SystemClock())


def _row(number: int) -> IncomeEntry:
    return IncomeEntry(
        time=_START + number * _SPACING,
        income_type=_TYPE,
        symbol=f"COIN{number % _SERIES}-USDT",
        asset="USDT",
        amount=_AMOUNT,
        tran_id=str(_FIRST_ID + number),
        trade_id="",
        info="",
    )


def _fill(path: Path, count: int) -> None:
    """Make a ledger with so many entries, as `_row` has them, but series by series: in order of the key it is quick."""
    with _opened(path) as ledger:
        book = ledger.account("main", since=_START)
        book.expect((_TYPE, f"COIN{number}-USDT", "USDT") for number in range(_SERIES))
    totals = [(1 + (count - 1 - number) // _SERIES, number + 1) for number in range(_SERIES)]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = OFF").close()  # what is lost in a crash is made anew
        for _, key in totals:
            connection.execute(
                "WITH RECURSIVE n (i) AS (SELECT ? UNION ALL SELECT i + ? FROM n WHERE i + ? < ?)"
                " INSERT INTO entry SELECT ?, ? + i * 1000, ?, '' || (? + i), '', 0, '', 0, 0 FROM n",
                (key - 1, _SERIES, _SERIES, count, key, to_milliseconds(_START), str(_AMOUNT), _FIRST_ID),
            )
        connection.execute("UPDATE account SET cursor_ms = ?", (to_milliseconds(_START + count * _SPACING),))
        connection.executemany(
            "UPDATE series SET entries = ?, credited = ?, moved = 1 WHERE id = ?",
            [(each, f"{(each * _AMOUNT).normalize():f}", key) for each, key in totals],
        )
        connection.commit()


@contextmanager
def _ledgers() -> Iterator[tuple[Case, ...]]:
    with ExitStack() as parts:
        folder = Path(parts.enter_context(TemporaryDirectory(prefix="bingx-exporter-bench-")))
        ledgers = _Ledgers(folder, parts)
        yield tuple(
            Case(
                name=sizes.entries(size),
                cost=partial(ledgers.cost, size),
                beside=sizes.entries(_SIZES[0]) if size != _SIZES[0] else None,
                large=size >= _LARGE,
            )
            for size in _SIZES
        )


BENCHMARK: Final = Benchmark(
    name="growth-ledger",
    title="Growth: the ledger",
    text=f"""\
A SQLite file with more and more entries in {_SERIES} series: opened until every total is there, then asked to record
its last {_TAIL} rows once more, which brings nothing. The file was made in the order of its key, so its pages are full;
what entries take that come one after the other stands above.""",
    quantities=("opening, ms", "poll, CPU ms", "bytes an entry"),
    ratio=f"beside {sizes.entries(_SIZES[0])}",
    plots=(
        sizes.line("Opening a ledger", 0, _SIZES, along="entries", name=sizes.entries),
        sizes.line("CPU of a poll that brings nothing", 1, _SIZES, along="entries", name=sizes.entries),
    ),
    cases=_ledgers,
)

"""What the ledger costs: reading a history into it, opening it when it is large, and a poll that brings nothing.

Owns a history of rows made by arithmetic, and the plain SQLite programs that the ledger stands beside.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from bench.measure import Benchmark, Case
from exporter.clock import SystemClock
from exporter.ledger import Window, open_ledger
from exporter.model import EPOCH, IncomeEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.ledger import AccountBook

_START: Final = EPOCH + timedelta(days=20_000)
_ROWS: Final = 20_000
_WINDOW_ROWS: Final = 1000
_SECONDS_A_ROW: Final = 60
_MANY: Final = 1_000_000
_SERIES: Final = 500
_TAILS: Final = (10, 999)  # a thousand would be a full answer
_TYPES: Final = ("REALIZED_PNL", "FUNDING_FEE", "TRADING_FEE")
_SYMBOLS: Final = 12

_PLAIN: Final = "SQLite, a table of text, `INSERT OR IGNORE`"
_SUMMED: Final = "SQLite, `SELECT … sum(…) GROUP BY` over the entries"
_IGNORED: Final = "SQLite, {} rows again with `INSERT OR IGNORE`"


def _row(number: int) -> IncomeEntry:
    return IncomeEntry(
        time=_START + timedelta(seconds=_SECONDS_A_ROW * number),
        income_type=_TYPES[number % len(_TYPES)],
        symbol=f"COIN{number % _SYMBOLS}-USDT",
        asset="USDT",
        amount=Decimal(number % 1999 - 999) / 10_000,
        tran_id=str(170_000_000_000_000_000 + number),
        trade_id=str(180_000_000_000_000_000 + number),
        info="Funding Fee",
    )


def _windows(rows: list[IncomeEntry]) -> Iterator[tuple[Window, list[IncomeEntry]]]:
    for first in range(0, len(rows), _WINDOW_ROWS):
        some = rows[first : first + _WINDOW_ROWS]
        yield Window(some[0].time, some[-1].time + timedelta(seconds=_SECONDS_A_ROW)), some


@contextmanager
def _history() -> Iterator[tuple[Case, ...]]:
    rows = [_row(number) for number in range(_ROWS)]
    with TemporaryDirectory(prefix="bingx-exporter-bench-") as folder:
        fresh = (Path(folder) / f"{number}.db" for number in count())
        yield (
            Case(name=_PLAIN, cost=lambda: _into_plain(rows, next(fresh))),
            Case(name="into the ledger", cost=lambda: _into_ledger(rows, next(fresh)), beside=_PLAIN),
        )


def _into_plain(rows: list[IncomeEntry], path: Path) -> tuple[float, float]:
    with closing(sqlite3.connect(path)) as connection:
        _prepare(connection)
        began = time.process_time()
        for _, some in _windows(rows):
            _insert(connection, some)
        spent = time.process_time() - began
    return spent * 1e6 / _ROWS, path.stat().st_size / _ROWS


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL").close()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(
        "CREATE TABLE income (time TEXT, type TEXT, symbol TEXT, asset TEXT, amount TEXT, tran_id TEXT, trade_id TEXT,"
        " info TEXT, UNIQUE (time, type, symbol, asset, amount, tran_id, trade_id))"
    )


def _insert(connection: sqlite3.Connection, rows: list[IncomeEntry]) -> None:
    values = (
        (
            row.time.isoformat(),
            row.income_type,
            row.symbol,
            row.asset,
            str(row.amount),
            row.tran_id,
            row.trade_id,
            row.info,
        )
        for row in rows
    )
    connection.executemany("INSERT OR IGNORE INTO income VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    connection.commit()


def _into_ledger(rows: list[IncomeEntry], path: Path) -> tuple[float, float]:
    with open_ledger(f"sqlite:///{path}", SystemClock()) as ledger:
        book = ledger.account("main", since=_START)
        began = time.process_time()
        for window, some in _windows(rows):
            book.record_window(window, some, cursor=window.end)
        spent = time.process_time() - began
    return spent * 1e6 / _ROWS, path.stat().st_size / _ROWS


@contextmanager
def _opening() -> Iterator[tuple[Case, ...]]:
    with TemporaryDirectory(prefix="bingx-exporter-bench-") as folder:
        path = Path(folder) / "ledger.db"
        _fill(path)
        yield (
            Case(name=_SUMMED, cost=partial(_sum, path)),
            Case(name="the ledger opened, its totals there", cost=partial(_open, path), beside=_SUMMED),
        )


def _fill(path: Path) -> None:
    """Make a ledger with a million entries, the quick way."""
    with open_ledger(f"sqlite:///{path}", SystemClock()) as ledger:
        book = ledger.account("main", since=_START)
        book.expect((_TYPES[0], f"COIN{number}-USDT", "USDT") for number in range(_SERIES))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO entry SELECT 1 + i % ?, 1728000000000 + i * 60000, '0.1', '17' || i, '18' || i, 0, '', 0, 0"
            " FROM n",
            (_MANY - 1, _SERIES),
        )
        each = _MANY // _SERIES
        connection.execute("UPDATE series SET entries = ?, credited = ?", (each, str(each * Decimal("0.1"))))
        connection.commit()


def _sum(path: Path) -> tuple[float]:
    began = time.perf_counter()
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT income_type, symbol, asset, sum(amount), count(*) FROM entry JOIN series ON series.id = series_id"
            " GROUP BY series.id"
        ).fetchall()
    assert len(rows) == _SERIES
    return ((time.perf_counter() - began) * 1000,)


def _open(path: Path) -> tuple[float]:
    began = time.perf_counter()
    ledger = open_ledger(f"sqlite:///{path}", SystemClock())
    totals = ledger.account("main", since=_START).totals()
    spent = time.perf_counter() - began
    ledger.close()
    assert sum(total.entries for total in totals) == _MANY
    return (spent * 1000,)


@contextmanager
def _idle() -> Iterator[tuple[Case, ...]]:
    rows = [_row(number) for number in range(_ROWS)]
    with (
        TemporaryDirectory(prefix="bingx-exporter-bench-") as folder,
        open_ledger(f"sqlite:///{folder}/ledger.db", SystemClock()) as ledger,
        closing(sqlite3.connect(f"{folder}/plain.db")) as plain,
    ):
        _prepare(plain)
        book = ledger.account("main", since=_START)
        for each, some in _windows(rows):
            book.record_window(each, some, cursor=each.end)
            _insert(plain, some)
        yield tuple(case for tail in _TAILS for case in _again(book, plain, rows[-tail:]))


def _again(book: AccountBook, plain: sqlite3.Connection, tail: list[IncomeEntry]) -> Iterator[Case]:
    window = Window(tail[0].time, tail[-1].time + timedelta(seconds=_SECONDS_A_ROW))
    reference, ours = _IGNORED.format(len(tail)), partial(_record_again, book, window, tail)
    yield Case(name=reference, cost=partial(_milliseconds, partial(_insert, plain, tail)))
    yield Case(name=f"the ledger, {len(tail)} rows", cost=partial(_milliseconds, ours), beside=reference)


def _record_again(book: AccountBook, window: Window, rows: list[IncomeEntry]) -> None:
    book.record_window(window, rows, cursor=window.end)


def _milliseconds(act: Callable[[], None], *, times: int = 200) -> tuple[float]:
    began = time.process_time()
    for _ in range(times):
        act()
    return ((time.process_time() - began) * 1000 / times,)


HISTORY: Final = Benchmark(
    name="history",
    title="Ledger: a history",
    text=f"""\
{_ROWS:,} rows of income, {_WINDOW_ROWS:,} in a window and a transaction, entered into a new SQLite file: what a first
start, or a backfill, costs beside the calls. The ledger compares each window with what it has, keeps totals by label
set in the same transaction, and adds exactly; the reference relies on a unique key, and adds nothing.""",
    quantities=("CPU, µs a row", "file, bytes a row"),
    cases=_history,
)

OPENING: Final = Benchmark(
    name="opening",
    title="Ledger: opening",
    text=f"""\
A SQLite file with {_MANY:,} entries in {_SERIES} series, opened until every total is there. The reference adds
the entries up, in floats.""",
    quantities=("ms",),
    cases=_opening,
)

IDLE: Final = Benchmark(
    name="idle",
    title="Ledger: a poll that brings nothing",
    text=f"""\
The last {_TAILS[0]} of {_ROWS:,} rows, or the last {_TAILS[1]}, are read once more and nothing is new: no transaction
writes. The ledger has compared these rows before, sees that nobody has written to it since, and leaves it at that.""",
    quantities=("CPU, ms",),
    often=2,
    cases=_idle,
)

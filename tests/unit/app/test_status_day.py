"""What came and went today, as the ledger has it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from support.clock import ManualClock

from exporter.app.status.day import DayReader
from exporter.ledger import AccountBook, Ledger, Sums, Window, open_ledger
from exporter.model import IncomeEntry

EPOCH = datetime(2026, 10, 30, tzinfo=UTC)
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(calendar=NOON)


@pytest.fixture
def ledger(clock: ManualClock, tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", clock) as ledger:
        yield ledger


@pytest.fixture
def book(ledger: Ledger) -> AccountBook:
    return ledger.account("main", since=EPOCH)


def entry(time: datetime, amount: str, kind: str = "FUNDING_FEE") -> IncomeEntry:
    return IncomeEntry(
        time=time,
        income_type=kind,
        symbol="BTC-USDT",
        asset="USDT",
        amount=Decimal(amount),
        tran_id=str(time),
        trade_id="",
        info="",
    )


def record(book: AccountBook, *entries: IncomeEntry, until: datetime = NOON) -> None:
    book.record_window(Window(EPOCH, until), entries, cursor=until, baseline_complete=True)


MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)
TODAY = (
    entry(MIDNIGHT - timedelta(milliseconds=1), "100"),
    entry(MIDNIGHT, "1.5"),
    entry(MIDNIGHT + timedelta(hours=1), "-0.25"),
    entry(MIDNIGHT + timedelta(hours=2), "7", "REBATE"),
)


def test_the_day_begins_at_midnight(clock: ManualClock, book: AccountBook) -> None:
    record(book, *TODAY)

    day = DayReader(clock).read({"main": book})["main"]

    assert day.sums == {
        ("FUNDING_FEE", "USDT"): Sums(credited=Decimal("1.5"), debited=Decimal("0.25"), entries=2),
        ("REBATE", "USDT"): Sums(credited=Decimal(7), entries=1),
    }


def test_it_is_read_anew_after_a_pause_and_only_if_entries_came(clock: ManualClock, book: AccountBook) -> None:
    reader = DayReader(clock)
    record(book, TODAY[1])
    first = reader.read({"main": book})["main"]
    record(book, *TODAY)

    assert reader.read({"main": book})["main"] is first
    clock.advance(10)
    reader.read({"main": book})
    join(reader)
    second = reader.read({"main": book})["main"]
    assert second.entered == 4
    clock.advance(10)
    reader.read({"main": book})
    join(reader)
    third = reader.read({"main": book})["main"]
    assert third.sums is second.sums
    assert (second.asked_at, third.asked_at) == (clock.elapsed() - 10, clock.elapsed())


def test_yesterday_is_not_shown_as_today(clock: ManualClock, book: AccountBook) -> None:
    reader = DayReader(clock)
    record(book, *TODAY)
    reader.read({"main": book})
    clock.calendar += timedelta(hours=12)

    assert reader.read({"main": book}) == {}
    clock.advance(10)
    reader.read({"main": book})
    join(reader)
    assert reader.read({"main": book})["main"].sums == {}


def test_a_ledger_that_fails_says_why(clock: ManualClock, ledger: Ledger, book: AccountBook) -> None:
    record(book, *TODAY)
    ledger.close()

    day = DayReader(clock).read({"main": book})["main"]

    assert (day.problem, day.sums) == ("ledger_unavailable", {})


class Hanging:
    """A book that does not answer until it may."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.asked = 0

    def totals(self) -> tuple[()]:
        self.asked += 1
        self.may.wait(10)
        return ()

    def entries(self, window: Window) -> tuple[()]:
        del window
        return ()


def test_a_ledger_that_hangs_holds_up_nobody_for_long(clock: ManualClock) -> None:
    reader, book = DayReader(clock, patience=0.02), Hanging()
    books = {"main": book}

    assert reader.read(books) == {}  # type: ignore[arg-type]  # only what is asked of a book
    assert reader.read(books) == {}  # type: ignore[arg-type]  # the same
    assert book.asked == 1
    book.may.set()
    join(reader)
    assert reader.read(books)["main"].sums == {}  # type: ignore[arg-type]  # the same


def test_what_was_read_too_long_ago_is_not_returned(clock: ManualClock, book: AccountBook) -> None:
    reader, hanging = DayReader(clock, patience=5), Hanging()
    assert reader.read({"main": book})
    clock.advance(31)
    reader._patience = 0.02

    assert reader.read({"main": hanging}) == {}  # type: ignore[dict-item]  # only what is asked of a book
    hanging.may.set()
    join(reader)


class Slow(Hanging):
    """A book that takes its time."""

    def __init__(self, clock: ManualClock, seconds: float) -> None:
        super().__init__()
        self.clock, self.seconds = clock, seconds

    def totals(self) -> tuple[()]:
        self.asked += 1
        self.clock.advance(self.seconds)
        return ()


@pytest.mark.parametrize(("seconds", "pause"), [(0.1, 10), (1, 20), (9, 60), (50, 60)])
def test_a_slow_ledger_is_asked_again_within_a_minute(clock: ManualClock, seconds: float, pause: float) -> None:
    reader, book = DayReader(clock, patience=5), Slow(clock, seconds)
    books = {"main": book}
    began = clock.elapsed()
    assert reader.read(books)["main"].asked_at == began  # type: ignore[arg-type]  # only what is asked of a book

    for later, asked in ((pause - 0.5, 1), (0.5, 2)):
        clock.advance(later)
        reader.read(books)  # type: ignore[arg-type]  # the same
        join(reader)
        assert book.asked == asked


def join(reader: DayReader) -> None:
    assert reader._thread is not None
    reader._thread.join(10)

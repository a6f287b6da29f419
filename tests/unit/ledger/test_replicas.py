"""Several programs on one database: they read the same windows at once, and double nothing."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from support.statements import only
from unit.ledger.exchange import START, multiset, row

from exporter.ledger import LedgerLockedError, Window, open_ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.clock import ManualClock

    from exporter.ledger import Ledger

REPLICAS = 3
HOURS = 24
DAY = Window(START, START + timedelta(hours=HOURS))
ROWS = [row(second, "0.1", symbol=symbol) for second in range(0, HOURS * 3600, 1200) for symbol in ("A", "B", "B")]


def read_everything(ledger: Ledger, seed: int, together: Barrier) -> None:
    """Record every hour, each with some hours before it once more, the way that polls overlap."""
    chance, book = random.Random(seed), ledger.account("main", since=START)
    for hour in range(HOURS):
        window = Window(START + timedelta(hours=max(0, hour - 2)), START + timedelta(hours=hour + 1))
        shown = [one for one in ROWS if one.time in window]
        chance.shuffle(shown)
        together.wait(30)
        book.record_window(window, shown, cursor=window.end, baseline_complete=hour == HOURS - 1)


def test_replicas_that_record_the_same_windows_at_once_double_nothing_and_agree(
    url: str, clock: ManualClock, reopen: Callable[[], Ledger]
) -> None:
    ledgers = [open_ledger(url, clock) for _ in range(REPLICAS)]
    together = Barrier(REPLICAS)
    with ThreadPoolExecutor(REPLICAS) as pool:
        list(pool.map(lambda number: read_everything(ledgers[number], number, together), range(REPLICAS)))
    states = [ledger.account("main", since=START).totals() for ledger in ledgers]
    for ledger in ledgers:
        ledger.close()

    book = reopen().account("main", since=START)
    assert multiset(book.entries(DAY)) == multiset(ROWS)
    assert states == [book.totals()] * REPLICAS
    assert [(str(total.credited), total.entries) for total in book.totals()] == [("7.2", 72), ("14.4", 144)]
    assert reopen().verify() == []


def test_replicas_that_start_at_once_make_one_ledger_with_one_account(url: str, clock: ManualClock) -> None:
    together = Barrier(REPLICAS)

    def start(number: int) -> Ledger:
        together.wait(30)
        ledger = open_ledger(url, clock, lock_seconds=30)
        ledger.account("main", since=START + timedelta(hours=number))
        return ledger

    with ThreadPoolExecutor(REPLICAS) as pool:
        ledgers = list(pool.map(start, range(REPLICAS)))
    epochs = {book.epoch for ledger in ledgers for book in ledger.books()}
    for ledger in ledgers:
        ledger.close()

    assert len(epochs) == 1


def test_a_replica_that_waits_too_long_for_another_says_so_and_goes_on_later(
    ledger: Ledger, reopen: Callable[[], Ledger]
) -> None:
    book, other = ledger.account("main", since=START), reopen()
    other.account("main", since=START)

    with other._database.writing() as connection:
        connection.change("UPDATE account SET revision = revision")
        with pytest.raises(LedgerLockedError, match="find the other process that has it open"):
            book.record_window(DAY, ROWS, cursor=DAY.end)

    assert book.record_window(DAY, ROWS, cursor=DAY.end).new == len(ROWS)


def test_what_is_added_up_is_one_state_while_others_write(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    ledger.account("main", since=START).record_window(DAY, ROWS[:10], cursor=DAY.end)

    with ledger._database.reading() as connection:
        before = only(connection, "SELECT count(*) FROM entry")
        reopen().account("main", since=START).record_window(DAY, ROWS)
        after = only(connection, "SELECT count(*) FROM entry")

    assert (before, after) == (10, 10)

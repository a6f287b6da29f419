"""The rule that Prometheus sees a new counter at 0 before it moves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.statements import before_statements
from unit.ledger.exchange import START, row

from exporter.ledger import LedgerError, Window, records

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.clock import ManualClock

    from exporter.ledger import AccountBook, Ledger

BASELINE = Window(START, START + timedelta(hours=1))
NEXT = Window(START, START + timedelta(hours=2))
FUNDING = ("FUNDING_FEE", "BTC-USDT", "USDT")


def start(ledger: Ledger) -> AccountBook:
    return ledger.account("main", since=START, initial_zero=60)


@pytest.fixture
def book(ledger: Ledger) -> AccountBook:
    book = start(ledger)
    book.record_window(BASELINE, [], cursor=BASELINE.end, baseline_complete=True)
    return book


def shown(book: AccountBook) -> list[tuple[str, int]]:
    return [(str(total.credited), total.entries) for total in book.state().totals]


def test_a_series_that_is_new_after_the_baseline_stands_at_zero_before_it_moves(
    book: AccountBook, clock: ManualClock
) -> None:
    book.record_window(NEXT, [row(4000, "5")], cursor=NEXT.end)

    assert shown(book) == [("0", 0)]
    assert book.due() == clock.elapsed() + 60
    clock.advance(59)
    assert shown(book) == [("0", 0)]
    clock.advance(1)
    assert shown(book) == [("5", 1)]
    assert book.due() is None


def test_the_clock_of_a_zero_starts_when_it_is_first_shown(book: AccountBook, clock: ManualClock) -> None:
    book.record_window(NEXT, [row(4000, "5")], cursor=NEXT.end)
    assert book.due() == clock.elapsed()
    clock.advance(600)

    assert shown(book) == [("0", 0)]
    assert book.due() == clock.elapsed() + 60


def test_a_restart_in_between_starts_the_zero_again(
    book: AccountBook, clock: ManualClock, reopen: Callable[[], Ledger]
) -> None:
    book.record_window(NEXT, [row(4000, "5")], cursor=NEXT.end)
    book.state()
    clock.advance(59)

    again = start(reopen())

    assert shown(again) == [("0", 0)]
    clock.advance(59)
    assert shown(again) == [("0", 0)]
    clock.advance(1)
    assert shown(again) == [("5", 1)]


def test_a_series_that_has_moved_appears_at_its_total_after_a_restart(
    book: AccountBook, clock: ManualClock, reopen: Callable[[], Ledger]
) -> None:
    book.record_window(NEXT, [row(4000, "5")], cursor=NEXT.end)
    book.state()
    clock.advance(60)
    book.state()

    assert shown(start(reopen())) == [("5", 1)]


def test_a_series_that_was_expected_long_enough_moves_with_its_first_entry(
    book: AccountBook, clock: ManualClock
) -> None:
    book.expect([FUNDING])
    assert (shown(book), book.due()) == ([("0", 0)], None)
    clock.advance(60)
    book.record_window(NEXT, [row(4000, "5")], cursor=NEXT.end)

    assert shown(book) == [("5", 1)]


def test_a_series_that_another_replica_has_moved_still_stands_at_zero_here_first(
    book: AccountBook, clock: ManualClock, reopen: Callable[[], Ledger]
) -> None:
    replica = start(reopen())
    assert (shown(book), shown(replica)) == ([], [])
    book.record_window(NEXT, [row(4000, "5")], cursor=NEXT.end)
    shown(book)
    clock.advance(60)
    assert shown(book) == [("5", 1)]

    replica.record_window(NEXT, [row(4000, "5")], cursor=NEXT.end)

    assert shown(replica) == [("0", 0)]
    clock.advance(60)
    assert shown(replica) == [("5", 1)]


def test_a_series_without_entries_does_not_move_whatever_its_age(
    book: AccountBook, clock: ManualClock, reopen: Callable[[], Ledger]
) -> None:
    book.expect([FUNDING])
    book.state()
    clock.advance(600)
    book.state()
    book.record_window(NEXT, [row(4000, "5")], cursor=NEXT.end)

    assert shown(start(reopen())) == [("0", 0)]


def test_a_series_expected_before_the_baseline_but_without_entries_stands_at_zero_first(
    ledger: Ledger, clock: ManualClock
) -> None:
    book = start(ledger)
    book.expect([FUNDING])
    book.record_window(BASELINE, [], cursor=BASELINE.end, baseline_complete=True)
    assert shown(book) == [("0", 0)]

    book.record_window(NEXT, [row(4000, "5")], cursor=NEXT.end)
    assert shown(book) == [("0", 0)]


def test_nothing_is_shown_or_due_before_the_baseline(ledger: Ledger) -> None:
    book = start(ledger)
    book.record_window(Window(START, START + timedelta(minutes=1)), [row(1)], cursor=START + timedelta(minutes=1))

    assert (shown(book), book.due()) == ([], None)


def test_a_series_that_cannot_be_committed_as_moved_stays_at_zero(
    book: AccountBook, ledger: Ledger, clock: ManualClock, reopen: Callable[[], Ledger]
) -> None:
    book.record_window(NEXT, [row(4000, "5")], cursor=NEXT.end)
    book.state()
    clock.advance(60)
    with reopen()._database.writing() as connection:
        records.load(connection, "main", lock=True)  # another process is in the middle of a write
        with pytest.raises(LedgerError):
            book.state()

    assert [total.entries for total in book._mirror.display(book._released).totals] == [0]
    assert shown(book) == [("5", 1)]


def test_that_a_series_has_moved_is_committed_before_anybody_can_see_it(
    book: AccountBook, ledger: Ledger, clock: ManualClock
) -> None:
    book.record_window(NEXT, [row(4000, "5")], cursor=NEXT.end)
    book.state()
    clock.advance(60)
    seen_at_commit = []

    def look(statement: str) -> None:
        if statement == "COMMIT":
            seen_at_commit.append([total.entries for total in book._mirror.display(book._released).totals])

    with before_statements(look):
        assert shown(book) == [("5", 1)]
    assert seen_at_commit == [[0]]


def test_what_has_not_changed_is_the_same_object(book: AccountBook) -> None:
    rows = [row(4000)]
    book.record_window(NEXT, rows, cursor=NEXT.end)
    first = book.state()
    assert book.state() is first

    later = Window(START, NEXT.end + timedelta(minutes=1))
    book.record_window(later, rows, cursor=later.end)

    second = book.state()
    assert (second.watermark, second == first) == (later.end, False)
    assert second.totals is first.totals


def test_the_totals_are_made_anew_with_every_change_of_a_series(book: AccountBook, clock: ManualClock) -> None:
    book.record_window(NEXT, [row(4000, "5")], cursor=NEXT.end)
    assert shown(book) == [("0", 0)]
    clock.advance(60)
    assert shown(book) == [("5", 1)]
    book.record_window(NEXT, [row(4000, "5"), row(4001, "2")])
    assert shown(book) == [("7", 2)]
    book.expect([("TRADING_FEE", "BTC-USDT", "USDT")])
    assert shown(book) == [("7", 2), ("0", 0)]


def test_series_that_are_expected_again_after_a_backup_has_taken_them_away_are_made_anew(
    book: AccountBook, ledger: Ledger
) -> None:
    expected = frozenset({FUNDING})
    book.expect(expected)
    book.expect(expected)
    with ledger._database.writing() as connection:  # a backup from before
        connection.change("DELETE FROM series")
        connection.change("UPDATE account SET revision = revision - 1")
    with pytest.raises(LedgerError, match="older than it was"):
        book.record_window(NEXT, [], cursor=NEXT.end)
    assert shown(book) == []

    book.expect(expected)

    assert shown(book) == [("0", 0)]

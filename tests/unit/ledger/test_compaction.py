"""Old entries may become sums; no total, no flag and no later reading can tell the difference."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from unit.ledger.exchange import START, row

from exporter.ledger import Compacted, Sums, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.ledger import AccountBook, Ledger
    from exporter.model import IncomeEntry

DAY = timedelta(days=1)
ALL = Window(START, START + 200 * DAY)
LAST = ALL.end - 7 * DAY
"""The latest moment at which to cut: a week behind the cursor."""


def of_day(day: float, amount: str = "1", tran_id: str = "t") -> IncomeEntry:
    return row(day * 86400, amount, tran_id=tran_id)


ROWS = [of_day(0, "1.5"), of_day(0, "1.5"), of_day(20.5, "-2"), of_day(79.99, "3"), of_day(80), of_day(199, "-0.1")]


@pytest.fixture
def book(ledger: Ledger) -> AccountBook:
    book = ledger.account("main", since=START)
    book.record_window(ALL, ROWS, cursor=ALL.end, baseline_complete=True)
    return book


def test_totals_stay_and_entries_before_the_cut_are_gone(
    book: AccountBook, ledger: Ledger, reopen: Callable[[], Ledger]
) -> None:
    before = book.state()

    assert book.compact(START + 80 * DAY) == Compacted(account="main", until=START + 80 * DAY, entries=4)

    assert book.state() == before
    assert [str(entry.amount) for entry in book.entries(ALL)] == ["1", "-0.1"]
    assert ledger.verify() == []
    again = reopen().account("main", since=START)
    assert (again.totals(), again.compacted_until) == (book.totals(), START + 80 * DAY)


def test_the_cut_is_at_midnight(book: AccountBook) -> None:
    assert book.compact(START + 80 * DAY + timedelta(hours=23)).until == START + 80 * DAY


def test_compacting_further_adds_to_the_sums(book: AccountBook, ledger: Ledger) -> None:
    assert book.compact(START + DAY).entries == 2
    assert book.compact(START + 80 * DAY).entries == 2
    assert book.compact(START + 80 * DAY) == Compacted(account="main", until=START + 80 * DAY, entries=0)
    assert book.compact(START + DAY).until == START + 80 * DAY

    assert (book.totals()[0].entries, ledger.verify()) == (6, [])


def test_the_cut_stays_a_week_behind_the_cursor(book: AccountBook) -> None:
    assert book.compact(ALL.end + 1000 * DAY) == Compacted(account="main", until=LAST, entries=5)


def test_a_cursor_that_is_not_in_the_ledger_yet_does_not_move_the_cut(book: AccountBook) -> None:
    idle = Window(ALL.end - DAY, ALL.end + timedelta(minutes=59))
    book.record_window(idle, [ROWS[-1]], cursor=idle.end)

    assert book.compact(idle.end).until == LAST


def test_nothing_is_compacted_before_the_baseline_is_complete(ledger: Ledger) -> None:
    book = ledger.account("main", since=START)
    book.record_window(ALL, ROWS, cursor=ALL.end)

    assert book.compact(LAST) == Compacted(account="main", until=None, entries=0)
    assert len(book.entries(ALL)) == 6


def test_what_is_read_again_from_before_the_cut_is_ignored(book: AccountBook, ledger: Ledger) -> None:
    book.compact(START + 80 * DAY)
    before = book.state(), book.tally

    old = book.record_window(Window(START, START + 80 * DAY), [*ROWS[:4], of_day(3)])
    across = book.record_window(ALL, [*ROWS, of_day(4, tran_id="new")])

    assert (old.new, old.known, old.vanished) == (0, 0, 0)
    assert (across.new, across.known, across.vanished) == (0, 2, 0)
    assert (book.state(), book.tally, ledger.verify()) == (*before, [])


def test_what_is_new_after_the_cut_is_entered(book: AccountBook, ledger: Ledger) -> None:
    book.compact(START + 80 * DAY)

    assert book.record_window(ALL, [*ROWS, of_day(80)]).new == 1
    assert (book.totals()[0].entries, ledger.verify()) == (7, [])


def test_a_row_that_vanished_or_was_amended_before_the_cut_stays_counted_and_is_not_counted_again(
    book: AccountBook,
) -> None:
    book.record_window(Window(START, START + 21 * DAY), [of_day(0, "1.6"), of_day(0, "1.5")])
    tally = book.tally
    book.compact(START + 80 * DAY)
    book.record_window(ALL, [*ROWS[4:], of_day(0, "1.7")])

    assert (tally.amended, tally.vanished) == (1, 1)
    assert book.tally == tally


def test_income_that_was_incomplete_before_the_cut_stays_incomplete(ledger: Ledger) -> None:
    book = ledger.account("main", since=START)
    first = Window(START, START + DAY)
    book.record_window(first, ROWS[:2], cursor=first.end, truncated=True)
    book.record_window(ALL, ROWS, cursor=ALL.end, truncated=True, baseline_complete=True)
    book.compact(START + 80 * DAY)
    book.record_window(first, ROWS[:2])
    book.record_window(first, ROWS[:2], truncated=True)

    assert (book.tally.gaps, book.state().complete) == (2, False)


def test_a_cut_that_another_process_has_made_is_respected(book: AccountBook, reopen: Callable[[], Ledger]) -> None:
    other = reopen().account("main", since=START)
    other.compact(START + 80 * DAY)

    assert book.record_window(ALL, ROWS).known == 2
    assert book.compact(START + 80 * DAY) == Compacted(account="main", until=START + 80 * DAY, entries=0)


def test_a_ledger_compacts_every_account(book: AccountBook, ledger: Ledger) -> None:
    other = ledger.account("other", since=START)
    other.record_window(ALL, ROWS[:3], cursor=ALL.end, baseline_complete=True)

    done = ledger.compact(START + 10 * DAY)

    assert [(one.account, one.entries) for one in done] == [("main", 2), ("other", 2)]
    assert ledger.verify() == []


def test_sums_that_compaction_got_wrong_do_not_verify(book: AccountBook, ledger: Ledger) -> None:
    book.compact(START + 80 * DAY)
    with ledger._database.writing() as connection:
        connection.change("UPDATE series SET compacted_entries = 5")

    (found,) = ledger.verify()

    assert (found.recorded.entries, found.entered.entries) == (6, 7)


def test_sums_join_exactly() -> None:
    one, other = Sums().plus([ROWS[0].amount, ROWS[2].amount]), Sums().plus([ROWS[3].amount])

    assert one.joined(other) == Sums().plus([ROWS[0].amount, ROWS[2].amount, ROWS[3].amount])

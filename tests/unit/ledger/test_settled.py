"""A poll that brings nothing is not compared again, and whatever else a poll brings, is."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clock import ManualClock
from support.statements import before_statements
from unit.ledger.exchange import START, multiset, row
from unit.ledger.test_exactly_once import change

from exporter.ledger import AccountBook, Leaf, Ledger, LedgerError, Recorded, Window, open_ledger
from exporter.ledger.mirror import State
from exporter.ledger.settled import Settled, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exporter.model import IncomeEntry

MINUTE = timedelta(minutes=1)
BASELINE = Window(START, START + 30 * MINUTE)
SHOWN = (row(1500, tran_id="a"), row(1500, tran_id="b"), row(1600), row(1700, "-2"))
STATE = State(1, 2, 3)


def tail(minute: int, back: int = 10) -> Window:
    return Window(START + timedelta(minutes=minute - back), START + timedelta(minutes=minute))


def within(window: Window, rows: Sequence[IncomeEntry]) -> tuple[IncomeEntry, ...]:
    return tuple(one for one in rows if one.time in window)


@pytest.fixture
def book(ledger: Ledger) -> AccountBook:
    book = ledger.account("main", since=START, initial_zero=0)
    book.record_window(BASELINE, SHOWN, cursor=BASELINE.end, baseline_complete=True)
    return book


@contextmanager
def questions() -> Iterator[list[str]]:
    """Collect the statements that are carried out."""
    asked: list[str] = []
    with before_statements(asked.append):
        yield asked


def compared(asked: list[str]) -> bool:
    return any("FROM entry" in statement for statement in asked)


def poll(book: AccountBook, minute: int, rows: Sequence[IncomeEntry], *, truncated: bool = False) -> bool:
    """Record the last ten minutes before `minute`, and say whether the database was asked for its rows."""
    window = tail(minute)
    leaf = Leaf(window=window, entries=within(window, rows), truncated=truncated)
    expected = change(book, leaf, baseline_complete=False).recorded()
    with questions() as asked:
        recorded = book.record_window(window, leaf.entries, cursor=window.end, truncated=truncated)
    assert recorded == expected
    assert book.cursor >= window.end
    return compared(asked)


def test_polls_that_bring_nothing_are_not_compared(book: AccountBook) -> None:
    assert [poll(book, minute, SHOWN) for minute in range(31, 50)] == [False] * 19
    assert book.cursor == START + 49 * MINUTE


def test_a_poll_after_a_new_row_is_not_compared_again(book: AccountBook) -> None:
    more = (*SHOWN, row(1810))

    assert [poll(book, minute, more) for minute in (31, 32, 33)] == [True, False, False]


@pytest.mark.parametrize(
    "rows",
    [
        (*SHOWN, row(1801)),
        (SHOWN[0], *SHOWN),
        SHOWN[1:],
        SHOWN[:-1],
        (*SHOWN[:-1], row(1700, "-2.01")),
        (*SHOWN[:-1], row(1700, "-2", asset="USDC")),
        (row(1400), *SHOWN),
        (*SHOWN[:2], *SHOWN[:2], *SHOWN[2:]),
    ],
    ids=["new", "twice", "first gone", "last gone", "amended", "other asset", "late", "two twice"],
)
def test_a_poll_that_differs_in_anything_is_compared(book: AccountBook, rows: tuple[IncomeEntry, ...]) -> None:
    assert poll(book, 31, rows)


def test_a_changed_wording_or_another_form_of_an_amount_brings_nothing(book: AccountBook) -> None:
    poll(book, 31, (*SHOWN[:-1], row(1700, "-2.00", info="Funding fee")))

    assert sum(total.entries for total in book.totals()) == len(SHOWN)


def test_rows_in_another_order_bring_nothing(book: AccountBook) -> None:
    assert [poll(book, 31, SHOWN[::-1]), poll(book, 32, SHOWN), poll(book, 33, SHOWN)] == [True, True, False]
    assert book.tally.vanished == 0


@pytest.mark.parametrize("last", [(), (row(1700, "-3"),)], ids=["vanished", "amended"])
def test_what_deviates_is_compared_until_it_is_out_of_reach(book: AccountBook, last: tuple[IncomeEntry, ...]) -> None:
    rows = (*SHOWN[:-1], *last)

    assert [poll(book, minute, rows) for minute in (31, 32, 38, 39, 40)] == [True] * 4 + [False]


def test_a_window_that_reaches_further_back_is_compared(book: AccountBook) -> None:
    assert poll(book, 31, SHOWN) is False
    book._settled = settle(tail(31), within(tail(31), SHOWN), state=book._mirror.saved)

    with questions() as asked:
        book.record_window(tail(32, back=20), SHOWN, cursor=tail(32).end)

    assert compared(asked)


def test_a_window_that_ends_before_what_was_read_is_compared(book: AccountBook) -> None:
    earlier = Window(START, START + timedelta(seconds=1550))

    with questions() as asked:
        recorded = book.record_window(earlier, SHOWN[:2])

    assert (compared(asked), recorded.known) == (True, 2)
    assert poll(book, 31, SHOWN[:2])
    assert book.tally.vanished == 2


def test_rows_before_the_epoch_count_for_nothing_however_often_they_are_shown(ledger: Ledger) -> None:
    book = ledger.account("main", since=START + 26 * MINUTE, initial_zero=0)

    assert [poll(book, 31, SHOWN), poll(book, 32, SHOWN), poll(book, 36, SHOWN), poll(book, 37, SHOWN)] == [
        True,
        True,
        True,
        False,
    ]
    assert sum(total.entries for total in book.totals()) == 2


def test_rows_behind_the_end_of_a_window_are_not_forgotten(book: AccountBook) -> None:
    beyond = row(2300)
    book.record_window(tail(40, back=20), (*SHOWN, beyond), cursor=tail(31).end)  # read beyond the cursor that it sets
    book.record_window(tail(32), within(tail(32), SHOWN), cursor=tail(32).end)

    assert poll(book, 40, SHOWN)
    assert book.tally.vanished == 1


def test_a_truncated_window_is_compared_and_so_is_what_closes_its_gap(book: AccountBook) -> None:
    assert poll(book, 31, SHOWN, truncated=True)
    assert not book.state().complete
    assert poll(book, 32, SHOWN)
    book.record_window(tail(31), within(tail(31), SHOWN))
    assert book.state().complete


def test_a_gap_behind_what_was_compared_is_closed_by_a_poll_that_brings_nothing(book: AccountBook) -> None:
    book.record_window(Window(START + 25 * MINUTE, START + 40 * MINUTE), within(tail(35), SHOWN), truncated=True)
    poll(book, 31, SHOWN)
    assert not book.state().complete

    book.record_window(tail(41, back=20), within(tail(41, back=20), SHOWN), cursor=tail(41).end)

    assert book.state().complete


def test_a_row_that_another_process_has_entered_is_noticed(book: AccountBook, reopen: Callable[[], Ledger]) -> None:
    other = reopen().account("main", since=START)
    other.record_window(tail(31), (*within(tail(31), SHOWN), row(1805)), cursor=tail(31).end)

    assert poll(book, 31, SHOWN)
    assert (book.tally.vanished, sum(total.entries for total in book.totals())) == (1, 5)


def test_a_ledger_with_the_same_revision_and_other_entries_is_noticed(book: AccountBook, ledger: Ledger) -> None:
    with ledger._database.writing() as connection:  # as a standby is that others have written to
        connection.change("DELETE FROM entry WHERE tran_id = 'b'")
        connection.change("UPDATE series SET entries = entries - 1, credited = '2'")

    assert poll(book, 31, SHOWN)
    assert sum(total.entries for total in book.totals()) == 4
    assert ledger.verify() == []


def test_a_ledger_that_is_older_than_it_was_is_noticed_and_read_again(book: AccountBook, ledger: Ledger) -> None:
    late = (*SHOWN, row(1650))
    poll(book, 31, late)
    with ledger._database.writing() as connection:  # a backup from before
        connection.change("DELETE FROM entry WHERE time_ms = :time", time=1788220800000 + 1650_000)
        connection.change("UPDATE series SET entries = entries - 1, credited = '3'")
        connection.change(
            "UPDATE account SET revision = revision - 1, cursor_ms = :cursor, late = 0", cursor=1788220800000 + 1800_000
        )

    with pytest.raises(LedgerError, match="older than it was"):
        book.record_window(tail(32), within(tail(32), late), cursor=tail(32).end)
    assert book._settled is None
    assert poll(book, 32, late)
    assert (sum(total.entries for total in book.totals()), ledger.verify()) == (5, [])


def test_an_hour_of_nothing_is_saved(book: AccountBook, reopen: Callable[[], Ledger]) -> None:
    for minute in range(31, 91):
        book.record_window(tail(minute), within(tail(minute), SHOWN), cursor=tail(minute).end)

    assert reopen().account("main", since=START).cursor == START + 90 * MINUTE


def test_what_is_refused_of_a_window_is_refused_of_one_that_brings_nothing(book: AccountBook) -> None:
    rows = within(tail(31), SHOWN)

    with pytest.raises(ValueError, match="claims more"):
        book.record_window(tail(31), rows, cursor=tail(32).end)
    with pytest.raises(ValueError, match="leaves a hole"):
        book.record_window(Window(START + 31 * MINUTE, START + 32 * MINUTE), (), cursor=START + 32 * MINUTE)
    assert book.cursor == BASELINE.end


def test_a_ledger_that_has_been_closed_or_emptied_is_not_taken_for_one_that_has_nothing_new(
    book: AccountBook, ledger: Ledger
) -> None:
    with ledger._database.writing() as connection:
        for table in ("entry", "series", "account"):
            connection.change(f"DELETE FROM {table}")
    with pytest.raises(LedgerError, match="is gone from it"):
        poll_again(book)
    ledger.close()
    with pytest.raises(LedgerError, match="has been closed"):
        poll_again(book)


def poll_again(book: AccountBook) -> Recorded:
    return book.record_window(tail(31), within(tail(31), SHOWN), cursor=tail(31).end)


def test_looking_up_leaves_no_transaction_open(book: AccountBook, reopen: Callable[[], Ledger]) -> None:
    poll(book, 31, SHOWN)
    other = reopen()
    other.account("main", since=START).record_window(tail(32), (*within(tail(32), SHOWN), row(1900)))
    other.close()  # folds the log into the file, which nobody may be reading

    assert poll(book, 32, SHOWN)


@pytest.mark.parametrize(
    ("window", "rows", "held"),
    [
        (tail(31), SHOWN, True),
        (tail(30), SHOWN, True),
        (Window(START + 20 * MINUTE, START + 28 * MINUTE), SHOWN, False),
        (Window(START + 20 * MINUTE, START + 28 * MINUTE), SHOWN[:3], False),
        (tail(31, back=11), SHOWN, True),
        (tail(31, back=12), SHOWN, False),
        (tail(36), SHOWN[2:], True),
        (tail(36), SHOWN[1:], False),
        (tail(36), SHOWN[3:], False),
        (tail(39), (), True),
        (tail(31), list(SHOWN), True),
    ],
)
def test_it_holds_what_is_shown_of_a_part_that_goes_on_to_the_end(
    window: Window, rows: Sequence[IncomeEntry], held: bool
) -> None:
    settled = settle(tail(30), SHOWN, state=STATE)
    assert settled is not None
    assert settled.holds(window, rows) is held


def test_rows_are_kept_in_their_order_of_time_in_whatever_order_they_are_given() -> None:
    settled = settle(tail(30), SHOWN[::-1], state=STATE)
    assert settled is not None
    assert settled.entries == (*SHOWN[1::-1], *SHOWN[2:])


def test_no_more_is_kept_than_two_full_answers() -> None:
    rows = [row(1500, tran_id=str(number)) for number in range(2001)]

    assert isinstance(settle(BASELINE, rows[:2000], state=STATE), Settled)
    assert settle(BASELINE, rows, state=STATE) is None


operations = st.lists(
    st.one_of(
        st.tuples(st.just("poll"), st.integers(0, 1), st.sampled_from([1, 2, 10, 12])),
        st.tuples(st.just("book"), st.integers(0, 2), st.integers(0, 12)),
        st.tuples(st.just("hide"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("pass"), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("amend"), st.integers(0, 5), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=30, deadline=None)
@given(operations)
def test_two_processes_that_remember_find_what_comparing_every_row_finds(
    course: list[tuple[str, int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledgers = [open_ledger(f"sqlite:///{folder}/ledger.db", ManualClock()) for _ in range(2)]
        try:
            run([ledger.account("main", since=START) for ledger in ledgers], course)
            assert ledgers[0].verify() == []
        finally:
            for ledger in ledgers:
                ledger.close()


def run(books: list[AccountBook], course: list[tuple[str, int, int]]) -> None:
    """Let two processes read, in turns, what an exchange shows that books late, hides and amends."""
    rows: list[IncomeEntry] = []
    minute, entered = 1, 0
    for deed, one, other in course:
        if deed == "pass":
            minute += one
        elif deed == "book":
            rows.append(row(max(0, 60 * minute - 40 * other), str(1 + one), tran_id=f"t{one}"))
        elif deed == "hide" and rows:
            rows.pop(one % len(rows))
        elif deed == "amend" and rows:
            rows[one % len(rows)] = row((rows[one % len(rows)].time - START).total_seconds(), "7", tran_id="t0")
        elif deed == "poll":
            book = books[one]
            begin = min(START + timedelta(minutes=max(0, minute - other)), book.cursor)
            window = Window(begin, START + timedelta(minutes=minute))
            leaf = Leaf(window=window, entries=tuple(sorted(within(window, rows), key=lambda item: item.time)))
            expected = change(book, leaf, baseline_complete=True).recorded()
            assert book.record_window(window, leaf.entries, cursor=window.end, baseline_complete=True) == expected
            entered += expected.new
            stored = multiset(book.entries(Window(START, START + timedelta(days=1))))
            assert stored.total() == entered == sum(total.entries for total in book.totals())

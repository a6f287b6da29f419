from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from support.statements import only
from unit.ledger.exchange import START, row

from exporter.ledger import Recorded, Sums, Window
from exporter.model import IncomeState, IncomeTotal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from support.clock import ManualClock

    from exporter.ledger import AccountBook, Ledger

HOUR = timedelta(hours=1)
FIRST = Window(START, START + HOUR)


@pytest.fixture
def book(ledger: Ledger) -> AccountBook:
    return ledger.account("main", since=START)


def recorded(new: int = 0, known: int = 0, late: int = 0, amended: int = 0, vanished: int = 0) -> Recorded:
    return Recorded(new=new, known=known, late=late, amended=amended, vanished=vanished)


def sums(book: AccountBook) -> dict[str, tuple[str, str, int]]:
    return {
        f"{total.income_type} {total.symbol} {total.asset}": (
            str(total.credited),
            str(total.debited),
            total.entries,
        )
        for total in book.totals()
    }


def revision(ledger: Ledger) -> int:
    with ledger._database.reading() as connection:
        return int(only(connection, "SELECT sum(revision) FROM account"))


def test_a_new_book_has_read_nothing(book: AccountBook) -> None:
    assert (book.name, book.epoch, book.cursor) == ("main", START, START)
    assert (book.baseline_complete, book.pinned_user, book.epoch_changed) == (False, None, False)
    assert book.state() == IncomeState(epoch=START, watermark=None, complete=False, baseline_complete=False, totals=())


def test_rows_add_up_by_label_set_credited_and_debited_apart(book: AccountBook) -> None:
    rows = [row(1, "1.50"), row(2, "-0.25"), row(3, "2"), row(4, "7", "TRANSFER", ""), row(5, "0", asset="USDC")]

    assert book.record_window(FIRST, rows, cursor=FIRST.end) == recorded(new=5)
    assert sums(book) == {
        "FUNDING_FEE BTC-USDT USDT": ("3.5", "0.25", 3),
        "FUNDING_FEE BTC-USDT USDC": ("0", "0", 1),
        "TRANSFER  USDT": ("7", "0", 1),
    }
    assert (book.income_types, book.symbols) == (("FUNDING_FEE", "TRANSFER"), ("BTC-USDT",))


def test_reading_the_same_window_again_changes_nothing(book: AccountBook, ledger: Ledger) -> None:
    rows = [row(1), row(1), row(1, "2")]
    book.record_window(FIRST, rows, cursor=FIRST.end)
    before = sums(book), revision(ledger)

    assert book.record_window(FIRST, [*reversed(rows)], cursor=FIRST.end) == recorded(known=3)
    assert (sums(book), revision(ledger)) == before


def test_an_identical_row_that_comes_later_counts_once_and_is_late(book: AccountBook) -> None:
    book.record_window(FIRST, [row(1)], cursor=FIRST.end)

    assert book.record_window(FIRST, [row(1), row(1)]) == recorded(new=1, known=1, late=1)
    assert sums(book)["FUNDING_FEE BTC-USDT USDT"] == ("2", "0", 2)
    assert book.tally.late == 1


def test_rows_before_the_epoch_are_ignored(book: AccountBook) -> None:
    window = Window(START - HOUR, START + HOUR)

    assert book.record_window(window, [row(-1), row(0)], cursor=window.end) == recorded(new=1)


@pytest.mark.parametrize("second", [-0.001, 3600])
def test_a_row_outside_its_window_is_refused_and_nothing_is_entered(book: AccountBook, second: float) -> None:
    with pytest.raises(ValueError, match="does not belong to the window"):
        book.record_window(FIRST, [row(1), row(second)], cursor=FIRST.end)

    assert (sums(book), book.cursor) == ({}, START)


def test_an_amount_that_is_none_is_refused(book: AccountBook) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        book.record_window(FIRST, [row(1, "NaN")], cursor=FIRST.end)


@pytest.mark.parametrize(
    ("window", "cursor"),
    [
        (FIRST, FIRST.end + timedelta(seconds=1)),
        (Window(START + HOUR, START + 2 * HOUR), START + 2 * HOUR),
    ],
)
def test_a_cursor_never_claims_what_was_not_read(book: AccountBook, window: Window, cursor: datetime) -> None:
    with pytest.raises(ValueError, match=r"claims more|leaves a hole"):
        book.record_window(window, [], cursor=cursor)

    assert book.cursor == START


def test_the_cursor_never_goes_back(book: AccountBook) -> None:
    book.record_window(FIRST, [], cursor=FIRST.end)
    book.record_window(Window(START, START + HOUR / 2), [row(1)], cursor=START + HOUR / 2)

    assert book.cursor == FIRST.end
    assert book.state().watermark == FIRST.end


def test_an_idle_poll_commits_nothing_until_the_cursor_is_an_hour_ahead(book: AccountBook, ledger: Ledger) -> None:
    book.record_window(FIRST, [row(1)], cursor=FIRST.end)
    before = revision(ledger)
    tail = Window(START, FIRST.end + HOUR - timedelta(seconds=1))

    book.record_window(tail, [row(1)], cursor=tail.end)
    assert (revision(ledger), book.cursor) == (before, tail.end)

    whole = Window(START, FIRST.end + HOUR)
    book.record_window(whole, [row(1)], cursor=whole.end)
    assert (revision(ledger), book.cursor) == (before + 1, whole.end)


def test_the_cursor_of_idle_polls_is_saved_at_close(book: AccountBook, reopen: Callable[[], Ledger]) -> None:
    ledger = reopen()
    book = ledger.account("main", since=START)
    window = Window(START, START + timedelta(minutes=5))
    book.record_window(window, [], cursor=window.end)
    ledger.close()

    assert reopen().account("main", since=START).cursor == window.end


def test_a_kill_after_idle_polls_costs_only_a_reread(book: AccountBook, reopen: Callable[[], Ledger]) -> None:
    window = Window(START, START + timedelta(minutes=5))
    book.record_window(window, [], cursor=window.end)

    assert reopen().account("main", since=START).cursor == START


def test_an_amendment_is_counted_and_logged_once_and_not_entered(book: AccountBook) -> None:
    book.record_window(FIRST, [row(1, "1")], cursor=FIRST.end)

    with capture_logs() as logs:
        assert book.record_window(FIRST, [row(1, "1.1")]) == recorded(amended=1)
        assert book.record_window(FIRST, [row(1, "1.1")]) == recorded(known=1)

    assert [(entry["entered"], entry["now"]) for entry in logs] == [("1", "1.1")]
    assert sums(book)["FUNDING_FEE BTC-USDT USDT"] == ("1", "0", 1)
    assert (book.tally.amended, book.tally.vanished) == (1, 0)


def test_an_amendment_stays_recognised_when_it_is_amended_again_and_taken_back(book: AccountBook) -> None:
    book.record_window(FIRST, [row(1, "1")], cursor=FIRST.end)

    for amount in ("1.1", "1.2", "1.1", "1", "1.2"):
        book.record_window(FIRST, [row(1, amount)])

    assert sums(book)["FUNDING_FEE BTC-USDT USDT"] == ("1", "0", 1)
    assert book.tally.amended == 2


def test_a_vanished_row_is_counted_once_and_kept(book: AccountBook) -> None:
    book.record_window(FIRST, [row(1), row(2)], cursor=FIRST.end)

    with capture_logs() as logs:
        assert book.record_window(FIRST, [row(1)]) == recorded(known=1, vanished=1)
        assert book.record_window(FIRST, [row(1)]) == recorded(known=1)

    assert len(logs) == 1
    assert sums(book)["FUNDING_FEE BTC-USDT USDT"] == ("2", "0", 2)
    assert book.record_window(FIRST, [row(1), row(2)]) == recorded(known=2)


def test_a_row_that_vanishes_after_it_was_amended_is_counted_as_both(book: AccountBook) -> None:
    window = Window(START, START + timedelta(hours=1))
    book.record_window(window, [row(3, "3", tran_id="t3")], cursor=window.end)
    book.record_window(window, [row(3, "4", tran_id="t3")], cursor=window.end)
    assert (book.tally.amended, book.tally.vanished) == (1, 0)

    for _ in range(2):
        book.record_window(window, [], cursor=window.end)
        assert (book.tally.amended, book.tally.vanished) == (1, 1)


def test_an_amendment_that_follows_its_disappearance_is_still_not_entered(book: AccountBook) -> None:
    book.record_window(FIRST, [row(1, "1")], cursor=FIRST.end)
    book.record_window(FIRST, [])

    assert book.record_window(FIRST, [row(1, "1.1")]) == recorded(amended=1)
    assert sums(book)["FUNDING_FEE BTC-USDT USDT"] == ("1", "0", 1)


def test_a_truncated_window_makes_income_incomplete_until_it_is_read_whole(book: AccountBook) -> None:
    book.record_window(FIRST, [row(1)], cursor=FIRST.end, truncated=True, baseline_complete=True)
    assert (book.state().complete, book.tally.gaps, book.gaps) == (False, 1, (FIRST,))

    book.record_window(Window(START, START + HOUR / 2), [row(1)])
    assert not book.state().complete

    book.record_window(FIRST, [row(1), row(2)])
    assert (book.state().complete, book.tally.gaps, book.gaps) == (True, 0, ())


def test_a_window_that_stays_truncated_is_noted_and_logged_once(book: AccountBook, ledger: Ledger) -> None:
    book.record_window(FIRST, [row(1)], cursor=FIRST.end, truncated=True)
    before = revision(ledger)

    with capture_logs() as logs:
        book.record_window(FIRST, [row(1)], truncated=True)
    assert (revision(ledger), logs) == (before, [])

    book.record_window(FIRST, [row(1)])
    with capture_logs() as logs:
        book.record_window(FIRST, [row(1)], truncated=True)
    assert (book.tally.gaps, len(logs)) == (1, 1)


def test_nothing_vanishes_in_a_truncated_window(book: AccountBook) -> None:
    book.record_window(FIRST, [row(1), row(2)], cursor=FIRST.end)

    assert book.record_window(FIRST, [row(1)], truncated=True) == recorded(known=1)


def test_income_is_complete_once_the_baseline_is_and_appears_at_its_total(
    book: AccountBook, clock: ManualClock
) -> None:
    half = Window(START, START + HOUR / 2)
    book.record_window(half, [row(1, "3")], cursor=half.end)
    assert (book.state().totals, book.state().complete) == ((), False)

    rest = Window(half.end, FIRST.end)
    book.record_window(rest, [row(2000, "-1")], cursor=rest.end, baseline_complete=True)

    assert book.state() == IncomeState(
        epoch=START,
        watermark=FIRST.end,
        complete=True,
        baseline_complete=True,
        baseline_ratio=1.0,
        totals=(
            IncomeTotal(
                income_type="FUNDING_FEE",
                symbol="BTC-USDT",
                asset="USDT",
                credited=Decimal(3),
                debited=Decimal(1),
                entries=2,
                created_at=clock.now(),
            ),
        ),
    )


def test_expected_series_exist_at_zero_and_expecting_them_again_costs_nothing(
    book: AccountBook, ledger: Ledger
) -> None:
    book.expect([("FUNDING_FEE", "BTC-USDT", "USDT"), ("TRADING_FEE", "BTC-USDT", "USDT")])
    before = revision(ledger)
    book.expect(iter([("TRADING_FEE", "BTC-USDT", "USDT")]))

    assert revision(ledger) == before
    assert sums(book) == {
        "FUNDING_FEE BTC-USDT USDT": ("0", "0", 0),
        "TRADING_FEE BTC-USDT USDT": ("0", "0", 0),
    }


def test_what_many_series_have_in_common_is_held_once(book: AccountBook) -> None:
    book.expect([("FUNDING_FEE", "BTC-USDT", "USDT"), ("TRADING_FEE", "BTC-USDT", "USDT")])
    one, other = book._mirror.series.values()
    assert one.label.asset is other.label.asset
    assert one.sums is other.sums


def test_an_account_belongs_to_the_first_user_it_is_pinned_to(book: AccountBook, reopen: Callable[[], Ledger]) -> None:
    assert book.pin_user("1200000000000000001")
    assert book.pin_user("1200000000000000001")
    assert not book.pin_user("1200000000000000002")

    assert reopen().account("main", since=START).pinned_user == "1200000000000000001"


def test_a_user_pinned_by_another_process_is_respected(book: AccountBook, reopen: Callable[[], Ledger]) -> None:
    other = reopen().account("main", since=START)
    assert other.pin_user("1")

    assert not book.pin_user("2")
    assert book.pinned_user == "1"


def test_a_pinned_user_and_what_is_expected_are_one_transaction(
    book: AccountBook, reopen: Callable[[], Ledger]
) -> None:
    apart = reopen().account("apart", since=START)
    expected = frozenset({("FUNDING_FEE", "BTC-USDT", "USDT"), ("TRADING_FEE", "BTC-USDT", "USDT")})
    apart.pin_user("1")
    apart.expect(expected)

    assert book.pin_user("1", expecting=expected)

    assert (book.totals(), book.pinned_user) == (apart.totals(), "1")
    assert book._mirror.revision == 1
    book.expect(expected)
    assert book._mirror.revision == 1


def test_nothing_is_expected_for_another_user(book: AccountBook, reopen: Callable[[], Ledger]) -> None:
    reopen().account("main", since=START).pin_user("1")

    assert not book.pin_user("2", expecting=[("ADL", "BTC-USDT", "USDT")])

    assert book.totals() == ()


def test_an_account_is_not_pinned_to_an_empty_id(book: AccountBook) -> None:
    with pytest.raises(ValueError, match="user id"):
        book.pin_user("")


def test_what_another_process_has_entered_is_not_entered_again_and_is_shown(
    book: AccountBook, reopen: Callable[[], Ledger]
) -> None:
    half = Window(START, START + HOUR / 2)
    rows = [row(1), row(2, symbol="ETH-USDT")]
    other = reopen().account("main", since=START)
    other.record_window(half, rows, cursor=half.end, baseline_complete=True)

    assert book.record_window(half, rows, cursor=half.end) == recorded(known=2)
    assert book.state() == other.state()


def test_entries_are_given_back_as_they_came(book: AccountBook) -> None:
    rows = [row(1, "1.5"), row(2, "-0.00000001", "TRANSFER", "", tran_id="", trade_id="", info="")]
    book.record_window(FIRST, [*reversed(rows)], cursor=FIRST.end)

    assert book.entries(FIRST) == tuple(rows)
    assert book.entries(Window(START, START + timedelta(seconds=2))) == (rows[0],)


def test_text_that_not_every_database_can_hold_is_entered_with_a_mark(book: AccountBook) -> None:
    odd = row(1, income_type="A\0", symbol="\ud800", tran_id="\0", trade_id="\udfff", info="\0 MØTH")
    book.record_window(FIRST, [odd], cursor=FIRST.end)

    assert book.record_window(FIRST, [odd]) == recorded(known=1)
    assert book.entries(FIRST)[0].info == "\ufffd MØTH"


def test_totals_are_exact_over_thirty_digits(book: AccountBook) -> None:
    amounts = ["100000000000000000000", "0.00000000000000001388", "0.00000000000000001388"]
    book.record_window(FIRST, [row(1, amount) for amount in amounts], cursor=FIRST.end)

    assert book.totals()[0].credited == Decimal("100000000000000000000.00000000000000002776")


def test_sums_are_what_verify_compares(book: AccountBook, ledger: Ledger) -> None:
    book.record_window(FIRST, [row(1, "2")], cursor=FIRST.end)
    with ledger._database.writing() as connection:
        connection.change("UPDATE series SET credited = '3'")

    (found,) = ledger.verify()

    assert (found.account, found.income_type, found.symbol, found.asset) == (
        "main",
        "FUNDING_FEE",
        "BTC-USDT",
        "USDT",
    )
    assert found.recorded == Sums(credited=Decimal(3), entries=1)
    assert found.entered == Sums(credited=Decimal(2), entries=1)

"""Of which accounts and stretches there are sums, and what is said where there are none."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from support.clock import ManualClock

from exporter.cli.income.extent import extent_of, why_unread
from exporter.ledger import AccountBook, Ledger, Window

NOW = ManualClock().now()
EPOCH = NOW - timedelta(days=10)
HALF = EPOCH + timedelta(days=5)
GAP = Window(HALF, HALF + timedelta(seconds=1))


@pytest.fixture
def book(ledger: Ledger) -> AccountBook:
    return ledger.account("alpha", since=EPOCH)


def read(book: AccountBook, window: Window, *, truncated: bool = False, last: bool = False) -> None:
    book.record_window(window, (), cursor=window.end, truncated=truncated, baseline_complete=last)


def with_gap(book: AccountBook) -> None:
    read(book, Window(EPOCH, GAP.start))
    read(book, GAP, truncated=True)
    read(book, Window(GAP.end, NOW), last=True)


def test_a_history_of_which_nothing_was_read_has_no_sums(book: AccountBook) -> None:
    extent = extent_of(book, start=EPOCH, now=NOW)

    assert (extent.complete, extent.watermark) == (False, None)
    assert extent.told() == (
        "alpha: no totals: nothing of its history has been read; the exporter does that while it runs, "
        "and `bingx-exporter check` says whether the key may."
    )


def test_a_history_that_is_being_read_has_no_sums_and_says_how_far_it_is(book: AccountBook) -> None:
    read(book, Window(EPOCH, HALF))
    extent = extent_of(book, start=EPOCH, now=NOW)

    assert (extent.complete, extent.watermark) == (False, HALF)
    assert extent.told() == (
        f"alpha: no totals: its history has been read up to {HALF.isoformat()} (50 %); "
        "the exporter goes on while it runs."
    )
    assert not extent_of(book, start=EPOCH + timedelta(hours=1), now=NOW).complete


@pytest.mark.parametrize("now", [EPOCH - timedelta(days=1), EPOCH, HALF, NOW])
def test_a_history_is_never_told_as_read_before_it_is(book: AccountBook, now: datetime) -> None:
    read(book, Window(EPOCH, NOW))

    assert "(99 %)" in why_unread(book, now=now)


def test_of_a_book_that_nobody_reads_on_nobody_says_that_it_goes_on(book: AccountBook) -> None:
    left = "it is not in the configuration, or its income is switched off: nothing more is read"
    assert why_unread(book, now=NOW, followed=False) == f"nothing of its history has been read; {left}"

    read(book, Window(EPOCH, HALF))
    half = f"its history has been read up to {HALF.isoformat()} (50 %); {left}"
    assert why_unread(book, now=NOW, followed=False) == half
    assert extent_of(book, start=EPOCH, now=NOW, followed=False).told() == f"alpha: no totals: {half}."

    read(book, Window(HALF, NOW), last=True)
    assert why_unread(book, now=NOW, followed=False) == ""
    assert left not in extent_of(book, start=EPOCH, now=NOW, followed=False).told()
    assert extent_of(book, start=NOW, now=NOW, followed=False).why.endswith(f"for certain; {left}")


def test_a_complete_book_says_from_where_up_to_where(book: AccountBook) -> None:
    read(book, Window(EPOCH, NOW), last=True)
    later = HALF + timedelta(milliseconds=1)

    assert extent_of(book, start=EPOCH, now=NOW).told() == (
        f"alpha: complete from {EPOCH.isoformat()} up to {NOW.isoformat()}."
    )
    assert extent_of(book, start=later, now=NOW).told() == (
        f"alpha: complete from {(HALF + timedelta(seconds=1)).isoformat()} up to {NOW.isoformat()}."
    )


def test_a_complete_book_stays_so_while_nobody_reads_on(book: AccountBook) -> None:
    read(book, Window(EPOCH, NOW), last=True)

    extent = extent_of(book, start=EPOCH, now=NOW + timedelta(days=30))
    assert (extent.complete, extent.watermark) == (True, NOW)


def test_what_begins_after_all_that_was_read_has_no_sums(book: AccountBook) -> None:
    read(book, Window(EPOCH, NOW), last=True)

    assert extent_of(book, start=NOW - timedelta(milliseconds=1), now=NOW).complete
    extent = extent_of(book, start=NOW, now=NOW + timedelta(hours=1))
    assert extent.told() == f"alpha: no totals: nothing after {NOW.isoformat()} has been read for certain."


def test_what_the_exchange_does_not_show_spoils_the_sums_that_it_belongs_to_and_no_others(book: AccountBook) -> None:
    with_gap(book)
    extent = extent_of(book, start=EPOCH, now=NOW)

    assert book.state().complete is False
    assert extent.told() == (
        f"alpha: no totals: the exchange does not show all of its income between {GAP.start.isoformat()} and "
        f"{GAP.end.isoformat()}; there are some with --since={GAP.end.isoformat()}."
    )
    assert not extent_of(book, start=GAP.end - timedelta(milliseconds=1), now=NOW).complete
    assert extent_of(book, start=GAP.end, now=NOW).complete

    read(book, Window(EPOCH, NOW))
    assert extent_of(book, start=EPOCH, now=NOW).complete


def test_several_gaps_are_told_as_one_stretch(book: AccountBook) -> None:
    last = Window(GAP.end + timedelta(days=1), GAP.end + timedelta(days=1, seconds=1))
    with_gap(book)
    read(book, last, truncated=True)

    end = last.end.isoformat()
    between = f"between {GAP.start.isoformat()} and {end}; there are some with --since={end}."
    assert extent_of(book, start=EPOCH, now=NOW).told().endswith(between)
    assert f"between {last.start.isoformat()} and" in extent_of(book, start=GAP.end, now=NOW).told()


def test_a_gap_at_the_end_has_nothing_behind_it(book: AccountBook) -> None:
    read(book, Window(EPOCH, NOW), truncated=True, last=True)

    assert "--since" not in extent_of(book, start=EPOCH, now=NOW).told()

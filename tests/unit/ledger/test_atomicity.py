"""One transaction: a failure at any statement leaves the ledger and the memory of it as they were."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from support.statements import TABLES, before_statements
from unit.ledger.exchange import START, row

from exporter.ledger import AccountBook, Ledger, LedgerError, Opening, Window

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST = Window(START, START + timedelta(hours=1))
BOTH = Window(START, START + timedelta(hours=2))
ROWS = [row(1, "1.5"), row(2, "2"), row(3, "3", tran_id="t3")]
AFTER = [row(2, "2"), row(2, "2"), row(3, "4", tran_id="t3"), row(4000, "-1", "ADL")]  # one vanished, one amended


def everything(ledger: Ledger) -> dict[str, list[tuple[object, ...]]]:
    with ledger._database.reading() as connection:
        return {table: sorted(connection.rows(f"SELECT * FROM {table}"), key=repr) for table in TABLES}


def memory(book: AccountBook) -> tuple[object, ...]:
    return book.totals(), book.cursor, book.tally, book.baseline_complete, book.pinned_user, book.compacted_until


def attempts(ledger: Ledger, book: AccountBook, act: Callable[[], object]) -> int:
    """Let `act` fail at its first statement, then at its second, and so on, until it succeeds; return how often."""
    statement = failures = 0
    before = everything(ledger), memory(book)

    def fail(_statement: str) -> None:
        nonlocal statement
        statement += 1
        if statement > failures:
            raise ledger._database._driver.fault

    while True:
        statement = 0
        try:
            with before_statements(fail):
                act()
        except LedgerError:
            failures += 1
        else:
            return failures
        assert (everything(ledger), memory(book)) == before


def test_a_window_is_recorded_as_a_whole_or_not_at_all(ledger: Ledger) -> None:
    book = ledger.account("main", since=START)
    book.record_window(FIRST, ROWS, cursor=FIRST.end, truncated=True)

    failures = attempts(ledger, book, lambda: book.record_window(BOTH, AFTER, cursor=BOTH.end, baseline_complete=True))

    assert failures > 10
    assert (book.tally.amended, book.tally.vanished, book.tally.gaps, book.tally.late) == (1, 1, 0, 1)
    assert (book.cursor, book.baseline_complete, ledger.verify()) == (BOTH.end, True, [])


def test_so_are_expected_series_a_pinned_user_and_a_saved_cursor(ledger: Ledger) -> None:
    book = ledger.account("main", since=START)
    short = Window(START, START + timedelta(minutes=1))

    assert attempts(ledger, book, lambda: book.expect([("ADL", "BTC-USDT", "USDT")])) > 3
    assert attempts(ledger, book, lambda: book.pin_user("1", expecting=[("SYSTEM", "BTC-USDT", "USDT")])) > 4
    book.record_window(short, [], cursor=short.end)
    assert attempts(ledger, book, book.save_cursor) > 3
    assert (len(book.totals()), book.pinned_user, book.cursor) == (2, "1", short.end)


def test_accounts_are_added_all_or_none(ledger: Ledger) -> None:
    book = ledger.account("main", since=START)
    openings = [Opening(name=name, since=START) for name in ("main", "one", "two", "three")]

    assert attempts(ledger, book, lambda: ledger.accounts(openings)) > 5

    assert [found.name for found in ledger.books()] == ["main", "one", "two", "three"]


def test_a_compaction_is_made_as_a_whole_or_not_at_all(ledger: Ledger) -> None:
    book = ledger.account("main", since=START)
    month = Window(START, START + timedelta(days=30))
    rows = [*ROWS, row(1, "1", "ADL"), row(86400 * 20, "5")]
    book.record_window(month, rows, cursor=month.end, baseline_complete=True)

    assert attempts(ledger, book, lambda: book.compact(month.end)) > 5
    assert (book.compacted_until, ledger.verify()) == (START + timedelta(days=23), [])
    assert (len(book.entries(month)), sum(total.entries for total in book.totals())) == (0, 5)

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from support.statements import before_statements, begins_to_write, found, only
from unit.ledger.exchange import START, row

from exporter.ledger import (
    REASONS,
    LedgerError,
    LedgerUnavailableError,
    NewerSchemaError,
    OlderSchemaError,
    Opening,
    Window,
    open_ledger,
)
from exporter.ledger.migrations import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.clock import ManualClock

    from exporter.ledger import Ledger

FIRST = Window(START, START + timedelta(hours=1))


def test_a_ledger_closes_at_the_end_of_its_block(url: str, clock: ManualClock) -> None:
    with open_ledger(url, clock) as ledger:
        book = ledger.account("main", since=START)

    with pytest.raises(LedgerUnavailableError, match="it has been closed"):
        book.expect([("ADL", "BTC-USDT", "USDT")])


def test_everything_is_there_after_a_restart(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    book = ledger.account("main", since=START)
    book.record_window(FIRST, [row(1), row(2, "-1", "ADL")], cursor=FIRST.end, truncated=True, baseline_complete=True)
    book.record_window(FIRST, [row(1)], truncated=False)

    again = reopen().account("main", since=START)

    assert again.state() == book.state()
    assert (again.tally, again.cursor) == (book.tally, book.cursor)


def test_accounts_opened_together_are_what_they_are_one_by_one(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    known = ledger.account("known", since=START)
    known.record_window(FIRST, [row(1)], cursor=FIRST.end, baseline_complete=True)
    later, kept = START + timedelta(days=1), timedelta(days=90)
    openings = [
        Opening(name="new", since=START, setting="30d"),
        Opening(name="known", since=later, initial_zero=5.0, retention=kept),
        Opening(name="other", since=later),
    ]

    together = reopen().accounts(openings)

    single = reopen()
    one_by_one = [
        single.account("new", since=later, setting="30d"),
        single.account("known", since=later, initial_zero=5.0, retention=kept),
        single.account("other", since=later),
    ]
    assert [book._mirror for book in together] == [book._mirror for book in one_by_one]
    assert [(book.name, book.epoch, book.epoch_changed) for book in together] == [
        ("new", START, False),
        ("known", START, True),
        ("other", later, False),
    ]
    assert together[1].state() == known.state()
    assert (together[1]._zero.seconds, together[1]._retention) == (5.0, kept)


def test_an_account_that_is_named_twice_has_one_book(ledger: Ledger) -> None:
    one, other = ledger.accounts([Opening(name="main", since=START)] * 2)

    assert one is other


def test_new_accounts_are_added_in_one_transaction_and_known_ones_in_none(
    ledger: Ledger, reopen: Callable[[], Ledger]
) -> None:
    said: list[str] = []
    again = reopen()
    openings = [Opening(name=f"a{number}", since=START) for number in range(20)]

    with before_statements(said.append):
        books = ledger.accounts(openings)
        assert sum(map(begins_to_write, said)) == 1
        assert ledger.accounts(openings[:3]) == books[:3]
        assert ledger.accounts(()) == ()
        assert len(again.accounts(openings)) == 20

    assert sum(map(begins_to_write, said)) == 1


def test_very_many_new_accounts_let_other_processes_have_their_turn_in_between(ledger: Ledger) -> None:
    said: list[str] = []

    with before_statements(said.append):
        books = ledger.accounts([Opening(name=f"a{number}", since=START) for number in range(250)])

    assert [book.name for book in books] == [f"a{number}" for number in range(250)]
    assert sum(map(begins_to_write, said)) == 3


def test_a_known_account_is_not_read_again_where_new_ones_are_added(
    ledger: Ledger, reopen: Callable[[], Ledger]
) -> None:
    known = [Opening(name=f"a{number}", since=START) for number in range(20)]
    ledger.accounts(known)
    again = reopen()
    said: list[str] = []

    with before_statements(said.append):
        again.accounts([*known, Opening(name="new", since=START)])

    writing = said[[begins_to_write(statement) for statement in said].index(True) :]
    assert 0 < len(writing) <= 12


def test_the_epoch_is_pinned_at_the_first_start(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    ledger.account("main", since=START)

    later = reopen().account("main", since=START + timedelta(days=1))

    assert (later.epoch, later.epoch_changed) == (START, True)
    assert not reopen().account("main", since=START).epoch_changed


def test_a_duration_that_is_still_the_same_is_no_change(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    ledger.account("main", since=START, setting="90d")

    assert not reopen().account("main", since=START + timedelta(days=1), setting="90d").epoch_changed
    assert reopen().account("main", since=START, setting="30d").epoch_changed


def test_an_account_has_one_book_that_takes_over_new_settings(ledger: Ledger) -> None:
    book = ledger.account("main", since=START, initial_zero=60)

    assert ledger.account("main", since=START + timedelta(days=1), initial_zero=0) is book
    assert book.epoch_changed
    assert ledger.account("other", since=START) is not book


def test_accounts_do_not_mix(ledger: Ledger) -> None:
    one, other = ledger.account("one", since=START), ledger.account("other", since=START)
    one.record_window(FIRST, [row(1)], cursor=FIRST.end)
    other.record_window(FIRST, [row(1, "2")], cursor=FIRST.end)

    assert [[str(total.credited) for total in book.totals()] for book in ledger.books()] == [["1"], ["2"]]


def test_books_of_accounts_that_are_not_in_use_can_be_read(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    ledger.account("gone", since=START).record_window(FIRST, [row(1)], cursor=FIRST.end)

    (book,) = reopen().books()

    assert (book.name, book.totals()[0].entries) == ("gone", 1)


def test_totals_are_in_the_order_of_their_labels_in_whatever_order_they_came(
    ledger: Ledger, reopen: Callable[[], Ledger]
) -> None:
    book = ledger.account("main", since=START)
    for second, kind in enumerate(("TRADING_FEE", "ADL", "FUNDING_FEE")):
        book.record_window(FIRST, [row(second, income_type=kind)], cursor=FIRST.end, truncated=True)

    for opened in (book, reopen().account("main", since=START)):
        assert [total.income_type for total in opened.totals()] == ["ADL", "FUNDING_FEE", "TRADING_FEE"]


def test_workers_of_several_accounts_write_at_once(ledger: Ledger) -> None:
    def work(number: int) -> int:
        book = ledger.account(f"account {number % 4}", since=START)
        known = 0
        for second in range(10):
            book.record_window(FIRST, [row(second, tran_id=f"{number}")], cursor=FIRST.end, truncated=True)
            known += book.state().watermark is not None
        return known

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [10] * 8
    assert [book.totals()[0].entries for book in ledger.books()] == [20] * 4
    assert ledger.verify() == []


def test_an_untouched_ledger_adds_up(ledger: Ledger) -> None:
    ledger.account("main", since=START).record_window(FIRST, [row(1), row(1), row(2, "-3")], cursor=FIRST.end)

    assert ledger.verify() == []


def test_the_view_income_is_for_people(ledger: Ledger) -> None:
    ledger.account("main", since=START).record_window(FIRST, [row(1.5, "-0.03120000")], cursor=FIRST.end)

    with ledger._database.reading() as connection:
        rows = found(connection, "SELECT * FROM income")
        sqlite = connection.kind == "sqlite"

    moment = START + timedelta(seconds=1.5)
    assert rows == [
        {
            "account": "main",
            "time": "2026-09-01T00:00:01.500Z" if sqlite else moment,
            "income_type": "FUNDING_FEE",
            "symbol": "BTC-USDT",
            "asset": "USDT",
            "amount": "-0.0312" if sqlite else Decimal("-0.0312"),
            "tran_id": "t1",
            "trade_id": "d1",
            "info": "Funding Fee",
        }
    ]


def test_each_migration_is_recorded(ledger: Ledger) -> None:
    with ledger._database.reading() as connection:
        numbers = connection.rows("SELECT number, title FROM schema_version ORDER BY number")

    assert numbers == [(n, step.title) for n, step in enumerate(STEPS, start=1)]


def test_a_newer_ledger_is_refused_and_left_alone(ledger: Ledger, url: str, clock: ManualClock) -> None:
    with ledger._database.writing() as connection:
        connection.change("INSERT INTO schema_version VALUES (99, 'from the future', 0)")

    with pytest.raises(NewerSchemaError) as caught:
        open_ledger(url, clock)

    assert str(caught.value) == (
        f"ledger {ledger._database.target}: its schema is version 99, this program knows up to {len(STEPS)}; "
        "run that version again, or restore a backup from before the upgrade"
    )


def test_who_only_asks_does_not_migrate(
    ledger: Ledger, url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(url, clock, migrates=False) as asked:
        assert asked.books() == ()
    newer = (*STEPS, STEPS[-1]._replace(title="one step more", statements=("CREATE TABLE more (id INTEGER)",)))
    monkeypatch.setattr("exporter.ledger.migrations.STEPS", newer)

    with pytest.raises(OlderSchemaError, match="ask with the version that runs"):
        open_ledger(url, clock, migrates=False)

    with ledger._database.reading() as connection:
        assert only(connection, "SELECT max(number) FROM schema_version") == len(STEPS)


def test_a_migration_that_dies_leaves_nothing_behind(
    url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = (STEPS[0]._replace(statements=(*STEPS[0].statements, "CREATE TABLE account (twice)")),)
    with monkeypatch.context() as patch:
        patch.setattr("exporter.ledger.migrations.STEPS", broken)
        with pytest.raises(LedgerError, match=r"syntax error|already exists"):
            open_ledger(url, clock)

    with open_ledger(url, clock) as ledger:
        assert ledger.books() == ()


def test_an_account_that_somebody_removed_is_missed(ledger: Ledger) -> None:
    book = ledger.account("main", since=START)
    with ledger._database.writing() as connection:
        connection.change("DELETE FROM account")

    with pytest.raises(LedgerUnavailableError, match="account 'main' is gone from it"):
        book.record_window(FIRST, [row(1)], cursor=FIRST.end)


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://user:hunter2@host/db", "://", "postgresql+asyncpg://u:hunter2@h/d"]
)
def test_another_kind_of_database_is_refused_without_naming_its_password(url: str, clock: ManualClock) -> None:
    with pytest.raises(LedgerUnavailableError) as caught:
        open_ledger(url, clock)

    assert "postgresql+psycopg://" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_every_reason_is_said_by_one_class() -> None:
    assert sorted(REASONS) == sorted({kind.reason for kind in LedgerError.__subclasses__()})
    assert all(kind.__doc__ and kind.mend for kind in LedgerError.__subclasses__())


def test_totals_are_kept_and_not_added_up_at_the_start(
    ledger: Ledger, reopen: Callable[[], Ledger], url: str, clock: ManualClock
) -> None:
    """However many entries there are, a start reads none of them."""
    book = ledger.account("main", since=START)
    book.record_window(FIRST, [row(1), row(2)], cursor=FIRST.end, baseline_complete=True)
    statements: list[str] = []

    with before_statements(statements.append):
        entries = reopen().account("main", since=START).totals()[0].entries

    assert entries == 2
    assert any("FROM series" in statement for statement in statements)
    assert not any("entry" in statement for statement in statements)


def test_the_view_income_total_is_for_people(ledger: Ledger) -> None:
    book = ledger.account("main", since=START)
    days = Window(START, START + timedelta(days=20))
    rows = [row(1, "1.50"), row(2, "-0.25"), row(15 * 86400, "2")]
    book.record_window(days, rows, cursor=days.end, baseline_complete=True)
    book.compact(START + timedelta(days=10))

    with ledger._database.reading() as connection:
        (row_of_view,) = found(connection, "SELECT * FROM income_total")

    assert {name: str(value) for name, value in row_of_view.items()} == {
        "account": "main",
        "income_type": "FUNDING_FEE",
        "symbol": "BTC-USDT",
        "asset": "USDT",
        "credited": "3.5",
        "debited": "0.25",
        "entries": "3",
        "compacted_credited": "1.5",
        "compacted_debited": "0.25",
        "compacted_entries": "2",
    }

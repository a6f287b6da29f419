from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect, text
from unit.ledger.exchange import START, row

from exporter.ledger import (
    REASONS,
    LedgerCorruptError,
    LedgerError,
    LedgerFullError,
    LedgerLockedError,
    LedgerReadOnlyError,
    LedgerUnavailableError,
    NewerSchemaError,
    Window,
    open_ledger,
)
from exporter.ledger.migrations import STEPS
from exporter.ledger.schema import METADATA

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.clock import ManualClock

    from exporter.ledger import Ledger

FIRST = Window(START, START + timedelta(hours=1))


def test_a_new_file_can_be_read_by_its_owner_only(ledger: Ledger, tmp_path: Path) -> None:
    ledger.account("main", since=START)

    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_closing_leaves_one_file_with_everything_in_it(ledger: Ledger, tmp_path: Path) -> None:
    ledger.account("main", since=START).record_window(FIRST, [row(1)], cursor=FIRST.end)
    ledger.close()
    ledger.close()

    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]


def test_a_ledger_closes_at_the_end_of_its_block(url: str, clock: ManualClock) -> None:
    with open_ledger(url, clock) as ledger:
        book = ledger.account("main", since=START)

    with pytest.raises(LedgerUnavailableError, match="it has been closed"):
        book.expect([("ADL", "BTC-USDT", "USDT")])


def test_commits_survive_a_loss_of_power(ledger: Ledger) -> None:
    with ledger._database.reading() as connection:
        pragmas = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]

    assert pragmas == ["wal", 2]


def test_everything_is_there_after_a_restart(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    book = ledger.account("main", since=START)
    book.record_window(FIRST, [row(1), row(2, "-1", "ADL")], cursor=FIRST.end, truncated=True, baseline_complete=True)
    book.record_window(FIRST, [row(1)], truncated=False)

    again = reopen().account("main", since=START)

    assert again.state() == book.state()
    assert (again.tally, again.cursor) == (book.tally, book.cursor)


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
        rows = connection.execute(text("SELECT * FROM income")).mappings().all()

    assert [dict(found) for found in rows] == [
        {
            "account": "main",
            "time": "2026-09-01T00:00:01.500Z",
            "income_type": "FUNDING_FEE",
            "symbol": "BTC-USDT",
            "asset": "USDT",
            "amount": "-0.0312",
            "tran_id": "t1",
            "trade_id": "d1",
            "info": "Funding Fee",
        }
    ]


def test_the_tables_are_what_the_code_thinks_they_are(ledger: Ledger) -> None:
    with ledger._database.reading() as connection:
        there = inspect(connection)
        for table in METADATA.tables.values():
            columns = {column["name"]: bool(column["nullable"]) for column in there.get_columns(table.name)}
            declared = {column.name: bool(column.nullable) for column in table.columns}
            assert columns.keys() == declared.keys()
            assert {name for name in declared if declared[name]} == {
                name for name in columns if columns[name] and not table.columns[name].primary_key
            }
            key = there.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [column.name for column in table.primary_key]


def test_each_migration_is_recorded(ledger: Ledger) -> None:
    with ledger._database.reading() as connection:
        numbers = connection.execute(text("SELECT number, title FROM schema_version ORDER BY number")).all()

    assert [tuple(found) for found in numbers] == [(n, step.title) for n, step in enumerate(STEPS, start=1)]


def test_a_newer_ledger_is_refused_and_left_alone(ledger: Ledger, url: str, clock: ManualClock) -> None:
    with ledger._database.writing() as connection:
        connection.execute(text("INSERT INTO schema_version VALUES (99, 'from the future', 0)"))

    with pytest.raises(NewerSchemaError) as caught:
        open_ledger(url, clock)

    assert str(caught.value) == (
        f"ledger {url.removeprefix('sqlite:///')}: its schema is version 99, this program knows up to {len(STEPS)}; "
        "run that version again, or restore a backup from before the upgrade"
    )


def test_a_migration_that_dies_leaves_nothing_behind(
    url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = (STEPS[0]._replace(statements=(*STEPS[0].statements, "CREATE TABLE account (twice)")),)
    with monkeypatch.context() as patch:
        patch.setattr("exporter.ledger.migrations.STEPS", broken)
        with pytest.raises(LedgerError, match="already exists"):
            open_ledger(url, clock)

    with open_ledger(url, clock) as ledger:
        assert ledger.books() == ()


def test_a_missing_directory_is_named(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(LedgerUnavailableError) as caught:
        open_ledger(f"sqlite:///{tmp_path}/nowhere/ledger.db", clock)

    assert str(caught.value) == (
        f"ledger {tmp_path}/nowhere/ledger.db: its directory does not exist; create {tmp_path}/nowhere"
    )


def test_a_directory_is_no_ledger(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(LedgerUnavailableError):
        open_ledger(f"sqlite:///{tmp_path}", clock)


def test_a_path_through_a_file_is_unavailable(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(LedgerError) as caught:
        open_ledger(f"sqlite:///{tmp_path}/{'x' * 300}.db", clock)

    assert caught.value.reason == "unavailable"


def test_a_file_that_is_no_database_is_corrupt(tmp_path: Path, clock: ManualClock) -> None:
    Path(tmp_path, "ledger.db").write_bytes(b"this is a letter, not a database" * 100)

    with pytest.raises(LedgerCorruptError) as caught:
        open_ledger(f"sqlite:///{tmp_path}/ledger.db", clock)

    assert caught.value.reason == "corrupt"


def test_a_ledger_without_space_says_so_and_keeps_what_it_has(ledger: Ledger) -> None:
    book = ledger.account("main", since=START)
    with ledger._database.reading() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    many = [row(n, tran_id=f"{n}" * 20) for n in range(1000)]

    with pytest.raises(LedgerFullError, match="make space on the disk"):
        book.record_window(FIRST, many, cursor=FIRST.end)
    assert (book.cursor, book.totals()) == (START, ())

    with ledger._database.reading() as connection:
        connection.execute(text("PRAGMA max_page_count = 1000000"))
    assert book.record_window(FIRST, many, cursor=FIRST.end).new == 1000


def test_a_ledger_that_may_only_be_read_says_so(ledger: Ledger, tmp_path: Path, clock: ManualClock) -> None:
    ledger.close()
    with (
        open_ledger(f"sqlite:///file:{tmp_path}/ledger.db?mode=ro&uri=true", clock) as read_only,
        pytest.raises(LedgerReadOnlyError),
    ):
        read_only.account("main", since=START)


def test_a_ledger_held_by_another_process_says_so_and_goes_on_later(ledger: Ledger, tmp_path: Path) -> None:
    book = ledger.account("main", since=START)
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(LedgerLockedError):
        book.record_window(FIRST, [row(1)], cursor=FIRST.end)
    other.rollback()
    other.close()

    assert book.record_window(FIRST, [row(1)], cursor=FIRST.end).new == 1


def test_a_cursor_that_cannot_be_saved_does_not_keep_the_ledger_open(ledger: Ledger, tmp_path: Path) -> None:
    window = Window(START, START + timedelta(minutes=1))
    ledger.account("main", since=START).record_window(window, [], cursor=window.end)
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    ledger.close()

    other.rollback()
    other.close()
    with pytest.raises(LedgerUnavailableError):
        ledger.verify()


def test_an_account_that_somebody_removed_is_missed(ledger: Ledger) -> None:
    book = ledger.account("main", since=START)
    with ledger._database.writing() as connection:
        connection.execute(text("DELETE FROM account"))

    with pytest.raises(LedgerUnavailableError, match="account 'main' is gone from it"):
        book.record_window(FIRST, [row(1)], cursor=FIRST.end)


def test_a_ledger_in_memory_serves_all_threads(clock: ManualClock) -> None:
    with open_ledger("sqlite://", clock) as ledger, ThreadPoolExecutor(4) as pool:
        books = list(pool.map(lambda number: ledger.account(f"{number}", since=START), range(8)))
        list(pool.map(lambda book: book.record_window(FIRST, [row(1)], cursor=FIRST.end), books))

        assert [book.totals()[0].entries for book in ledger.books()] == [1] * 8


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

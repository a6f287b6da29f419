"""Connections are lent to a bounded number at a time, kept for the next, and clean when they come back."""

from __future__ import annotations

import gc
import sqlite3
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.statements import looked_up, only

from exporter.ledger import LedgerError, LedgerFullError, LedgerUnavailableError
from exporter.ledger.connection import Connection
from exporter.ledger.database import Database
from exporter.ledger.sqlite import SQLite, SQLiteConnection


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def database(file: Path) -> Database:
    return Database(f"sqlite:///{file}", lock_seconds=1.0)


def in_use(file: Path) -> int:
    return sum(entry.is_symlink() and entry.readlink() == file for entry in Path("/proc/self/fd").iterdir())


def test_as_many_as_are_needed_at_a_time_are_opened_and_few_are_kept(database: Database, file: Path) -> None:
    with ExitStack() as using:
        for _ in range(9):
            using.enter_context(database.reading())
        assert in_use(file) == 9
    assert len(database._pool._idle) == 5

    database.close()
    assert in_use(file) == 0


def test_the_one_used_last_goes_first(database: Database) -> None:
    with database.reading() as first, database.reading() as second:
        pass

    with database.reading() as again, database.reading() as after_that:
        assert (again, after_that) == (first, second)
    database.close()


def test_who_finds_all_in_use_waits_for_one(database: Database) -> None:
    with ThreadPoolExecutor(1) as pool, ExitStack() as using:
        for _ in range(15):
            using.enter_context(database.reading())
        waiting = pool.submit(looked_up, database, "SELECT 7")
        assert wait([waiting], timeout=0.2).not_done
        using.close()
        assert waiting.result(10) == 7
    database.close()


def test_who_waits_for_too_long_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.ledger.pool._PATIENCE_SECONDS", 0.01)
    database = Database("sqlite://", lock_seconds=1.0)

    with database.reading(), pytest.raises(LedgerUnavailableError, match=r"all 1 connections have been in use for 0 s"):
        looked_up(database, "SELECT 1")

    assert looked_up(database, "SELECT 7") == 7
    database.close()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, OSError(28, "full")])
def test_what_ends_within_a_transaction_undoes_it(database: Database, error: BaseException) -> None:
    with database.writing() as connection:
        connection.change("CREATE TABLE anything (id INTEGER)")

    def write_and_end() -> None:
        with database.writing() as connection:
            connection.change("INSERT INTO anything VALUES (1)")
            raise error

    with pytest.raises((KeyboardInterrupt, ValueError, LedgerFullError)):
        write_and_end()
    with database.reading() as again:
        assert again is connection
        assert only(again, "SELECT count(*) FROM anything") == 0
    database.close()


def refuse(*_: object) -> None:
    raise sqlite3.OperationalError


def test_who_cannot_connect_takes_no_place(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.ledger.pool._PATIENCE_SECONDS", 0.01)
    with monkeypatch.context() as patch:
        patch.setattr(SQLite, "connect", refuse)
        for _ in range(20):
            with pytest.raises(LedgerUnavailableError):
                looked_up(database, "SELECT 1")

    assert looked_up(database, "SELECT 7") == 7
    database.close()


def test_where_one_is_dead_all_that_are_idle_are_closed(
    database: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.reading() as first, database.reading() as second:
        pass
    asked = []

    def die(connection: SQLiteConnection) -> bool:
        asked.append(connection)
        return False

    monkeypatch.setattr(SQLiteConnection, "is_alive", die)

    with database.reading() as third:
        assert asked == [first]
        assert third not in {first, second}
        assert in_use(file) == 1
    database.close()


def test_one_that_fails_to_undo_is_closed(database: Database, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gc.disable()
    try:
        with database.reading() as connection:
            monkeypatch.setattr(SQLiteConnection, "rollback", refuse)
        assert connection is not None
        assert in_use(file) == 0
    finally:
        gc.enable()
    monkeypatch.undo()
    database.close()


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        (sqlite3.SQLITE_READONLY, True),
        (sqlite3.SQLITE_CORRUPT, True),
        (sqlite3.SQLITE_CANTOPEN, True),
        (sqlite3.SQLITE_FULL, False),
        (sqlite3.SQLITE_BUSY, False),
    ],
)
def test_what_fails_for_good_ends_the_era_and_nothing_else_does(database: Database, code: int, ends: bool) -> None:
    error = sqlite3.OperationalError("no")
    error.sqlite_errorcode = code

    def read_and_fail() -> Connection:
        with database.reading() as connection:
            used.append(connection)
            raise error

    used: list[Connection] = []
    with pytest.raises(LedgerError):
        read_and_fail()

    with database.reading() as another:
        assert (another is not used[0]) == ends
    database.close()


def test_one_that_cannot_undo_is_not_used_again(database: Database, file: Path) -> None:
    with pytest.raises(LedgerUnavailableError), database.reading() as connection:
        connection.close()

    with database.reading() as another:
        assert another is not connection
        assert only(another, "SELECT 1") == 1
    database.close()
    assert in_use(file) == 0

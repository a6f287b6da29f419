from __future__ import annotations

import errno
import sqlite3

import psycopg
import pytest

from exporter.ledger.errors import LedgerError
from exporter.ledger.faults import translated


def reason_of(error: Exception, fault: type[Exception] = OSError) -> str:
    with pytest.raises(LedgerError) as caught, translated("/var/lib/ledger.db", fault):
        raise error
    assert str(caught.value).startswith("ledger /var/lib/ledger.db: ")
    return caught.value.reason


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (sqlite3.SQLITE_FULL, "full"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "read_only"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "corrupt"),
        (sqlite3.SQLITE_NOTADB, "corrupt"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked"),
        (sqlite3.SQLITE_CANTOPEN, "unavailable"),
        (sqlite3.SQLITE_IOERR_FSYNC, "unavailable"),
    ],
)
def test_sqlite_is_told_by_its_result_code(code: int, reason: str) -> None:
    error = sqlite3.OperationalError("it said no")
    error.sqlite_errorcode = code

    assert reason_of(error, sqlite3.Error) == reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (psycopg.errors.DiskFull(), "full"),
        (psycopg.errors.ReadOnlySqlTransaction(), "read_only"),
        (psycopg.errors.InsufficientPrivilege(), "read_only"),
        (psycopg.errors.DataCorrupted(), "corrupt"),
        (psycopg.errors.LockNotAvailable(), "locked"),
        (psycopg.errors.DeadlockDetected(), "locked"),
        (psycopg.errors.AdminShutdown(), "unavailable"),
        (psycopg.OperationalError("connection refused"), "unavailable"),
    ],
)
def test_postgresql_is_told_by_its_sqlstate(error: psycopg.Error, reason: str) -> None:
    assert reason_of(error, psycopg.Error) == reason


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "full"), (errno.EROFS, "read_only"), (errno.EACCES, "read_only"), (errno.ENOENT, "unavailable")],
)
def test_the_system_is_told_by_its_error_number(number: int, reason: str) -> None:
    assert reason_of(OSError(number, "no")) == reason


def test_every_other_error_of_a_driver_is_told_as_it_stands() -> None:
    assert reason_of(psycopg.InterfaceError("it broke"), psycopg.Error) == "unavailable"
    assert reason_of(sqlite3.ProgrammingError("it broke"), sqlite3.Error) == "unavailable"
    with pytest.raises(LedgerError, match="all 15 are in use"), translated("x"):
        raise TimeoutError("all 15 are in use")  # noqa: TRY003, EM101 - an error as Python makes it


def test_what_is_no_fault_of_the_database_passes() -> None:
    ours = ValueError("ours")

    with pytest.raises(ValueError, match="ours"), translated("x"):
        raise ours


def test_a_long_text_is_cut_and_put_on_one_line() -> None:
    with pytest.raises(LedgerError) as caught, translated("x", sqlite3.Error):
        raise sqlite3.OperationalError("a\n" * 500)

    assert "\n" not in str(caught.value)
    assert len(caught.value.detail) == 200

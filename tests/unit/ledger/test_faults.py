from __future__ import annotations

import errno
import sqlite3

import psycopg
import pytest
from sqlalchemy import exc

from exporter.ledger.errors import LedgerError
from exporter.ledger.faults import translated


def reason_of(error: BaseException) -> str:
    with pytest.raises(LedgerError) as caught, translated("/var/lib/ledger.db"):
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

    assert reason_of(error) == reason
    assert reason_of(exc.OperationalError("INSERT", None, error)) == reason


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
    assert reason_of(exc.DBAPIError("INSERT", None, error)) == reason


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "full"), (errno.EROFS, "read_only"), (errno.EACCES, "read_only"), (errno.ENOENT, "unavailable")],
)
def test_the_system_is_told_by_its_error_number(number: int, reason: str) -> None:
    assert reason_of(OSError(number, "no")) == reason


def test_every_sqlalchemy_error_becomes_one_of_ours() -> None:
    for kind in (exc.TimeoutError, exc.InvalidRequestError, exc.ResourceClosedError, exc.NoSuchModuleError):
        assert reason_of(kind("it broke")) == "unavailable"


def test_what_is_no_fault_of_the_database_passes() -> None:
    ours = ValueError("ours")

    with pytest.raises(ValueError, match="ours"), translated("x"):
        raise ours


def test_a_long_text_is_cut_and_put_on_one_line() -> None:
    with pytest.raises(LedgerError) as caught, translated("x"):
        raise exc.InvalidRequestError("a\n" * 500)

    assert "\n" not in str(caught.value)
    assert len(caught.value.detail) == 200

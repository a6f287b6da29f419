"""The one place where what a database or its driver raises becomes a `LedgerError`.

Nothing here keeps SQL or its parameters: messages carry the driver's own short text, cut and on one line.
"""

from __future__ import annotations

import errno
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from exporter.ledger.errors import (
    LedgerCorruptError,
    LedgerError,
    LedgerFullError,
    LedgerLockedError,
    LedgerReadOnlyError,
    LedgerUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SQLITE: Final[Mapping[int, type[LedgerError]]] = {
    sqlite3.SQLITE_FULL: LedgerFullError,
    sqlite3.SQLITE_READONLY: LedgerReadOnlyError,
    sqlite3.SQLITE_PERM: LedgerReadOnlyError,
    sqlite3.SQLITE_CORRUPT: LedgerCorruptError,
    sqlite3.SQLITE_NOTADB: LedgerCorruptError,
    sqlite3.SQLITE_BUSY: LedgerLockedError,
    sqlite3.SQLITE_LOCKED: LedgerLockedError,
}
"""By SQLite's primary result code: https://www.sqlite.org/rescode.html."""

_POSTGRESQL: Final[Mapping[str, type[LedgerError]]] = {
    "53100": LedgerFullError,  # disk_full
    "25006": LedgerReadOnlyError,  # read_only_sql_transaction
    "42501": LedgerReadOnlyError,  # insufficient_privilege
    "XX001": LedgerCorruptError,  # data_corrupted
    "XX002": LedgerCorruptError,  # index_corrupted
    "55P03": LedgerLockedError,  # lock_not_available
    "40P01": LedgerLockedError,  # deadlock_detected
    "40001": LedgerLockedError,  # serialization_failure
    "23505": LedgerLockedError,  # unique_violation: another process has just written the same row
    "57014": LedgerLockedError,  # query_canceled, by our own time limit
}
"""By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html."""

_SYSTEM: Final[Mapping[int, type[LedgerError]]] = {
    errno.ENOSPC: LedgerFullError,
    errno.EDQUOT: LedgerFullError,
    errno.EROFS: LedgerReadOnlyError,
    errno.EACCES: LedgerReadOnlyError,
    errno.EPERM: LedgerReadOnlyError,
}

_LONGEST_DETAIL: Final = 200


@contextmanager
def translated(target: str, fault: type[Exception] = OSError) -> Iterator[None]:
    """Run the body; what the system, or a driver whose errors are a `fault`, raises leaves as a `LedgerError`."""
    try:
        yield
    except (fault, OSError) as error:
        raise _kind_of(error)(target, _short(error)) from error


def _kind_of(error: Exception) -> type[LedgerError]:
    if isinstance(error, OSError):
        return _SYSTEM.get(error.errno or 0, LedgerUnavailableError)
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate is not None:
        return _POSTGRESQL.get(sqlstate, LedgerUnavailableError)
    # The low byte is the primary code, the rest says more about it.
    return _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, LedgerUnavailableError)


def _short(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error)
    text = " ".join(said.split()) or type(error).__name__
    return text if len(text) <= _LONGEST_DETAIL else f"{text[: _LONGEST_DETAIL - 1]}…"

"""SQLite: a file, or memory."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlencode

from exporter.ledger.connection import Connection, unfolded
from exporter.ledger.errors import LedgerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from exporter.ledger.address import Address

_CACHE: Final = "cache_size = -512"  # KiB: a poll reads the last rows only, and each connection has a cache of its own
_MEETINGS: Final = 10  # of those who open one new file at the same moment, one gets on each time
_IN_MEMORY: Final = ":memory:"
_AT_A_TIME: Final = 15


class SQLite:
    """The driver of one file, which is created with mode 0600; raises `LedgerUnavailableError` if it cannot be."""

    fault = sqlite3.Error
    one_writer = True
    farewell = "PRAGMA wal_checkpoint(TRUNCATE)"  # folds the write-ahead log into the file

    def __init__(self, address: Address, *, lock_seconds: float) -> None:
        self._file, self._is_uri = _file_of(address)
        self.holds_file = self._file != _IN_MEMORY
        # What is in memory lives as long as its one connection, which all threads share in turn.
        self.connections = _AT_A_TIME if self.holds_file else 1
        self._lock_seconds = lock_seconds
        if self.holds_file and not self._is_uri:
            _create(Path(self._file))

    def connect(self) -> SQLiteConnection:
        """Open the file; it is written ahead of, and what is committed survives a loss of power."""
        opened = sqlite3.connect(
            self._file, uri=self._is_uri, timeout=self._lock_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            write_ahead(opened)
            for pragma in ("synchronous = FULL", "foreign_keys = ON", _CACHE):
                opened.execute(f"PRAGMA {pragma}").close()
        except BaseException:
            opened.close()
            raise
        return SQLiteConnection(opened)


class SQLiteConnection(Connection):
    """A connection to a file, or to memory."""

    kind: ClassVar[str] = "sqlite"

    def __init__(self, opened: sqlite3.Connection) -> None:
        self._opened = opened
        self._streams: list[sqlite3.Cursor] = []

    def begin(self, *, writing: bool) -> None:
        """Begin a transaction; one that is for writing waits here for its turn."""
        self.execute("BEGIN IMMEDIATE" if writing else "BEGIN", {})

    def execute(self, statement: str, parameters: Mapping[str, object]) -> sqlite3.Cursor:
        """Run a statement."""
        return self._opened.execute(statement, parameters)

    def execute_many(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement for each of `rows`."""
        self._opened.executemany(statement, rows).close()

    def stream(self, query: str, **parameters: object) -> Generator[tuple[Any, ...], None, None]:
        """Yield what a query finds."""
        cursor = self.execute(*unfolded(query, parameters))
        self._streams.append(cursor)
        yield from cursor

    def locking(self, query: str) -> str:
        """Return the query: who writes is alone."""
        return query

    def keep_others_from_migrating(self) -> None:
        """Do nothing: who writes is alone."""

    def is_alive(self) -> bool:
        """Return true: there is nobody who could end it."""
        return True

    def rollback(self) -> None:
        """Undo the transaction, and end what it has not read to the end: that would go on seeing what it saw."""
        while self._streams:
            self._streams.pop().close()
        self._opened.rollback()

    def close(self) -> None:
        """Close it, and the file."""
        self._opened.close()


def write_ahead(opened: sqlite3.Connection) -> None:
    """Have the file written ahead of; who meets another at that waits for him.

    SQLite refuses the second one at once, whatever its timeout: only the begin of a transaction waits, and that of an
    exclusive one for readers, too. A file has another journal if it is new, or was put back from some kinds of backup.
    """
    for meeting in range(_MEETINGS):
        try:
            opened.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or meeting + 1 == _MEETINGS:
                raise
            opened.execute("BEGIN EXCLUSIVE").close()
            opened.execute("COMMIT").close()
        else:
            return


def _file_of(address: Address) -> tuple[str, bool]:
    """Return what SQLite is to open, and whether that is a URI."""
    name, parameters = address.database, dict(address.parameters)
    is_uri = parameters.pop("uri", "false").lower() in {"true", "1"}
    if is_uri and parameters:
        name += f"?{urlencode(parameters)}"
    elif parameters:
        mend = "write sqlite:////path, or sqlite:///file:/path?mode=ro&uri=true for a URI of SQLite"
        raise LedgerUnavailableError(address.target, f"a file has no parameter {min(parameters)!r}", mend=mend)
    return name or _IN_MEMORY, is_uri


def _create(path: Path) -> None:
    if not path.parent.is_dir():
        raise LedgerUnavailableError(str(path), "its directory does not exist", mend=f"create {path.parent}")
    try:
        # Never opened again if it exists: closing it would drop the locks of SQLite's own connections in this process.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return

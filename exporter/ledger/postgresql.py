"""PostgreSQL, by psycopg 3."""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Final

import psycopg
from psycopg.conninfo import make_conninfo

from exporter.ledger.connection import PARAMETER, Connection, unfolded

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from exporter.ledger.address import Address

_AT_A_TIME: Final = 15
_AT_ONCE: Final = 10_000  # rows in memory at a time; a ledger may hold millions
_MIGRATION_LOCK: Final = 0x62696E6778  # any number that no one else takes for an advisory lock
_CONNECTING: Final[Mapping[str, str]] = {
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "tcp_user_timeout": "30000",
}
"""Parameters of libpq, which those of the URL may replace."""


class PostgreSQL:
    """The driver of one database of a server."""

    fault = psycopg.Error
    connections = _AT_A_TIME
    one_writer = False
    holds_file = False
    farewell = ""

    def __init__(self, address: Address, *, lock_seconds: float) -> None:
        named = {
            "host": address.host,
            "port": address.port,
            "user": address.user,
            "password": address.password,
            "dbname": address.database,
        }
        given = {name: value for name, value in named.items() if value}
        self._parameters = {**_CONNECTING, **given, **address.parameters}
        self._limits = f"SET LOCAL lock_timeout = {int(lock_seconds * 1000)}; SET LOCAL statement_timeout = 60000"

    def connect(self) -> PostgreSQLConnection:
        """Reach the server."""
        conninfo = make_conninfo(**self._parameters)  # as libpq reads it: no parameter of psycopg's own passes
        return PostgreSQLConnection(psycopg.connect(conninfo, autocommit=True), self._limits)


class PostgreSQLConnection(Connection):
    """A connection to a server; `limits` are the statements that bound a transaction, which poolers keep to it."""

    kind: ClassVar[str] = "postgresql"

    def __init__(self, opened: psycopg.Connection[tuple[Any, ...]], limits: str) -> None:
        self._opened = opened
        self._limits = limits
        self._streams = count()

    def begin(self, *, writing: bool) -> None:
        """Begin a transaction, and bound it, with one message."""
        mode = "" if writing else " ISOLATION LEVEL REPEATABLE READ READ ONLY"
        self.execute(f"BEGIN{mode}; {self._limits}", {})

    def execute(self, statement: str, parameters: Mapping[str, object]) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run a statement, or several that have no parameters."""
        if not parameters:  # also as a prepared statement it would be said once a transaction
            return self._opened.execute(statement.encode(), prepare=False)
        return self._opened.execute(_spelled(statement), parameters)

    def execute_many(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement for each of `rows`."""
        with self._opened.cursor() as cursor:
            cursor.executemany(_spelled(statement), rows)

    def stream(self, query: str, **parameters: object) -> Generator[tuple[Any, ...], None, None]:
        """Yield what a query finds, which the server keeps until the transaction ends.

        Nothing is left to be said when a stream is not read to its end, at whatever time that turns out.
        """
        name = f"stream_{next(self._streams)}"
        asked, values = unfolded(query, parameters)
        declaration = f"DECLARE {name} NO SCROLL CURSOR FOR ".encode()
        self._opened.execute(declaration + _spelled(asked), values, prepare=False)
        while rows := self.execute(f"FETCH {_AT_ONCE} FROM {name}", {}).fetchall():
            yield from rows
        self.execute(f"CLOSE {name}", {})

    def commit(self) -> None:
        """Keep what the transaction has done; raises if that was undone since one of its statements had failed."""
        if self.execute("COMMIT", {}).statusmessage != "COMMIT":  # it says ROLLBACK then, and calls it no error
            message = "a statement of the transaction had failed, so that nothing of it was kept"
            raise psycopg.errors.InFailedSqlTransaction(message)

    def locking(self, query: str) -> str:
        """Return the query that locks what it finds."""
        return f"{query} FOR UPDATE"

    def keep_others_from_migrating(self) -> None:
        """Take a lock that has no other meaning."""
        self.rows("SELECT pg_advisory_xact_lock(:key)", key=_MIGRATION_LOCK)

    def is_alive(self) -> bool:
        """Ask the server for nothing."""
        try:
            self._opened.execute(b"")
        except psycopg.Error:
            return False
        return True

    def rollback(self) -> None:
        """Undo the transaction."""
        self._opened.rollback()

    def close(self) -> None:
        """Leave the server."""
        self._opened.close()


@lru_cache(maxsize=256)
def _spelled(statement: str) -> bytes:
    return PARAMETER.sub(r"%(\1)s", statement).encode()

"""The connection to the ledger: SQLite in a file, or PostgreSQL by URL, with one meaning of a transaction.

Owns the engine, how a transaction begins and how its failures are told. It knows no table.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine, QueuePool, create_engine, event, exc, make_url, text

from exporter.ledger.errors import LedgerCorruptError, LedgerReadOnlyError, LedgerUnavailableError
from exporter.ledger.faults import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from sqlalchemy import URL, Connection, TextClause
    from sqlalchemy.pool import ConnectionPoolEntry

_FORMS: Final = "write sqlite:////path/to/ledger.db or postgresql+psycopg://user:password@host/database"
_UNREADABLE: Final = "(url)"
_ONE_STATE: Final[Mapping[str, Any]] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_CACHE: Final = "cache_size = -512"  # KiB: a poll reads the last rows only, and each connection has a cache of its own
_MEETINGS: Final = 10  # of those who open one new file at the same moment, one gets on each time
_MIGRATION_LOCK: Final = 0x62696E6778  # any number that no one else takes for an advisory lock


class Database:
    """An open database; thread-safe. `target` names it without its password.

    A writer waits up to `lock_seconds` for another process to finish. Raises `LedgerError`, here and everywhere.
    """

    def __init__(self, url: str, *, lock_seconds: float) -> None:
        parsed = _parse(url)
        self._sqlite = parsed.get_backend_name() == "sqlite"
        self._in_file = self._sqlite and not _is_in_memory(parsed)
        self.target = _target(parsed)
        # SQLite has one writer at a time: threads of ours take turns here, where waiting is fair and costs nothing.
        self._turn: AbstractContextManager[object] = Lock() if self._sqlite else nullcontext()
        self._closed = False
        self._over = False
        self._era = object()
        with translated(self.target):
            self._engine = _sqlite(parsed, lock_seconds) if self._sqlite else _postgresql(parsed, self.target)
        _set_begin(self._engine, sqlite=self._sqlite, lock_seconds=lock_seconds)
        _set_eras(self._engine, self._current_era)
        self._writing_engine = self._engine.execution_options(writing=True)
        # SQLite's transactions see one state by themselves; PostgreSQL's have to be told to.
        self._reading_engine = self._engine if self._sqlite else self._engine.execution_options(**_ONE_STATE)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the ledger and changes nothing."""
        with self._told(), self._reading_engine.begin() as connection:
            yield connection

    def look_up(self, query: TextClause, parameters: Mapping[str, int]) -> tuple[Any, ...] | None:
        """Return the one row that a query finds, `None` if there is none; it is a transaction of its own.

        For what is asked again and again, by the shortest way: a third of what `reading` takes.
        """
        if not self._sqlite:
            with self.reading() as connection:
                row = connection.execute(query, parameters).one_or_none()
                return None if row is None else tuple(row)
        with self._told(), closing(self._engine.raw_connection()) as connection:
            # Both read ":name". All rows are fetched, since a statement in its midst would keep its transaction open.
            rows: list[tuple[Any, ...]] = connection.cursor().execute(query.text, parameters).fetchall()
            return rows[0] if rows else None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is committed as a whole at the end of the block, or not at all."""
        with self._turn, self._told(), self._writing_engine.begin() as connection:
            yield connection

    def take_turn(self, connection: Connection) -> None:
        """Keep other processes from migrating until this transaction ends; on SQLite it already does."""
        if not self._sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed

    def abandon(self) -> None:
        """Let go of every connection without another word to the database."""
        self._closed = self._over = True
        self._let_go()

    def close(self) -> None:
        """Fold SQLite's write-ahead log into the file and let go of every connection; again does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._sqlite:
                with self._turn, translated(self.target), self._engine.connect() as connection:
                    # Not in a transaction, where a checkpoint is refused: straight to the driver.
                    connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        finally:
            self._over = True
            self._let_go()

    def _current_era(self) -> object:
        """Return what stands for this era; at the end there is none, so that who comes late leaves nothing open."""
        return object() if self._over else self._era

    def _let_go(self) -> None:
        """Close every connection: those that are idle now, those in use as soon as they are given back."""
        self._era = object()
        # The pool goes on, as `engine.dispose` would not let it: what is given back to it late must not be forgotten.
        # It takes those that are in use now for ones beyond its size, and lets as many more be opened.
        self._engine.pool.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Refuse if it is closed, and tell of failures; what failed for good is opened anew the next time."""
        if self._closed:
            raise LedgerUnavailableError(self.target, "it has been closed", mend="open it again")
        try:
            with translated(self.target):
                yield
        except (LedgerReadOnlyError, LedgerCorruptError, LedgerUnavailableError):
            # A connection to a file keeps the rights, and the very file, that it was opened with: somebody may have
            # given the right or put a backup in its place. In memory there is nothing but the connection.
            if self._in_file:
                self._let_go()
            raise


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        # The text may hold a password, and so may the parser's message: neither goes on.
        raise LedgerUnavailableError(_UNREADABLE, "this is no database URL", mend=_FORMS) from None
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise LedgerUnavailableError(_target(parsed), f"{parsed.drivername} is not supported", mend=_FORMS)
    return parsed


def _target(url: URL) -> str:
    if url.drivername.startswith("sqlite"):
        return url.database or ":memory:"
    return url.set(query={}).render_as_string(hide_password=True)


def _sqlite(url: URL, lock_seconds: float) -> Engine:
    connect_args: dict[str, Any] = {"check_same_thread": False, "timeout": lock_seconds, "isolation_level": None}
    if _is_in_memory(url):
        # Lives as long as its one connection, which all threads share in turn.
        engine = create_engine(
            url, hide_parameters=True, poolclass=QueuePool, pool_size=1, max_overflow=0, connect_args=connect_args
        )
    else:
        _create_file(str(url.database))
        # The connection used last goes first: each has a cache of its own, and one is enough for most.
        engine = create_engine(
            url, hide_parameters=True, poolclass=QueuePool, pool_use_lifo=True, connect_args=connect_args
        )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's connection has no common type
        _write_ahead(connection)
        for pragma in ("synchronous = FULL", "foreign_keys = ON", _CACHE):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have the file written ahead of; who meets another at that waits for him.

    SQLite refuses the second one at once, whatever its timeout: only the begin of a transaction waits, and that of an
    exclusive one for readers, too. A file has another journal if it is new, or was put back from some kinds of backup.
    """
    for meeting in range(_MEETINGS):
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or meeting + 1 == _MEETINGS:
                raise
            connection.execute("BEGIN EXCLUSIVE").close()
            connection.execute("COMMIT").close()
        else:
            return


def _is_in_memory(url: URL) -> bool:
    return url.database in {None, "", ":memory:"}


def _create_file(database: str) -> None:
    if database.startswith("file:"):
        return
    path = Path(database)
    if not path.parent.is_dir():
        raise LedgerUnavailableError(database, "its directory does not exist", mend=f"create {path.parent}")
    try:
        # Never opened again if it exists: closing it would drop the locks of SQLite's own connections in this process.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return


def _postgresql(url: URL, target: str) -> Engine:
    try:
        return create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5, "keepalives_idle": 30, "tcp_user_timeout": 30_000} | dict(url.query),
        )
    except ModuleNotFoundError as error:
        mend = "install bingx-exporter[postgresql]"
        raise LedgerUnavailableError(target, "the PostgreSQL driver is not installed", mend=mend) from error


def _set_eras(engine: Engine, current: Callable[[], object]) -> None:
    """Close a connection of an era that is over as soon as it is given back, or else before it is used again.

    It writes to the file that was there when it was opened. And all of a process share what SQLite knows of a file:
    with one of them left, a new connection is as read-only as the old ones.
    """

    @event.listens_for(engine, "do_connect")
    def _stamp(_dialect: object, record: ConnectionPoolEntry, _arguments: object, _parameters: object) -> None:
        record.info["era"] = current()  # before it is opened: it may be over by then

    @event.listens_for(engine, "checkin")
    def _close(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["idle"] = record.info.get("era") is current()
        if not record.info["idle"]:
            record.invalidate()

    @event.listens_for(engine, "checkout")
    def _refuse(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        # One that was just opened is in use: to refuse that as well would not end where eras end one after the other.
        if record.info.get("idle") and record.info["era"] is not current():
            raise exc.DisconnectionError  # and the pool opens it anew


def _set_begin(engine: Engine, *, sqlite: bool, lock_seconds: float) -> None:
    limits = text("SELECT set_config('lock_timeout', :lock, true), set_config('statement_timeout', '60000', true)")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if not sqlite:
            connection.execute(limits, {"lock": str(int(lock_seconds * 1000))})
        elif connection.get_execution_options().get("writing"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("BEGIN")

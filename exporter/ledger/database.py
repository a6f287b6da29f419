"""The database of the ledger: SQLite in a file, or PostgreSQL by URL, with one meaning of a transaction.

Owns how a transaction begins and ends and how its failures are told. It knows no table, and of drivers which to take.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import TYPE_CHECKING

from exporter.ledger.address import SQLITE, Address, address_of
from exporter.ledger.errors import LedgerCorruptError, LedgerReadOnlyError, LedgerUnavailableError
from exporter.ledger.faults import translated
from exporter.ledger.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from exporter.ledger.connection import Connection, Driver


class Database:
    """An open database; thread-safe. `target` names it without its password.

    A writer waits up to `lock_seconds` for another process to finish. Raises `LedgerError`, here and everywhere.
    """

    def __init__(self, url: str, *, lock_seconds: float) -> None:
        address = address_of(url)
        self.target = address.target
        with translated(self.target):
            self._driver = _driver(address, lock_seconds=lock_seconds)
        self._pool = Pool(self._driver)
        # Threads of ours take their turns here, where waiting is fair and costs nothing.
        self._turn: AbstractContextManager[object] = Lock() if self._driver.one_writer else nullcontext()
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the ledger and changes nothing."""
        with self._told(), self._transaction(writing=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is committed as a whole at the end of the block, or not at all."""
        with self._turn, self._told(), self._transaction(writing=True) as connection:
            yield connection

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed

    def abandon(self) -> None:
        """Let go of every connection without another word to the database."""
        self._closed = True
        self._pool.close()

    def close(self) -> None:
        """Leave the database tidy and let go of every connection; again does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._driver.farewell:
                with self._turn, translated(self.target, self._driver.fault), self._pool.connection() as connection:
                    connection.rows(self._driver.farewell)
        finally:
            self._pool.close()

    @contextmanager
    def _transaction(self, *, writing: bool) -> Iterator[Connection]:
        with self._pool.connection() as connection:
            connection.begin(writing=writing)
            yield connection
            connection.commit()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Refuse if it is closed, and tell of failures; what failed for good is opened anew the next time."""
        if self._closed:
            raise LedgerUnavailableError(self.target, "it has been closed", mend="open it again")
        try:
            with translated(self.target, self._driver.fault):
                yield
        except (LedgerReadOnlyError, LedgerCorruptError, LedgerUnavailableError):
            # Somebody may have given the right since, or put a backup in the place of the file.
            if self._driver.holds_file:
                self._pool.end_era()
            raise


def _driver(address: Address, *, lock_seconds: float) -> Driver:
    """Return what reaches the database; only the driver that is needed is imported."""
    if address.kind == SQLITE:
        from exporter.ledger.sqlite import SQLite  # noqa: PLC0415 - paid for by who keeps a file

        return SQLite(address, lock_seconds=lock_seconds)
    try:
        from exporter.ledger.postgresql import PostgreSQL  # noqa: PLC0415 - may not be installed
    except ImportError as error:
        mend = "install bingx-exporter[postgresql]"
        raise LedgerUnavailableError(address.target, "the PostgreSQL driver is not installed", mend=mend) from error
    return PostgreSQL(address, lock_seconds=lock_seconds)

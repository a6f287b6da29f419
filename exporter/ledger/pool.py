"""The open connections to one database: who needs one takes it, and gives it back.

An era ends when connections must no longer be used, since each of them keeps the file, and the rights, that it was
opened with, and a process shares what SQLite knows of a file: with one of them left, new ones are as read-only as the
old. Those that are idle then are closed at once, those in use, or just being opened, as soon as they are given back.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.ledger.connection import Connection, Driver

_KEPT: Final = 5
_PATIENCE_SECONDS: Final = 30.0


class Pool:
    """Connections by `driver`, thread-safe; the one used last goes first, for each has a cache of its own."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._places = BoundedSemaphore(driver.connections)
        self._lock = Lock()
        self._idle: list[Connection] = []
        self._era = object()
        self._over = False

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection; a transaction that is still open at the end of the block is undone.

        Raises the driver's errors, and `TimeoutError` if none is free for half a minute.
        """
        if not self._places.acquire(timeout=_PATIENCE_SECONDS):
            message = f"all {self._driver.connections} connections have been in use for {_PATIENCE_SECONDS:.0f} s"
            raise TimeoutError(message)
        try:
            connection, era = self._taken()
            try:
                yield connection
            finally:
                self._give_back(connection, era)
        finally:
            self._places.release()

    def end_era(self) -> None:
        """Have no connection of now used by anybody who comes later."""
        with self._lock:
            self._era = object()
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """End the last era: who comes late still gets a connection, and nothing of it stays open."""
        self._over = True
        self.end_era()

    def _taken(self) -> tuple[Connection, object]:
        """Return a connection and its era, which may be over by the time that it is open."""
        with self._lock:
            era = self._era
            kept = self._idle.pop() if self._idle else None
        if kept is not None:
            if kept.is_alive():
                return kept, era
            kept.close()
            self.end_era()  # whoever has cut this one has cut those beside it
            era = self._era
        return self._driver.connect(), era

    def _give_back(self, connection: Connection, era: object) -> None:
        try:
            connection.rollback()
        except self._driver.fault:  # there is nothing left to be undone with it
            connection.close()
            return
        with self._lock:
            keeps = era is self._era and not self._over and len(self._idle) < _KEPT
            if keeps:
                self._idle.append(connection)
        if not keeps:
            connection.close()

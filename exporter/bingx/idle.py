"""The idle connections of one host and way out, shared by all threads: the one used last goes first.

So a quiet hour needs few of those that a rush has opened, and the others can be left. This module owns that order; it
opens no connection, and has no clock. urllib3's pools use it in place of their queue.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from math import inf
from typing import Protocol


class Connection(Protocol):
    """A connection, open if it has a socket; `used_at` is when its last request went out, on `Clock.elapsed`."""

    sock: object
    used_at: float

    def close(self) -> None:
        """Give up the socket."""


class Idle:
    """Thread-safe; has the methods of a queue that urllib3's pools call, and never makes anyone wait."""

    def __init__(self, _maxsize: int = 0) -> None:
        """Hold any number: there are as many connections as calls at once, which are bounded elsewhere."""
        self._lock = threading.Lock()
        self._connections: deque[Connection] = deque()
        self._ended = False

    def get(self, block: bool = False, timeout: float | None = None) -> Connection:  # noqa: ARG002, FBT001, FBT002 - a queue's
        """Take the connection used last; raises `queue.Empty` when there is none, and the pool opens one."""
        with self._lock:
            if not self._connections:
                raise queue.Empty
            return self._connections.pop()

    def put(self, connection: Connection | None, block: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - a queue's
        """Keep a connection if it is open, and close it after the end."""
        if connection is None or connection.sock is None:
            return
        with self._lock:
            if not self._ended:
                self._connections.append(connection)
                return
        connection.close()

    def leave(self, moment: float = inf) -> None:
        """Close those that were last used before a moment, by default all."""
        while (one := self._older_than(moment)) is not None:
            one.close()

    def end(self) -> None:
        """Close them all, and from now on each that is put back."""
        with self._lock:
            self._ended = True
        self.leave()

    def qsize(self) -> int:
        """Count them."""
        return len(self._connections)

    def _older_than(self, moment: float) -> Connection | None:
        with self._lock:
            if self._connections and self._connections[0].used_at < moment:
                return self._connections.popleft()
            return None

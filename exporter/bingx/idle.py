"""The idle connections of one host and way out, shared by all threads: the one used last goes first.

So a quiet hour needs few of those that a rush has opened, and what nobody has used for half a minute is closed. This
module owns that order; it opens no connection. urllib3's pools use it in place of their queue.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from typing import Final, Protocol

IDLE_SECONDS: Final = 30.0


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

    def get(self, block: bool = False, timeout: float | None = None) -> Connection:  # noqa: ARG002, FBT001, FBT002 - a queue's
        """Take the connection used last; raises `queue.Empty` when there is none, and the pool opens one."""
        with self._lock:
            if not self._connections:
                raise queue.Empty
            return self._connections.pop()

    def put(self, connection: Connection | None, block: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - a queue's
        """Keep a connection if it is open, and close those that nobody has used for half a minute by then."""
        if connection is None or connection.sock is None:
            return
        with self._lock:
            self._connections.append(connection)
        while (old := self._older_than(connection.used_at - IDLE_SECONDS)) is not None:
            old.close()

    def clear(self) -> None:
        """Close them all."""
        while (one := self._older_than(float("inf"))) is not None:
            one.close()

    def qsize(self) -> int:
        """Count them."""
        return len(self._connections)

    def _older_than(self, moment: float) -> Connection | None:
        with self._lock:
            if self._connections and self._connections[0].used_at < moment:
                return self._connections.popleft()
            return None

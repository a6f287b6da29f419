"""Threads that call, made on demand up to a cap; they never wait for anything but an answer or work.

A fixed pool would starve as soon as as many calls hang as it has threads; a pool that joins at exit would hold up
SIGTERM. These are daemons: a call that hangs at the end of the process ends with it.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from exporter.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

_IDLE_SECONDS: Final = 30.0


class Workers:
    """A pool that takes work only when a thread can begin it at once."""

    def __init__(self, *, cap: int) -> None:
        """Allow at most `cap` threads at a time."""
        self._cap = cap
        self._changed = threading.Condition()
        self._waiting: deque[Callable[[], object]] = deque()
        self._idle = 0
        self._threads = 0
        self._stopping = False
        self._logger = get_logger(__name__)

    def try_begin(self, work: Callable[[], object]) -> bool:
        """Begin `work` on a thread, or return false when all threads are busy or the pool is stopping."""
        with self._changed:
            if self._stopping:
                return False
            if self._idle > len(self._waiting):
                self._waiting.append(work)
                self._changed.notify()
                return True
            if self._threads >= self._cap:
                return False
            self._threads += 1
            name = f"worker-{self._threads}"
        try:
            threading.Thread(target=self._run, args=(work,), name=name, daemon=True).start()
        except RuntimeError:  # the machine gives no more threads: the same as all of them being busy
            with self._changed:
                self._threads -= 1
            return False
        return True

    def stop(self, timeout: float) -> None:
        """Take no more work, end idle threads, and wait up to `timeout` seconds for the busy ones."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._threads == 0, timeout)

    def _run(self, work: Callable[[], object] | None) -> None:
        try:
            while work is not None:
                self._do(work)
                work = self._next()
        finally:
            with self._changed:
                self._threads -= 1
                self._changed.notify_all()

    def _do(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception:  # the boundary of a thread: one failed piece of work must not end it
            self._logger.exception("A poll ended in an error that nobody foresaw")

    def _next(self) -> Callable[[], object] | None:
        with self._changed:
            self._idle += 1
            try:
                self._changed.wait_for(lambda: self._waiting or self._stopping, _IDLE_SECONDS)
            finally:
                self._idle -= 1
            return self._waiting.popleft() if self._waiting and not self._stopping else None

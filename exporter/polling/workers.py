"""Threads that call, made on demand up to a cap; they never wait for anything but an answer or work.

A fixed pool would starve as soon as as many calls hang as it has threads; a pool that joins at exit would hold up
SIGTERM. These are daemons: a call that hangs at the end of the process ends with it.

Threads are made one after the other, and each looks first whether those at work are done in a moment: where answers
come quickly a few threads, with their few connections, do what hundreds would get in each other's way with. Where
calls hang, a thousand threads are there after a second or two.

Work goes to the thread that was busy last. So the others stay idle until they end: a rush makes threads for itself, and
not for good. What has to wait for a thread that is being made, or for one that is soon done, waits in the order of its
priority: in the rush of a start that is a matter of half a second.
"""

from __future__ import annotations

import threading
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct, field

from exporter.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    _Work: TypeAlias = Callable[[], object]

_IDLE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.001


class _Seat(Struct, eq=False):
    """Where an idle thread waits; it leaves without work if it is woken without."""

    work: _Work | None = None
    woken: threading.Event = field(default_factory=threading.Event)


class Workers:
    """A pool that takes work only when there is a thread for it, or one can be made."""

    def __init__(self, *, cap: int) -> None:
        """Allow at most `cap` threads at a time."""
        self._cap = cap
        self._changed = threading.Condition()
        self._idle: list[_Seat] = []
        self._waiting: list[tuple[int, int, _Work]] = []
        self._numbers = count()
        self._threads = 0
        self._making = False
        self._stopping = False
        self._logger = get_logger(__name__)

    def allow(self, cap: int) -> None:
        """Allow at most `cap` threads from now on; those beyond it end with the work that they have."""
        with self._changed:
            self._cap = cap
            self._send_away(self._threads - cap)

    def try_begin(self, work: _Work, *, priority: int = 0) -> bool:
        """Have `work` begun on a thread, or return false when all threads are busy or the pool is stopping.

        Of what waits for a thread, the lowest `priority` goes first.
        """
        with self._changed:
            if self._stopping:
                return False
            if self._idle:
                seat = self._idle.pop()
                seat.work = work
                seat.woken.set()
                return True
            if self._threads - self._making + len(self._waiting) >= self._cap:
                return False
            entry = (priority, next(self._numbers), work)
            heappush(self._waiting, entry)
            if self._making:
                return True
            self._making = True
            self._threads += 1
        return self._make() or not self._take_back(entry)

    def stop(self, timeout: float) -> None:
        """Take no more work, end idle threads, and wait up to `timeout` seconds for the busy ones."""
        with self._changed:
            self._stopping = True
            self._waiting.clear()
            self._send_away(len(self._idle))
            self._changed.wait_for(lambda: self._threads == 0, timeout)

    def _send_away(self, count: int) -> None:
        leaving = self._idle[: max(0, count)]
        del self._idle[: len(leaving)]
        for seat in leaving:
            seat.woken.set()

    def _make(self) -> bool:
        """Make the thread that is counted already, or return false if the machine gives no more of them."""
        started = False
        try:
            threading.Thread(target=self._run, name=f"worker-{self._threads}", daemon=True).start()
            started = True
        except (RuntimeError, MemoryError):
            pass  # the same as all of them being busy
        finally:
            if not started:
                self._making = False
                self._left()
        return started

    def _take_back(self, entry: tuple[int, int, _Work]) -> bool:
        """Return whether nobody has begun the work, and forget it then."""
        with self._changed:
            waiting = entry in self._waiting
            if waiting:
                self._waiting.remove(entry)
                heapify(self._waiting)
            return waiting

    def _run(self) -> None:
        seat = _Seat()
        try:
            work = self._first(seat)
            while work is not None:
                self._do(work)
                work = None  # while it waits, a thread keeps nothing of an account that may have left
                work = self._next(seat)
        finally:
            self._left()

    def _first(self, seat: _Seat) -> _Work | None:
        with self._changed:
            if self._threads > 1:
                self._changed.wait_for(lambda: not self._waiting, _LOOK_SECONDS)
            work = self._taken()
            more = self._making = bool(self._waiting)
            self._threads += more
        if more:
            self._make()
        return work or self._next(seat)

    def _taken(self) -> _Work | None:
        return heappop(self._waiting)[2] if self._waiting else None

    def _left(self) -> None:
        with self._changed:
            self._threads -= 1
            self._changed.notify_all()

    def _do(self, work: _Work) -> None:
        try:
            work()
        except BaseException:  # the boundary of a thread: one failed piece of work must not end it
            self._logger.exception("A poll ended in an error that nobody foresaw")

    def _next(self, seat: _Seat) -> _Work | None:
        with self._changed:
            if (work := self._taken()) is not None:
                return work
            if self._stopping or self._threads > self._cap:
                return None
            seat.woken.clear()
            self._idle.append(seat)
        seat.woken.wait(_IDLE_SECONDS)
        with self._changed:
            if seat in self._idle:
                self._idle.remove(seat)
            work, seat.work = seat.work, None
            return work

"""The one thread that waits: for due times, for slots of the limits, for bans to end, for a free worker.

It owns the queue; tasks come back to it from the workers with the time of their next call.
"""

from __future__ import annotations

import heapq
import threading
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Final

from exporter.bingx.limits import Permit
from exporter.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exporter.bingx.limits import Limits
    from exporter.bingx.paths import Endpoint
    from exporter.clock import Clock
    from exporter.polling.task import Task
    from exporter.polling.workers import Workers

_LONGEST_WAIT: Final = 1.0
_BUSY_WAIT: Final = 0.05
_CRASH_PAUSE: Final = 60.0
_NEVER_ADDED: Final = (-inf, 0)


class Scheduler:
    """Runs tasks when they are due and allowed; `add` and `wake` may be called from any thread."""

    def __init__(
        self,
        *,
        clock: Clock,
        limits: Limits,
        workers: Workers,
        on_wait: Callable[[Endpoint, float], None],
    ) -> None:
        """Tell `on_wait` of every endpoint and time in seconds that a due call waited for the limits."""
        self._clock = clock
        self._limits = limits
        self._workers = workers
        self._on_wait = on_wait
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Task]] = []
        self._due: dict[Task, tuple[float, int]] = {}
        self._running: set[Task] = set()
        self._waiting_since: dict[Task, float] = {}
        self._sequence = count()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._logger = get_logger(__name__)
        self.last_turn = clock.elapsed()

    def start(self) -> None:
        """Begin to run what is added."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Start no further call and wait up to `timeout` seconds for the thread to end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def add(self, tasks: Iterable[Task], *, due: float) -> None:
        """Add tasks whose first call is due at that moment (elapsed seconds)."""
        with self._changed:
            for task in tasks:
                self._push(task, due)
            self._changed.notify_all()

    def wake(self, task: Task, *, due: float) -> None:
        """Bring the next call of a task forward; a call under way, or an earlier due time, stays as it is."""
        with self._changed:
            if task in self._running or self._due.get(task, _NEVER_ADDED)[0] <= due:
                return
            self._push(task, due)
            self._changed.notify_all()

    def _push(self, task: Task, due: float) -> None:
        sequence = next(self._sequence)
        self._due[task] = (due, sequence)
        if due < inf:
            heapq.heappush(self._heap, (due, sequence, task))

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                now = self.last_turn = self._clock.elapsed()
                for task in self._take_due(now):
                    self._start_safely(task, now)
                wait = min(self._heap[0][0] - self._clock.elapsed(), _LONGEST_WAIT) if self._heap else _LONGEST_WAIT
                if wait > 0:
                    self._changed.wait(wait)

    def _take_due(self, now: float) -> list[Task]:
        """Return what is due, the most important first, and among equals who has waited longest for a slot."""
        due: list[tuple[int, float, int, Task]] = []
        while self._heap and self._heap[0][0] <= now:
            at, sequence, task = heapq.heappop(self._heap)
            if self._due.get(task) == (at, sequence) and task not in self._running:
                due.append((task.priority, self._waiting_since.get(task, at), sequence, task))
        due.sort(key=lambda entry: entry[:3])
        return [entry[3] for entry in due]

    def _start_safely(self, task: Task, now: float) -> None:
        try:
            self._start(task, now)
        except Exception:  # the boundary of a thread: one task's fault must not end the polling of all
            self._running.discard(task)
            self._push(task, now + _CRASH_PAUSE)
            self._logger.exception("A poll could not be begun")

    def _start(self, task: Task, now: float) -> None:
        later = task.prepare(now)
        if later is not None:
            self._push(task, later)
            return
        answer = self._limits.reserve(task.caller, task.endpoint, now)
        if not isinstance(answer, Permit):
            self._waiting_since.setdefault(task, now)
            self._push(task, answer.until)
            return
        self._running.add(task)
        if not self._workers.try_begin(lambda: self._step(task, answer)):
            self._running.discard(task)
            self._limits.cancel(answer)
            self._push(task, now + _BUSY_WAIT)
            return
        waited = now - self._waiting_since.pop(task, now)
        if waited > 0:
            self._on_wait(task.endpoint, waited)

    def _step(self, task: Task, permit: Permit) -> None:
        # A step that raises has met a fault of ours: the task says so and is tried again after a pause.
        due = self._clock.elapsed() + _CRASH_PAUSE
        try:
            due = task.step(permit)
        except Exception:
            task.crashed()
            raise
        finally:
            # A permit that the step did not use goes back; a used one is left alone.
            self._limits.cancel(permit)
            with self._changed:
                self._running.discard(task)
                self._push(task, due)
                self._changed.notify_all()

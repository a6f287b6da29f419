"""The one thread that waits: for due times, for slots of the limits, for bans to end, for a free worker.

It owns the queue; tasks come back to it from the workers with the time of their next call. What stands in `_due` is
the queue; the heap and the lanes are only quick ways to its head, and are built anew from it when tasks leave or the
thread has died. The heap holds what is due at a moment, a lane those who wait for a budget.
"""

from __future__ import annotations

import heapq
import threading
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Final

from exporter.bingx.limits import Permit
from exporter.bingx.permits import budget_of, budgets_of
from exporter.logs import get_logger
from exporter.polling.flow import Flow
from exporter.polling.lanes import Lane, Lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

    from exporter.bingx.limits import Caller, Limits
    from exporter.bingx.paths import Endpoint
    from exporter.clock import Clock
    from exporter.polling.lanes import Rank
    from exporter.polling.task import Task
    from exporter.polling.workers import Workers

_LONGEST_WAIT: Final = 1.0
_BUSY_WAIT: Final = 0.05
_CRASH_PAUSE: Final = 60.0
_RETRY_YIELDS: Final = 10.0
_NEVER_ADDED: Final = (-inf, 0)
_LEAST_WAIT: Final = 0.001
_FREE_WORKER: Final = "a free worker"


class Scheduler:
    """Runs tasks when they are due and allowed; `add`, `wake`, `withdraw` and `restart` may be called from any thread.

    Only a step must not withdraw itself: it would wait for its own end.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        limits: Limits,
        workers: Workers,
        on_wait: Callable[[Endpoint, float], None],
        flow: Flow | None = None,
    ) -> None:
        """Tell `on_wait` of every endpoint and time in seconds that a due call waited for the limits.

        `flow` is the tempo in which calls follow each other.
        """
        self._clock = clock
        self._limits = limits
        self._workers = workers
        self._on_wait = on_wait
        self._flow = flow or Flow()
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Task | Lane]] = []
        self._lanes = Lanes()
        self._due: dict[Task, tuple[float, int]] = {}
        self._running: set[Task] = set()
        self._leaving: set[Task] = set()
        self._retired: set[Task] = set()
        self._waiting_since: dict[Task, float] = {}
        self._sequence = count()
        self._stopping = False
        self._thread = self._new_thread()
        self._logger = get_logger(__name__)
        self.last_turn = clock.elapsed()

    def start(self) -> None:
        """Begin to run what is added."""
        self._thread.start()

    def restart(self) -> bool:
        """Begin a new thread if the last one has died though nobody stopped it; return whether that was done.

        It goes on with the same queue. False, too, where the machine gives no thread: ask again.
        """
        with self._changed:
            if self._stopping or self._thread.ident is None or self._thread.is_alive():
                return False
            self._rebuild()
            thread = self._new_thread()
            try:
                thread.start()
            except RuntimeError:
                self._logger.exception("The scheduler cannot be started again")
                return False
            self._thread = thread
            return True

    def stop(self, timeout: float) -> None:
        """Start no further call and wait up to `timeout` seconds for the thread to end."""
        with self._changed:
            self._stopping = True
            thread = self._thread
            self._changed.notify_all()
        if thread.is_alive():
            thread.join(timeout)

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
        """Bring the next call of a task forward; a call under way, or an earlier due time, stays as it is.

        A task that was never added, or has been withdrawn, stays away.
        """
        with self._changed:
            if task in self._running or self._due.get(task, _NEVER_ADDED)[0] <= due:
                return
            self._push(task, due)
            self._changed.notify_all()

    def due(self) -> Mapping[Task, float]:
        """Return when each task is due, in elapsed seconds; one that is under way was due in the past."""
        with self._changed:
            return {task: due for task, (due, _) in self._due.items()}

    def withdraw(self, groups: Mapping[str, Iterable[Task]], *, timeout: float) -> Iterator[set[str]]:
        """Take groups of tasks out for good; yield their names as none of a group's tasks is under way any more.

        None of them is begun from the first step on. A group of which one is still under way after `timeout` seconds
        stays in the queue as it was.
        """
        left = {name: set(tasks) for name, tasks in groups.items()}
        ends_at = self._clock.elapsed() + timeout
        held = set().union(*left.values())
        with self._changed:
            self._leaving |= held
        try:
            while left:
                quiet = self._quiet(left, max(0.0, ends_at - self._clock.elapsed()))
                if not quiet:
                    return
                left = {name: tasks for name, tasks in left.items() if name not in quiet}
                yield quiet
        finally:
            with self._changed:
                self._leaving -= held
                self._rebuild()
                self._changed.notify_all()

    def _quiet(self, groups: Mapping[str, set[Task]], timeout: float) -> set[str]:
        def still() -> set[str]:
            return {name for name, tasks in groups.items() if self._running.isdisjoint(tasks)}

        with self._changed:
            quiet: set[str] = self._changed.wait_for(still, timeout)
            for name in quiet:
                for task in groups[name]:
                    self._due.pop(task, None)
                    self._waiting_since.pop(task, None)
                self._leaving -= groups[name]
            return quiet

    def retire(self, tasks: Iterable[Task]) -> None:
        """Take tasks out for good, without waiting for a call that is under way: it is the last one."""
        leaving = set(tasks)
        with self._changed:
            self._retired |= leaving & self._running
            for task in leaving:
                self._due.pop(task, None)
                self._waiting_since.pop(task, None)
            self._rebuild()

    def _push(self, task: Task, due: float) -> None:
        sequence = next(self._sequence)
        self._due[task] = (due, sequence)
        if due < inf:
            heapq.heappush(self._heap, (due, sequence, task))

    def _rebuild(self) -> None:
        self._lanes.clear()
        self._heap = [(due, sequence, task) for task, (due, sequence) in self._due.items() if due < inf]
        heapq.heapify(self._heap)

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="scheduler", daemon=True)

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except BaseException:  # the boundary of a thread: whoever watches it sees that it is gone
            self._logger.exception("The scheduler has died")

    def _turn(self) -> bool:
        with self._changed:
            if self._stopping:
                return False
            now = self.last_turn = self._clock.elapsed()
            for what in self._take_due(now):
                if isinstance(what, Lane):
                    self._drain(what, now)
                else:
                    self._start_safely(what, now)
            wait = min(self._heap[0][0] - self._clock.elapsed(), _LONGEST_WAIT) if self._heap else _LONGEST_WAIT
            if wait > 0:
                self._changed.wait(wait)
            return True

    def _take_due(self, now: float) -> list[Task | Lane]:
        """Return tasks that are due and lanes that may be open, the most important first."""
        due: list[tuple[Rank, Task | Lane]] = []
        while self._heap and self._heap[0][0] <= now:
            _, sequence, what = heapq.heappop(self._heap)
            if isinstance(what, Lane):
                if self._lanes.holds(what):
                    due.append((what.rank, what))
            elif self._is_next(what, sequence):
                due.append((self._rank(what), what))
        due.sort(key=lambda entry: entry[0])
        return [entry[1] for entry in due]

    def _is_next(self, task: Task, sequence: int) -> bool:
        entry = self._due.get(task)
        return entry is not None and entry[1] == sequence and task not in self._running and task not in self._leaving

    def _rank(self, task: Task) -> Rank:
        """Return who goes first among equals: who has waited longest for a slot.

        Who failed before gives way to those who have waited up to ten seconds less: many accounts that cannot be
        reached ask more often than they should, and must not use up the budget of those that can.
        """
        at, sequence = self._due[task]
        since = self._waiting_since.get(task, at)
        if self._limits.is_retry(task.caller, task.endpoint):
            since += _RETRY_YIELDS
        return task.priority, since, sequence

    def _drain(self, lane: Lane, now: float) -> None:
        """Begin who waits in a lane, until the first who has to wait on."""
        lane.opens_at = now
        while lane.entries and lane.opens_at <= now:
            (_, _, sequence), task = lane.pop()
            if self._is_next(task, sequence):
                self._start_safely(task, now, out_of_lane=True)
        if lane.entries:
            heapq.heappush(self._heap, (lane.opens_at, next(self._sequence), lane))
        else:
            self._lanes.close(lane)

    def _start_safely(self, task: Task, now: float, *, out_of_lane: bool = False) -> None:
        try:
            self._start(task, now, out_of_lane=out_of_lane)
        except BaseException as error:
            # The boundary of a thread: one task's fault must not end the polling of all. Of what ends the thread
            # nevertheless, the task has its pause as well: the next thread must not die of it at once.
            if task not in self._running:
                self._push(task, now + _CRASH_PAUSE)
            if not isinstance(error, Exception):
                raise
            self._logger.exception("A poll could not be begun")

    def _start(self, task: Task, now: float, *, out_of_lane: bool) -> None:
        later = task.prepare(now)
        if later is not None:
            self._push(task, later)
            return
        caller, endpoint = task.caller, task.endpoint
        if self._lanes and not out_of_lane:
            lane = self._lanes.first_of(budgets_of(caller, endpoint))
            if lane is not None:  # nobody overtakes those who wait there
                self._wait(task, lane.budget, now, until=lane.opens_at)
                return
        permit = self._permit(task, caller, now)
        if permit is None:
            return
        if not self._begin(task, permit):
            self._wait_in_lane(task, _FREE_WORKER, until=now + _BUSY_WAIT)
            return
        self._flow.take(caller.address, endpoint, now)
        waited = now - self._waiting_since.pop(task, now)
        if waited > 0:
            self._on_wait(endpoint, waited)

    def _permit(self, task: Task, caller: Caller, now: float) -> Permit | None:
        """Return the right to call, or put the task where it waits for it."""
        opens_at = self._flow.opens_at(caller.address, task.endpoint)
        if opens_at > now:
            self._wait(task, budget_of(caller, task.endpoint), now, until=opens_at)
            return None
        answer = self._limits.reserve(caller, task.endpoint, now)
        if isinstance(answer, Permit):
            return answer
        if answer.budget is None:
            self._waiting_since.setdefault(task, now)
            self._push(task, answer.until)
        else:
            self._wait(task, answer.budget, now, until=max(answer.until, now + _LEAST_WAIT))
        return None

    def _wait(self, task: Task, budget: Hashable, now: float, *, until: float) -> None:
        self._waiting_since.setdefault(task, now)
        self._wait_in_lane(task, budget, until=until)

    def _wait_in_lane(self, task: Task, budget: Hashable, *, until: float) -> None:
        lane = self._lanes.wait(budget, self._rank(task), task, until=until)
        if lane is not None:
            heapq.heappush(self._heap, (until, next(self._sequence), lane))

    def _begin(self, task: Task, permit: Permit) -> bool:
        begun = False
        self._running.add(task)
        try:
            begun = self._workers.try_begin(lambda: self._step(task, permit), priority=task.priority)
        finally:
            if not begun:
                self._running.discard(task)
                self._limits.cancel(permit)
        return begun

    def _step(self, task: Task, permit: Permit) -> None:
        # A step that raises has met a fault of ours: the task says so and is tried again after a pause.
        due = self._clock.elapsed() + _CRASH_PAUSE
        try:
            due = task.step(permit)
        except BaseException:
            task.crashed()
            raise
        finally:
            # A permit that the step did not use goes back; a used one is left alone.
            self._limits.cancel(permit)
            with self._changed:
                self._running.discard(task)
                if task in self._retired:
                    self._retired.discard(task)
                else:
                    self._push(task, due)
                self._changed.notify_all()

"""The thread that waits, with real limits and tasks that only count."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from exporter.bingx.errors import ConnectionFailed
from exporter.bingx.limits import Caller, Limits, Permit, Rule, Scope
from exporter.bingx.paths import Endpoint
from exporter.clock import SystemClock
from exporter.polling.flow import Flow
from exporter.polling.pace import Tempo
from exporter.polling.scheduler import Scheduler
from exporter.polling.workers import Workers

CLOCK = SystemClock()
NEVER = float("inf")


@dataclass(eq=False)
class Counting:
    """A task whose every step is one call that takes no time."""

    limits: Limits
    again: Callable[[], float] = lambda: NEVER
    account: str = "main"
    endpoint: Endpoint = Endpoint.BALANCE
    priority: int = 1
    gate: Callable[[float], float | None] = lambda _: None
    begun: list[float] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)
    wanted: int = 1
    crashes: int = 0

    def crashed(self) -> None:
        self.crashes += 1

    @property
    def caller(self) -> Caller:
        return Caller(user=self.account, address="here", account=self.account)

    def prepare(self, now: float) -> float | None:
        return self.gate(now)

    def step(self, permit: Permit) -> float:
        now = CLOCK.elapsed()
        permit.sent(now)
        self.begun.append(now)
        self.limits.settle(permit, CLOCK.elapsed())
        if len(self.begun) >= self.wanted:
            self.enough.set()
        return self.again()


@pytest.fixture
def limits() -> Limits:
    return Limits()


@dataclass
class Waits:
    told: list[tuple[Endpoint, float]] = field(default_factory=list)

    def __call__(self, endpoint: Endpoint, seconds: float) -> None:
        self.told.append((endpoint, seconds))


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def scheduler(limits: Limits, waits: Waits) -> Iterator[Scheduler]:
    workers = Workers(cap=8)
    scheduler = Scheduler(clock=CLOCK, limits=limits, workers=workers, on_wait=waits)
    scheduler.start()
    yield scheduler
    scheduler.stop(2)
    workers.stop(2)


def test_a_task_runs_when_it_is_due_and_not_before(scheduler: Scheduler, limits: Limits) -> None:
    task = Counting(limits)
    due = CLOCK.elapsed() + 0.2
    scheduler.add([task], due=due)

    assert task.enough.wait(5)
    assert task.begun[0] >= due


def test_a_task_comes_back_when_its_step_says(scheduler: Scheduler, limits: Limits) -> None:
    task = Counting(limits, again=lambda: CLOCK.elapsed() + 0.05, wanted=3)
    scheduler.add([task], due=CLOCK.elapsed())

    assert task.enough.wait(5)
    assert all(later - earlier >= 0.05 for earlier, later in zip(task.begun, task.begun[1:], strict=False))


def test_a_waiting_task_is_woken(scheduler: Scheduler, limits: Limits) -> None:
    task = Counting(limits)
    scheduler.add([task], due=NEVER)
    assert not task.enough.wait(0.1)

    scheduler.wake(task, due=CLOCK.elapsed())

    assert task.enough.wait(5)
    assert len(task.begun) == 1


def test_a_gate_holds_a_task_until_it_opens(scheduler: Scheduler, limits: Limits) -> None:
    opens = CLOCK.elapsed() + 0.2
    task = Counting(limits, gate=lambda now: opens if now < opens else None)
    scheduler.add([task], due=CLOCK.elapsed())

    assert task.enough.wait(5)
    assert task.begun[0] >= opens


def test_calls_of_one_user_stay_within_five_a_second_whatever_is_due(
    scheduler: Scheduler, limits: Limits, waits: Waits
) -> None:
    task = Counting(limits, again=CLOCK.elapsed, wanted=12)
    scheduler.add([task], due=CLOCK.elapsed())

    assert task.enough.wait(10)
    for first, sixth in zip(task.begun, task.begun[5:], strict=False):
        assert sixth - first >= 1
    assert sum(seconds for _, seconds in waits.told) > 1
    assert {endpoint for endpoint, _ in waits.told} == {Endpoint.BALANCE}


def test_the_more_important_task_goes_first_when_both_are_due(limits: Limits, waits: Waits) -> None:
    order: list[str] = []
    workers = Workers(cap=1)
    scheduler = Scheduler(clock=CLOCK, limits=limits, workers=workers, on_wait=waits)

    class Noting(Counting):
        def step(self, permit: Permit) -> float:
            order.append(self.account)
            return super().step(permit)

    tasks = [Noting(limits, account=f"rank {rank}", priority=rank) for rank in (3, 1, 2)]
    scheduler.add(tasks, due=CLOCK.elapsed())
    scheduler.start()
    for task in tasks:
        assert task.enough.wait(5)
    scheduler.stop(2)
    workers.stop(2)

    assert order == ["rank 1", "rank 2", "rank 3"]


def test_a_step_that_raises_is_tried_again_and_stops_nobody(scheduler: Scheduler, limits: Limits) -> None:
    class Broken(Counting):
        def step(self, permit: Permit) -> float:
            super().step(permit)
            message = "a fault of ours"
            raise RuntimeError(message)

    broken, sound = Broken(limits, account="broken"), Counting(limits, account="sound")
    scheduler.add([broken], due=CLOCK.elapsed())
    assert broken.enough.wait(5)
    scheduler.add([sound], due=CLOCK.elapsed())

    assert sound.enough.wait(5)
    assert scheduler.alive
    assert broken.crashes == 1


def test_more_hanging_calls_than_workers_lose_no_slot_of_the_limits(limits: Limits, waits: Waits) -> None:
    release, hanging = threading.Event(), threading.Event()
    workers = Workers(cap=1)
    scheduler = Scheduler(clock=CLOCK, limits=limits, workers=workers, on_wait=waits)

    class Hanging(Counting):
        def step(self, permit: Permit) -> float:
            hanging.set()
            release.wait(5)
            return super().step(permit)

    scheduler.start()
    scheduler.add([Hanging(limits, account="hangs")], due=CLOCK.elapsed())
    assert hanging.wait(5)
    refused = Counting(limits)
    scheduler.add([refused], due=CLOCK.elapsed())
    assert not refused.enough.wait(0.3)

    assert limits.remaining(refused.caller, Endpoint.BALANCE, CLOCK.elapsed()) == 5
    release.set()
    assert refused.enough.wait(5)
    scheduler.stop(2)
    workers.stop(2)


def test_stopping_begins_no_further_call(limits: Limits, waits: Waits) -> None:
    workers = Workers(cap=1)
    scheduler = Scheduler(clock=CLOCK, limits=limits, workers=workers, on_wait=waits)
    scheduler.start()
    scheduler.stop(2)
    task = Counting(limits)

    scheduler.add([task], due=CLOCK.elapsed())

    assert not task.enough.wait(0.2)
    assert not scheduler.alive
    workers.stop(1)


def test_a_task_that_cannot_even_be_asked_stops_nobody(scheduler: Scheduler, limits: Limits) -> None:
    def raise_(_: float) -> float | None:
        message = "a fault of ours"
        raise RuntimeError(message)

    scheduler.add([Counting(limits, account="broken", gate=raise_)], due=CLOCK.elapsed())
    sound = Counting(limits, account="sound", again=lambda: CLOCK.elapsed() + 0.05, wanted=3)
    scheduler.add([sound], due=CLOCK.elapsed())

    assert sound.enough.wait(5)
    assert scheduler.alive


def test_a_machine_without_another_thread_is_a_busy_one(
    limits: Limits, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = Workers(cap=4)
    scheduler = Scheduler(clock=CLOCK, limits=limits, workers=workers, on_wait=waits)
    scheduler.start()
    start, refusals = threading.Thread.start, iter([True, True])

    def scarce(thread: threading.Thread) -> None:
        if thread.name.startswith("worker") and next(refusals, False):
            message = "can't start new thread"
            raise RuntimeError(message)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    task = Counting(limits)
    scheduler.add([task], due=CLOCK.elapsed())

    assert task.enough.wait(5)
    assert scheduler.alive
    scheduler.stop(2)
    workers.stop(2)


def test_a_task_that_is_woken_twice_for_the_same_moment_runs_once(limits: Limits, waits: Waits) -> None:
    workers = Workers(cap=4)
    scheduler = Scheduler(clock=CLOCK, limits=limits, workers=workers, on_wait=waits)
    task = Counting(limits, wanted=2)
    due = CLOCK.elapsed()
    scheduler.add([task], due=due + 5)
    for moment in (due + 1, due, due):
        scheduler.wake(task, due=moment)
    scheduler.add([task], due=due)

    scheduler.start()

    assert not task.enough.wait(0.3)
    assert len(task.begun) == 1
    scheduler.stop(2)
    workers.stop(2)


def test_those_who_wait_for_slots_take_turns(scheduler: Scheduler, limits: Limits) -> None:
    tasks = [Counting(limits, again=CLOCK.elapsed, wanted=10**6) for _ in range(8)]
    scheduler.add(tasks, due=CLOCK.elapsed())

    threading.Event().wait(4.5)

    counts = [len(task.begun) for task in tasks]
    assert sum(counts) >= 20
    assert max(counts) - min(counts) <= 2


def test_who_failed_before_gives_way_while_slots_are_short_and_is_not_forgotten() -> None:
    """An address with room for few calls, and a crowd of accounts that fail and would come back at once."""
    limits = Limits(rules=(Rule(Scope.ADDRESS, calls=10, seconds=0.2),))
    workers = Workers(cap=60)
    scheduler = Scheduler(clock=CLOCK, limits=limits, workers=workers, on_wait=lambda *_: None)

    class Failing(Counting):
        def step(self, permit: Permit) -> float:
            now = CLOCK.elapsed()
            permit.sent(now)
            self.begun.append(now)
            limits.settle(permit, CLOCK.elapsed(), error=ConnectionFailed())
            return CLOCK.elapsed()

    failing = [Failing(limits, account=f"fails {number}") for number in range(40)]
    sound = [Counting(limits, account=f"sound {number}", again=lambda: CLOCK.elapsed() + 0.4) for number in range(10)]
    scheduler.add([*failing, *sound], due=CLOCK.elapsed())
    scheduler.start()
    threading.Event().wait(2.5)  # some 120 slots: forty first calls, and fifty of those that are well
    scheduler.stop(2)
    workers.stop(2)

    waits = [later - earlier for task in sound for earlier, later in pairwise(task.begun)]
    assert max(waits[1:]) < 0.7  # an interval, and the wait for a slot that nobody had yet
    assert min(len(task.begun) for task in sound) >= 3
    assert sum(len(task.begun) for task in failing) > 42


def test_a_crowd_that_waits_for_one_budget_costs_no_more_than_those_who_get_it(waits: Waits) -> None:
    """Else every slot that comes free would have each of the crowd ask for it."""
    limits = Limits(rules=(Rule(Scope.ADDRESS, calls=10, seconds=0.1),))
    asked: list[str] = []

    class Counted(Counting):
        def prepare(self, now: float) -> float | None:
            asked.append(self.account)
            return super().prepare(now)

    workers = Workers(cap=20)
    scheduler = Scheduler(clock=CLOCK, limits=limits, workers=workers, on_wait=waits)
    crowd = [Counted(limits, account=f"a{number}") for number in range(200)]
    scheduler.add(crowd, due=CLOCK.elapsed())
    scheduler.start()
    assert all(task.enough.wait(20) for task in crowd)
    scheduler.stop(2)
    workers.stop(2)

    assert len(asked) <= 200 + 200 + 200  # once each to join, once to go, and now and then the head of the lane in vain
    order = sorted(range(200), key=lambda number: crowd[number].begun[0])
    assert sum(abs(place - number) for place, number in enumerate(order)) / 200 < 10


def test_a_crowd_without_a_free_worker_costs_no_more_than_its_head(limits: Limits, waits: Waits) -> None:
    release, asked = threading.Event(), [0]

    class Hanging(Counting):
        def prepare(self, now: float) -> float | None:
            asked[0] += 1
            return super().prepare(now)

        def step(self, permit: Permit) -> float:
            release.wait(5)
            return super().step(permit)

    workers = Workers(cap=1)
    scheduler = Scheduler(clock=CLOCK, limits=limits, workers=workers, on_wait=waits)
    crowd = [Hanging(limits, account=f"a{number}") for number in range(100)]
    scheduler.add(crowd, due=CLOCK.elapsed())
    scheduler.start()
    threading.Event().wait(0.6)
    assert 100 <= asked[0] <= 130
    release.set()
    assert all(task.enough.wait(20) for task in crowd)
    scheduler.stop(2)
    workers.stop(2)


def test_calls_follow_each_other_in_the_tempo_of_their_pool(limits: Limits, waits: Waits) -> None:
    flow = Flow()
    flow.arrange({("here", Endpoint.BALANCE): Tempo(rate=50, burst=5)})
    workers = Workers(cap=30)
    scheduler = Scheduler(clock=CLOCK, limits=limits, workers=workers, on_wait=waits, flow=flow)
    crowd = [Counting(limits, account=f"a{number}") for number in range(30)]
    other = Counting(limits, endpoint=Endpoint.POSITIONS)
    scheduler.add([*crowd, other], due=CLOCK.elapsed())
    scheduler.start()
    assert all(task.enough.wait(10) for task in (*crowd, other))
    scheduler.stop(2)
    workers.stop(2)

    begun = sorted(task.begun[0] for task in crowd)
    for before, fiftieth in enumerate(begun):
        assert before <= 5 + 50 * (fiftieth - begun[0]) + 0.5
    assert other.begun[0] < begun[-1]


def test_those_who_wait_in_a_lane_leave_when_they_are_withdrawn(limits: Limits, waits: Waits) -> None:
    flow = Flow()
    flow.arrange({("here", Endpoint.BALANCE): Tempo(rate=10, burst=1)})
    workers = Workers(cap=30)
    scheduler = Scheduler(clock=CLOCK, limits=limits, workers=workers, on_wait=waits, flow=flow)
    staying, leaving = ([Counting(limits, account=f"{what}{number}") for number in range(4)] for what in "sl")
    scheduler.add([*leaving, *staying], due=CLOCK.elapsed())
    scheduler.start()
    assert leaving[0].enough.wait(5)
    gone = set().union(*scheduler.withdraw({"l": leaving}, timeout=1))
    calls = [len(task.begun) for task in leaving]

    assert gone == {"l"}
    assert all(task.enough.wait(5) for task in staying)
    assert [len(task.begun) for task in leaving] == calls
    assert sum(calls) <= 2
    scheduler.stop(2)
    workers.stop(2)

"""Tasks that leave for good, and a queue that outlives its thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from support.heard import heard

from exporter.bingx.limits import Caller, Limits, Permit
from exporter.bingx.paths import Endpoint
from exporter.clock import SystemClock
from exporter.polling.scheduler import Scheduler
from exporter.polling.workers import Workers

CLOCK = SystemClock()
NEVER = float("inf")


class FatalError(BaseException):
    """What no `except Exception` catches."""


class MortalClock:
    """The machine's clock, which kills whoever asks it next when it is told to."""

    def __init__(self) -> None:
        self.deadly = threading.Event()

    def now(self) -> datetime:
        return CLOCK.now()

    def elapsed(self) -> float:
        if self.deadly.is_set() and threading.current_thread().name == "scheduler":
            self.deadly.clear()
            raise FatalError
        return CLOCK.elapsed()


@dataclass(eq=False)
class Task:
    """Counts its calls; a step waits for `release`, if there is one."""

    limits: Limits
    account: str = "main"
    again: Callable[[], float] = lambda: NEVER
    release: threading.Event | None = None
    fails: list[type[BaseException]] = field(default_factory=list)
    gate: Callable[[float], float | None] = lambda _: None
    calls: int = 0
    crashes: int = 0
    begun: threading.Event = field(default_factory=threading.Event)
    endpoint: Endpoint = Endpoint.BALANCE
    priority: int = 1

    @property
    def caller(self) -> Caller:
        return Caller(user=self.account, address="here", account=self.account)

    def prepare(self, now: float) -> float | None:
        return self.gate(now)

    def crashed(self) -> None:
        self.crashes += 1

    def step(self, permit: Permit) -> float:
        self.calls += 1
        self.begun.set()
        if self.release is not None:
            self.release.wait(5)
        if self.fails:
            raise self.fails.pop()
        permit.sent(CLOCK.elapsed())
        self.limits.settle(permit, CLOCK.elapsed())
        return self.again()


@dataclass
class House:
    scheduler: Scheduler
    workers: Workers
    limits: Limits
    clock: MortalClock

    def left_behind(self) -> dict[str, int]:
        held = vars(self.scheduler)
        return {name: len(value) for name, value in held.items() if isinstance(value, (dict, set, list))}

    def withdraw(self, tasks: Iterable[Task], *, timeout: float) -> bool:
        return list(self.scheduler.withdraw({"all": tasks}, timeout=timeout)) == [{"all"}]

    def die(self) -> None:
        self.clock.deadly.set()
        self.scheduler.add([], due=0)  # turns it at once
        self.scheduler._thread.join(5)


@pytest.fixture
def house() -> Iterator[House]:
    clock, limits, workers = MortalClock(), Limits(), Workers(cap=8)
    scheduler = Scheduler(clock=clock, limits=limits, workers=workers, on_wait=lambda *_: None)
    scheduler.start()
    yield House(scheduler, workers, limits, clock)
    scheduler.stop(2)
    workers.stop(2)


def soon(seconds: float = 0.0) -> float:
    return CLOCK.elapsed() + seconds


def quiet(seconds: float = 0.2) -> None:
    threading.Event().wait(seconds)


def test_a_withdrawn_task_is_never_begun_again_and_cannot_be_woken(house: House) -> None:
    task, other = Task(house.limits), Task(house.limits, account="other")
    house.scheduler.add([task, other], due=soon(0.2))

    assert house.withdraw([task], timeout=1)
    house.scheduler.wake(task, due=soon())

    assert other.begun.wait(5)
    quiet()
    assert (task.calls, other.calls) == (0, 1)


def test_a_call_under_way_ends_before_its_task_is_gone(house: House) -> None:
    release = threading.Event()
    task = Task(house.limits, release=release, again=soon)
    house.scheduler.add([task], due=soon())
    assert task.begun.wait(5)
    ending = threading.Timer(0.2, release.set)
    ending.start()

    assert house.withdraw([task], timeout=5)

    ending.join()
    quiet()
    assert task.calls == 1
    assert set(house.left_behind().values()) == {0}
    assert house.limits.remaining(task.caller, task.endpoint, soon(1.5)) == 5


def test_a_group_leaves_when_it_is_quiet_and_waits_for_no_other(house: House) -> None:
    release = threading.Event()
    hanging, quick = Task(house.limits, release=release), Task(house.limits, account="quick")
    house.scheduler.add([hanging], due=soon())
    house.scheduler.add([quick], due=soon(60))
    assert hanging.begun.wait(5)

    leaving = house.scheduler.withdraw({"hanging": [hanging], "quick": [quick]}, timeout=30)

    assert next(leaving) == {"quick"}
    release.set()
    assert next(leaving) == {"hanging"}
    assert list(leaving) == []
    assert set(house.left_behind().values()) == {0}


def test_a_call_under_way_is_the_last_of_a_retired_task_and_nobody_waits_for_it(house: House) -> None:
    release = threading.Event()
    task, idle = Task(house.limits, release=release, again=soon), Task(house.limits, account="idle")
    house.scheduler.add([task], due=soon())
    house.scheduler.add([idle], due=soon(0.3))
    assert task.begun.wait(5)

    house.scheduler.retire([task, idle])
    release.set()
    house.scheduler.wake(task, due=soon())

    quiet()
    assert (task.calls, idle.calls) == (1, 0)
    assert set(house.left_behind().values()) == {0}


def test_tasks_that_cannot_leave_in_time_stay_as_if_nothing_had_happened(house: House) -> None:
    release = threading.Event()
    hanging = Task(house.limits, account="hangs", release=release)
    due_meanwhile = Task(house.limits, account="due meanwhile")
    asleep = Task(house.limits, account="asleep")
    house.scheduler.add([hanging], due=soon())
    assert hanging.begun.wait(5)
    house.scheduler.add([due_meanwhile], due=soon(0.1))
    house.scheduler.add([asleep], due=NEVER)
    hanging.again = soon
    every = [hanging, due_meanwhile, asleep]

    assert not house.withdraw(every, timeout=0.3)

    assert due_meanwhile.begun.wait(1)
    house.scheduler.wake(asleep, due=soon())
    assert asleep.begun.wait(1)
    hanging.begun.clear()
    release.set()
    assert hanging.begun.wait(1)


def test_nothing_of_them_is_begun_while_their_leaving_is_waited_for(house: House) -> None:
    release = threading.Event()
    hanging, due_meanwhile = Task(house.limits, account="hangs", release=release), Task(house.limits)
    house.scheduler.add([hanging], due=soon())
    assert hanging.begun.wait(5)
    house.scheduler.add([due_meanwhile], due=soon(0.1))
    ending = threading.Timer(0.3, release.set)
    ending.start()

    assert house.withdraw([hanging, due_meanwhile], timeout=5)

    ending.join()
    assert due_meanwhile.calls == 0


def test_ten_thousand_reloads_leave_nothing_behind(house: House) -> None:
    stays = Task(house.limits, account="stays", gate=lambda now: now + 3600)
    house.scheduler.add([stays], due=soon())
    for number in range(10_000):
        comes = Task(house.limits, account=f"{number % 50}", gate=lambda now: now + 3600)
        house.scheduler.add([comes], due=soon(3600))
        house.scheduler.wake(comes, due=soon(1800))
        assert house.withdraw([comes], timeout=1)

    assert sum(house.left_behind().values()) <= 2  # the one that stays, in the queue and on the heap


def test_a_withdrawn_task_may_come_back(house: House) -> None:
    task = Task(house.limits)
    house.scheduler.add([task], due=soon(60))
    assert house.withdraw([task], timeout=1)

    house.scheduler.add([task], due=soon())

    assert task.begun.wait(5)


def test_a_scheduler_whose_thread_died_goes_on_with_the_same_queue(house: House) -> None:
    release = threading.Event()
    under_way = Task(house.limits, account="under way", release=release, again=soon)
    waiting = [Task(house.limits, account=f"waits {number}") for number in range(5)]
    house.scheduler.add([under_way], due=soon())
    assert under_way.begun.wait(5)
    house.scheduler.add(waiting, due=soon(0.5))
    with heard() as log:
        house.die()
    assert "The scheduler has died" in log.getvalue()
    assert not house.scheduler.alive
    under_way.begun.clear()
    release.set()
    quiet()
    assert not under_way.begun.is_set()

    assert house.scheduler.restart()

    for task in (under_way, *waiting):
        assert task.begun.wait(5)
    quiet()
    assert [task.calls for task in waiting] == [1] * 5
    before = house.scheduler.last_turn
    house.scheduler.add([], due=0)
    quiet()
    assert house.scheduler.last_turn > before


def test_who_was_due_in_the_turn_that_died_is_not_lost(house: House) -> None:
    deaths = iter([True])

    def deadly(_: float) -> float | None:
        if next(deaths, False):
            raise FatalError
        return None

    first = Task(house.limits, account="deadly", gate=deadly)
    others = [Task(house.limits, account=f"other {number}", priority=2) for number in range(3)]
    house.scheduler.add([first, *others], due=soon())
    house.scheduler._thread.join(5)
    assert not house.scheduler.alive
    assert all(other.calls == 0 for other in others)

    assert house.scheduler.restart()

    for other in others:
        assert other.begun.wait(5)
    quiet()
    assert first.calls == 0  # it has its pause: else a deadly task would kill every thread in turn
    house.scheduler.wake(first, due=soon())
    assert first.begun.wait(5)


def test_a_permit_is_given_back_when_the_thread_dies_with_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def deadly(_: object, *, priority: int) -> bool:
        raise FatalError

    with monkeypatch.context() as patch:
        patch.setattr(house.workers, "try_begin", deadly)
        task = Task(house.limits)
        house.scheduler.add([task], due=soon())
        house.scheduler._thread.join(5)

    assert house.limits.remaining(task.caller, task.endpoint, soon()) == 5
    assert house.scheduler.restart()
    house.scheduler.wake(task, due=soon())
    assert task.begun.wait(5)


def test_only_a_thread_that_died_is_started_again(house: House) -> None:
    unborn = Scheduler(clock=CLOCK, limits=house.limits, workers=house.workers, on_wait=lambda *_: None)
    assert not unborn.restart()
    assert not house.scheduler.restart()
    house.scheduler.stop(2)
    assert not house.scheduler.restart()
    assert not house.scheduler.alive


def test_a_machine_without_another_thread_is_asked_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.die()
    start, refusals = threading.Thread.start, iter([True])

    def scarce(thread: threading.Thread) -> None:
        if next(refusals, False):
            message = "can't start new thread"
            raise RuntimeError(message)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)

    assert not house.scheduler.restart()
    assert house.scheduler.restart()
    assert house.scheduler.alive


@pytest.mark.parametrize("kind", [SystemExit, FatalError, RuntimeError])
def test_whatever_a_step_dies_of_it_is_told_and_tried_again(house: House, kind: type[BaseException]) -> None:
    task, sound = Task(house.limits, fails=[kind]), Task(house.limits, account="sound")
    house.scheduler.add([task], due=soon())
    assert task.begun.wait(5)
    task.begun.clear()
    house.scheduler.add([sound], due=soon())
    assert sound.begun.wait(5)
    assert house.withdraw([sound], timeout=1)
    quiet(0.05)

    house.scheduler.wake(task, due=soon())

    assert task.begun.wait(5)
    assert (task.calls, task.crashes) == (2, 1)
    assert house.limits.remaining(task.caller, task.endpoint, soon(1.5)) == 5
    assert house.scheduler.alive


def test_tasks_come_go_and_die_at_random_and_none_is_lost_or_doubled(house: House) -> None:
    """Every task that was not withdrawn goes on, whatever happens to the thread and to others."""
    stay = [Task(house.limits, account=f"stays {number}", again=lambda: soon(0.01)) for number in range(4)]
    house.scheduler.add(stay, due=soon())
    gone: list[tuple[Task, int]] = []
    for number in range(40):
        task = Task(house.limits, account=f"goes {number}", again=lambda: soon(0.005))
        house.scheduler.add([task], due=soon())
        if number % 10 == 5:
            house.die()
            assert house.scheduler.restart()
        task.begun.wait(0.02)
        assert house.withdraw([task], timeout=5)
        gone.append((task, task.calls))
    for task in stay:
        task.begun.clear()
    quiet(1.2)  # five calls a second are allowed

    assert all(task.begun.is_set() for task in stay)
    assert [task.calls for task, _ in gone] == [calls for _, calls in gone]
    assert house.withdraw(stay, timeout=5)
    assert sum(house.left_behind().values()) == 0

"""Threads on demand."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from exporter.polling import workers as module
from exporter.polling.workers import Workers


def eventually(condition: Callable[[], object]) -> None:
    for _ in range(1000):
        if condition():
            return
        threading.Event().wait(0.005)
    pytest.fail("it never came to that")


def begins_soon(workers: Workers, work: Callable[[], object]) -> bool:
    eventually(lambda: workers.try_begin(work))
    return True


@pytest.fixture
def release() -> Iterator[threading.Event]:
    release = threading.Event()
    yield release
    release.set()


def test_work_begins_at_once_while_others_hang(release: threading.Event) -> None:
    workers = Workers(cap=3)
    for _ in range(2):
        assert workers.try_begin(lambda: release.wait(5))
    done = threading.Event()

    assert workers.try_begin(done.set)

    assert done.wait(5)


def test_a_rush_of_quick_work_is_done_by_few_threads_and_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.5)
    workers, done, names = Workers(cap=500), threading.Semaphore(0), set[str]()

    def quick() -> None:
        names.add(threading.current_thread().name)
        done.release()

    for _ in range(400):
        assert workers.try_begin(quick)
    for _ in range(400):
        assert done.acquire(timeout=5)

    assert len(names) < 100
    workers.stop(2)


def test_what_waits_for_a_thread_goes_in_the_order_of_its_priority(
    release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 5.0)
    workers, done, order = Workers(cap=10), threading.Semaphore(0), list[str]()

    def note(name: str) -> None:
        order.append(name)
        done.release()

    assert workers.try_begin(lambda: release.wait(5))
    for name, priority in (("income", 4), ("fees", 3), ("balance", 2), ("positions", 1), ("balance too", 2)):
        assert workers.try_begin(partial(note, name), priority=priority)
    release.set()
    for _ in range(5):
        assert done.acquire(timeout=5)

    assert order == ["positions", "balance", "balance too", "fees", "income"]
    workers.stop(2)


def test_work_that_hangs_keeps_no_other_from_a_thread_of_its_own(release: threading.Event) -> None:
    workers, begun = Workers(cap=100), threading.Semaphore(0)

    def hang() -> None:
        begun.release()
        release.wait(10)

    for _ in range(100):
        assert workers.try_begin(hang)

    for _ in range(100):
        assert begun.acquire(timeout=5)
    assert not workers.try_begin(hang)


def test_where_the_machine_gives_no_thread_work_is_refused_and_the_rest_is_done(
    release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers, done = Workers(cap=5), threading.Semaphore(0)
    assert workers.try_begin(lambda: release.wait(5))
    eventually(lambda: not workers._making)

    def no_thread(_: threading.Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        assert not workers.try_begin(done.release)
        release.set()
        assert begins_soon(workers, done.release)
        assert done.acquire(timeout=5)

    assert begins_soon(workers, done.release)
    assert done.acquire(timeout=5)
    assert not done.acquire(blocking=False)
    workers.stop(2)


def test_beyond_the_cap_work_is_refused_and_not_queued(release: threading.Event) -> None:
    workers = Workers(cap=1)
    begun = threading.Event()

    def hang() -> None:
        begun.set()
        release.wait(5)

    assert workers.try_begin(hang)
    assert begun.wait(5)

    assert not workers.try_begin(lambda: None)


def test_an_idle_thread_is_used_again() -> None:
    workers = Workers(cap=1)
    names: list[str] = []
    for _ in range(5):
        done = threading.Event()

        def note(done: threading.Event = done) -> None:
            names.append(threading.current_thread().name)
            done.set()

        while not workers.try_begin(note):
            pass
        assert done.wait(5)

    assert len(set(names)) == 1


def test_after_a_rush_the_thread_that_was_busy_last_goes_on_and_the_others_end(
    release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_IDLE_SECONDS", 0.3)
    before = threading.active_count()
    workers = Workers(cap=20)
    for _ in range(20):
        assert workers.try_begin(lambda: release.wait(5))
    release.set()
    names: list[str] = []

    for _ in range(60):
        done = threading.Event()

        def note(done: threading.Event = done) -> None:
            names.append(threading.current_thread().name)
            done.set()

        assert begins_soon(workers, note)
        assert done.wait(5)
        threading.Event().wait(0.01)

    assert len(set(names[-20:])) == 1
    assert threading.active_count() <= before + 1
    workers.stop(2)


def test_a_piece_of_work_that_raises_does_not_end_its_thread() -> None:
    workers = Workers(cap=1)
    workers.try_begin(lambda: 1 // 0)
    done = threading.Event()

    while not workers.try_begin(done.set):
        pass

    assert done.wait(5)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_not_even_what_is_no_exception_costs_a_thread(kind: type[BaseException]) -> None:
    def end() -> None:
        raise kind

    workers = Workers(cap=1)
    for _ in range(3):
        assert begins_soon(workers, end)
    done = threading.Event()

    assert begins_soon(workers, done.set)
    assert done.wait(5)
    workers.stop(2)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_all_the_same_makes_room_for_another(
    monkeypatch: pytest.MonkeyPatch, release: threading.Event
) -> None:
    workers = Workers(cap=2)
    assert workers.try_begin(lambda: release.wait(5))
    with monkeypatch.context() as patch:
        patch.setattr(workers, "_do", lambda _: sys.exit())  # kills the thread outside of what guards a piece of work
        before = threading.active_count()
        assert workers.try_begin(lambda: None)
        eventually(lambda: workers._threads == 1 and threading.active_count() <= before)
    done = threading.Event()

    assert workers.try_begin(done.set)
    assert done.wait(5)


def test_a_higher_cap_lets_more_begin_at_once(release: threading.Event) -> None:
    workers = Workers(cap=1)
    assert workers.try_begin(lambda: release.wait(5))
    assert not workers.try_begin(lambda: None)

    workers.allow(3)

    for _ in range(2):
        assert workers.try_begin(lambda: release.wait(5))
    assert not workers.try_begin(lambda: None)


def test_a_lower_cap_ends_idle_threads_and_busy_ones_after_their_work(release: threading.Event) -> None:
    its: set[threading.Thread] = set()

    def hang() -> None:
        its.add(threading.current_thread())
        release.wait(5)

    workers = Workers(cap=4)
    for _ in range(4):
        assert workers.try_begin(hang)
    eventually(lambda: len(its) == 4)

    workers.allow(1)

    assert not workers.try_begin(lambda: None)
    release.set()
    eventually(lambda: sum(thread.is_alive() for thread in its) <= 1)
    assert begins_soon(workers, threading.Event().set)
    hold = threading.Event()
    assert begins_soon(workers, lambda: hold.wait(5))
    assert not workers.try_begin(lambda: None)
    hold.set()
    workers.stop(2)


def test_work_begun_while_the_cap_falls_is_done(release: threading.Event) -> None:
    for _ in range(50):
        workers, done = Workers(cap=3), threading.Semaphore(0)
        begun = sum(workers.try_begin(done.release) for _ in range(3))
        workers.allow(1)
        begun += workers.try_begin(done.release)
        for _ in range(begun):
            assert done.acquire(timeout=5)
        workers.stop(2)


def test_stopping_ends_idle_threads_and_waits_only_so_long_for_busy_ones(release: threading.Event) -> None:
    before = threading.active_count()
    workers = Workers(cap=2)
    idle = threading.Event()
    workers.try_begin(idle.set)
    assert idle.wait(5)
    workers.try_begin(lambda: release.wait(5))

    workers.stop(0.05)

    assert threading.active_count() <= before + 1
    assert not workers.try_begin(lambda: None)


def test_an_idle_thread_keeps_nothing_of_its_last_work() -> None:
    class Account:
        def poll(self) -> None:
            done.set()

    workers, done, account = Workers(cap=1), threading.Event(), Account()
    kept = weakref.ref(account)
    assert workers.try_begin(account.poll)
    del account
    assert done.wait(5)

    eventually(lambda: kept() is None)
    workers.stop(2)

"""Threads on demand."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from exporter.polling.workers import Workers


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


def test_a_piece_of_work_that_raises_does_not_end_its_thread() -> None:
    workers = Workers(cap=1)
    workers.try_begin(lambda: 1 // 0)
    done = threading.Event()

    while not workers.try_begin(done.set):
        pass

    assert done.wait(5)


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

"""Long work that lets the other threads have their turn."""

from __future__ import annotations

from threading import Event, Thread

import pytest
from support.turns import unforced

from exporter.web.status.considerate import considerate


def turns_of_another(*, every: int) -> int:
    """Return how many turns another thread has had when 100 steps are done."""
    ended, ready, turns = Event(), Event(), list[int]()

    def other() -> None:
        ready.set()
        while not ended.wait(0.000_001):
            turns.append(len(turns))

    thread = Thread(target=other, daemon=True)
    thread.start()
    ready.wait(5)
    with unforced():
        before = len(turns)
        for _ in considerate(range(100), every=every):
            sum(range(2_000))
        had = len(turns) - before
        ended.set()
    thread.join(5)
    return had


@pytest.mark.parametrize("every", [1, 3, 1000])
def test_every_step_is_taken_once_and_in_order(every: int) -> None:
    assert list(considerate(range(20), every=every)) == list(range(20))


def test_nothing_to_do_is_done() -> None:
    assert list(considerate((), every=1)) == []


def test_others_have_their_turn_after_each_few_steps() -> None:
    assert turns_of_another(every=1000) < 10
    assert turns_of_another(every=1) > 20

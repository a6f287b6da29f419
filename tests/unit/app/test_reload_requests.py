"""Who hears of the end of a reload, when one that could not be applied comes again, and a machine without threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from support.clock import ManualClock
from support.heard import heard

from exporter.app.reloading import Reloader
from exporter.app.roster import BusyError
from exporter.config import Config, load
from exporter.ledger import LedgerUnavailableError

TEXT = "accounts: [{name: main, api_key: key-0123456789, api_secret: secret-0123456789}]"


class House:
    """Whoever is handed the configurations, and takes them when it is let."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock()
        self.error: BaseException | None = None
        self.begun, self.going = threading.Semaphore(0), threading.Semaphore(0)
        self.is_held = False
        self.taken = 0
        self.failures = 0

    def read(self) -> Config:
        return load(self.path, environ={})

    def take(self, _: Config) -> None:
        self.begun.release()
        if self.is_held:
            assert self.going.acquire(timeout=5)
        if self.error is not None:
            raise self.error
        self.taken += 1

    def failed(self) -> None:
        self.failures += 1


@pytest.fixture
def house(tmp_path: Path) -> House:
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    path.chmod(0o600)
    return House(path)


@pytest.fixture
def reloader(house: House) -> Iterator[Reloader]:
    one = Reloader(
        read=house.read,
        apply=house.take,
        on_failure=house.failed,
        watches=house.read().stamps,
        now=house.clock.elapsed,
    )
    yield one
    house.is_held = False
    house.going.release(9)
    one.stop(2)


def test_who_asks_during_a_reload_is_told_after_the_one_that_saw_the_files_as_they_are_now(
    reloader: Reloader, house: House
) -> None:
    house.is_held = True
    ends: list[tuple[str, int]] = []
    first, second = threading.Event(), threading.Event()

    def told(who: str, event: threading.Event) -> None:
        ends.append((who, house.taken))
        event.set()

    reloader.start()
    reloader.ask(partial(told, "first", first))
    assert house.begun.acquire(timeout=5)
    reloader.ask(partial(told, "second", second))

    house.going.release()
    assert first.wait(5)
    assert house.begun.acquire(timeout=5), "another one for the second"
    assert ends == [("first", 1)]
    house.going.release()

    assert second.wait(5)
    assert ends == [("first", 1), ("second", 2)]


def test_who_cannot_be_told_of_the_end_keeps_nobody_else_from_it(reloader: Reloader, house: House) -> None:
    def fail() -> None:
        message = "nobody is there any more"
        raise OSError(message)

    told = threading.Event()
    house.is_held = True
    reloader.start()
    with heard("info") as said:
        for on_end in (fail, fail, told.set):
            reloader.ask(on_end)
        house.going.release(2)
        assert told.wait(5)
        house.is_held = False

        assert reloader.request() is None

    assert reloader.alive
    assert said.getvalue().count("could not be told") == 2


@pytest.mark.parametrize("error", [BusyError("busy"), LedgerUnavailableError("away", detail="gone")])
def test_what_could_not_be_applied_comes_again_after_half_a_minute_and_then_ever_more_rarely(
    reloader: Reloader, house: House, error: Exception
) -> None:
    house.error = error
    house.path.write_text(TEXT + "\n")
    reloader._have_files_changed()
    assert reloader._have_files_changed()
    pauses = []
    for number in range(6):
        reloader._reload(number)
        begun = house.clock.elapsed()
        assert not any(reloader._have_files_changed() for _ in range(3)), "the file is known"
        while not reloader._is_due() and house.clock.elapsed() - begun < 1000:
            house.clock.advance(1)
        pauses.append(house.clock.elapsed() - begun)

    assert pauses == [30, 60, 120, 240, 300, 300]
    assert house.failures == 6

    house.error = None
    reloader._reload(7)
    house.clock.advance(3600)
    assert not reloader._is_due()
    house.error = error
    reloader._reload(8)
    house.clock.advance(30)
    assert reloader._is_due(), "it begins anew after a good one"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # its death is the point
def test_a_machine_without_another_thread_is_asked_for_one_again(
    reloader: Reloader, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    house.error = SystemExit()
    reloader.start()
    reloader.ask()
    reloader._thread.join(5)
    house.error = None
    assert not reloader.alive
    with monkeypatch.context() as machine, heard("info") as said:
        machine.setattr(threading.Thread, "start", refuse)
        assert not reloader.restart()
        assert not reloader.restart()
    assert "cannot be started again" in said.getvalue()

    assert reloader.restart()

    assert reloader.request() is None

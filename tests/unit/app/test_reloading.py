"""When a configuration is read anew, and what becomes of whoever asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.clock import ManualClock

from exporter.app.reloading import NotReloadableError, Reloader
from exporter.app.roster import BusyError
from exporter.config import Config, load
from exporter.config.sources import stamps
from exporter.ledger import LedgerError

TEXT = "accounts: [{name: main, api_key: key-0123456789, api_secret: secret-0123456789}]"


class House:
    """Whoever is handed the configurations."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken: list[Config] = []
        self.failures = 0
        self.error: BaseException | None = None
        self.on_take: Callable[[], None] = lambda: None

    def read(self) -> Config:
        return load(self.path, environ={})

    def take(self, config: Config) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append(config)
        self.on_take()

    def failed(self) -> None:
        self.failures += 1


@pytest.fixture
def house(tmp_path: Path) -> House:
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    path.chmod(0o600)
    return House(path)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def reloader(house: House, clock: ManualClock) -> Iterator[Reloader]:
    one = Reloader(
        read=house.read, apply=house.take, on_failure=house.failed, watches=house.read().stamps, now=clock.elapsed
    )
    yield one
    one.stop(1)


def test_whoever_asks_hears_of_the_end(reloader: Reloader, house: House) -> None:
    reloader.start()

    assert reloader.request() is None

    assert len(house.taken) == 1
    assert house.failures == 0


@pytest.mark.parametrize("error", [BusyError("busy"), NotReloadableError("not this"), RuntimeError("a key: 0123")])
def test_what_cannot_be_applied_is_told_and_asked_again(reloader: Reloader, house: House, error: Exception) -> None:
    reloader.start()
    house.error = error

    problem = reloader.request()

    assert problem is not None
    assert ("0123" in problem) is False
    assert house.failures == 1
    assert reloader.alive
    house.error = None
    assert reloader.request() is None


def test_requests_that_come_together_are_all_answered(reloader: Reloader, house: House) -> None:
    reloader.start()
    answers: list[str | None] = []
    askers = [threading.Thread(target=lambda: answers.append(reloader.request())) for _ in range(8)]

    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(5)

    assert answers == [None] * 8


def test_a_file_is_taken_up_when_it_stands_still(reloader: Reloader, house: House) -> None:
    assert not reloader._have_files_changed()
    house.path.write_text(TEXT + "\n")
    assert not reloader._have_files_changed(), "it may still be written"
    house.path.write_text(TEXT + "\n\n")
    assert not reloader._have_files_changed(), "it is still written"
    assert reloader._have_files_changed()


def test_a_file_that_is_bad_is_tried_once_until_it_changes(reloader: Reloader, house: House) -> None:
    house.path.write_text("accounts: [")
    reloader._reload(1)

    assert house.failures == 1
    assert not reloader._have_files_changed()
    assert not reloader._have_files_changed()
    house.path.write_text(TEXT)
    reloader._have_files_changed()
    assert reloader._have_files_changed()


def test_a_key_file_that_is_not_there_yet_is_awaited(reloader: Reloader, house: House) -> None:
    key = house.path.parent / "key"
    house.path.write_text(TEXT.replace("api_key: key-0123456789", f"api_key_file: {key}"))
    reloader._reload(1)
    assert house.failures == 1
    assert not reloader._have_files_changed()

    key.write_text("key-0123456789")
    key.chmod(0o600)

    reloader._have_files_changed()
    assert reloader._have_files_changed()


def test_a_file_that_changes_meanwhile_does_not_wait_for_the_ledgers_turn(reloader: Reloader, house: House) -> None:
    house.error = LedgerError("ledger.db", "away")
    reloader._reload(1)

    house.path.write_text(TEXT + "\n")

    reloader._have_files_changed()
    assert reloader._have_files_changed()


def test_the_thread_takes_the_ledgers_turn_by_itself(reloader: Reloader, house: House, clock: ManualClock) -> None:
    taken = threading.Event()
    house.on_take = taken.set
    house.error = LedgerError("ledger.db", "away")
    reloader._reload(0)
    house.error = None
    clock.advance(31)

    reloader.start()

    assert taken.wait(5)


def test_without_a_watch_on_the_files_nothing_is_tried_again(house: House, clock: ManualClock) -> None:
    house.error = LedgerError("ledger.db", "away")
    reloader = Reloader(read=house.read, apply=house.take, on_failure=house.failed, watches=None, now=clock.elapsed)
    reloader._reload(1)
    clock.advance(3600)
    assert not reloader._is_due()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # its death is the point
def test_a_thread_that_has_died_is_begun_anew(house: House) -> None:
    ended = threading.Event()

    def die() -> Config:
        ended.set()
        raise SystemExit

    reads: list[Callable[[], Config]] = [die]

    def read() -> Config:
        return (reads.pop() if reads else house.read)()

    reloader = Reloader(read=read, apply=house.take, on_failure=house.failed, watches=None, now=ManualClock().elapsed)
    assert not reloader.restart(), "it was never started"
    reloader.start()
    reloader.ask()
    assert ended.wait(5)
    reloader._thread.join(5)
    assert not reloader.alive

    assert reloader.restart()

    assert reloader.request() is None
    reloader.stop(1)
    assert not reloader.restart(), "it was stopped"


def test_a_stamp_tells_a_file_from_its_successor(tmp_path: Path) -> None:
    path, other = tmp_path / "one", tmp_path / "other"
    assert stamps([path]) == {path: None}
    path.write_text("same")
    other.write_text("same")
    before = stamps([path])
    other.replace(path)
    assert stamps([path]) != before

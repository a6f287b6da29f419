"""When the reconciliation may ask: not before the ledger has read the whole history."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest
from support.clock import ManualClock

from exporter.app.desks import StaffedDesk, Surroundings, staff
from exporter.app.exchange import Exchange
from exporter.app.pacing import Pacing
from exporter.bingx.limits import RULES
from exporter.config import load
from exporter.ledger import AccountBook, Ledger, Window, open_ledger
from exporter.model import Balances, CollectorName
from exporter.polling.board import Board, Snapshot


class Deaf:
    """Listens to everything and does nothing."""

    def data_changed(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None: ...

    def hastened(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None: ...

    def statuses_changed(self, account: str, statuses: object) -> None: ...

    def called(self, endpoint: object, seconds: float, reason: str | None) -> None: ...

    def drifted(self, endpoint: object, drift: object) -> None: ...

    def ledger_failed(self, reason: str) -> None: ...

    def history_read(self, account: str, share: float) -> None: ...


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(clock: ManualClock, tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", clock) as ledger:
        yield ledger


@pytest.fixture
def desk(clock: ManualClock, ledger: Ledger, tmp_path: Path) -> StaffedDesk:
    path = tmp_path / "config.yaml"
    on = "collectors: {income: {since: 20d}, reconciliation: {enabled: true}}"
    keys = "api_key: an-api-key-of-some-length, api_secret: a-secret-of-some-length"
    path.write_text(f"accounts: [{{name: main, {keys}, {on}}}]\n")
    path.chmod(0o600)
    (account,) = load(path, environ={}).accounts
    board = Board(Deaf())
    board.open("main", {name: account.collectors.of(name).interval for name in account.collectors.enabled})
    exchange = Exchange(clock=clock, observer=Deaf())
    around = Surroundings(
        exchange=exchange, board=board, clock=clock, ledger=ledger, ends={}, retention=None, onlooker=Deaf()
    )
    pacing = Pacing(clock=clock, rules=RULES)
    pacing.arrange([account])
    staffed = staff(account, pacing.timings(account.name), around)
    staffed.desk.host.crashed()  # nobody waits for the clock of the host any longer
    return staffed


def read(book: AccountBook, clock: ManualClock, *, baseline_complete: bool) -> None:
    until = clock.now().replace(microsecond=0)
    book.record_window(Window(book.epoch, until), (), cursor=until, baseline_complete=baseline_complete)


def test_it_waits_for_the_identity_and_then_for_the_whole_history(
    desk: StaffedDesk, ledger: Ledger, clock: ManualClock
) -> None:
    task = desk.tasks[CollectorName.RECONCILIATION]
    (book,) = ledger.books()
    assert task.prepare(clock.elapsed()) == inf

    desk.desk.identified(Balances(user_id="1200000000000000001", assets=()))
    for baseline_complete in (False, True):
        waits = task.prepare(clock.elapsed())
        assert waits is not None
        assert clock.elapsed() < waits <= clock.elapsed() + 10
        read(book, clock, baseline_complete=baseline_complete)

    assert task.prepare(clock.elapsed()) is None


def test_it_goes_last(desk: StaffedDesk) -> None:
    last = desk.tasks[CollectorName.RECONCILIATION]
    assert all(task.priority < last.priority for task in desk.tasks.values() if task is not last)

"""Who is polled by whom, and what becomes of it when the accounts, the hosts or their pace change."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.clock import ManualClock
from support.heard import heard
from unit.app.crowds import ALLOWED, POSITIONS, House, crowd

from exporter.ledger import open_ledger
from exporter.polling.board import Snapshot
from exporter.polling.task import Task


def test_those_behind_a_host_are_due_as_soon_as_its_clock_was_tried(tmp_path: Path) -> None:
    house = House()
    house.roster.change(crowd(tmp_path, 4, addresses=2), house.around)
    behind: dict[str, list[Task]] = {}
    for one in house.roster.desks:
        behind.setdefault(one.desk.address, []).extend(one.every_task)
    first, other = behind.values()
    later = house.clock.elapsed() + 100
    house.scheduler.retire([*first, *other])
    house.scheduler.add([*first, *other], due=later)
    host = next(one for one in house.exchange.hosts if one.caller.address == first[0].caller.address)
    assert host.not_before(house.clock.elapsed()) is not None

    host._open()  # as after each attempt: test_host.py

    due = house.scheduler.due()
    assert {due[task] for task in first} == {house.clock.elapsed()}
    assert {due[task] for task in other} == {later}


def test_nobody_waits_for_a_poll_longer_than_the_interval_in_force(tmp_path: Path) -> None:
    house = House()
    clock, board, scheduler, pacing = house.clock, house.board, house.scheduler, house.pacing
    roster, around = house.roster, house.around
    roster.change(crowd(tmp_path, 400), around)
    tasks = [one.tasks[POSITIONS] for one in roster.desks[:10]]
    scheduler.add(tasks, due=clock.elapsed() + 13)
    assert board.statuses("a3")[POSITIONS].interval_seconds == pytest.approx(400 / ALLOWED)
    sent = clock.elapsed()
    answer = Snapshot(data=(), sent_at=sent, expires_at=pacing.timings("a3")[POSITIONS].expiry(sent))
    board.succeeded("a3", POSITIONS, snapshot=answer, sent_at=clock.now(), duration=0.1)

    roster.change(crowd(tmp_path, 10), around)

    due = scheduler.due()
    assert all(clock.elapsed() < due[task] <= clock.elapsed() + 5 for task in tasks)
    assert board.statuses("a3")[POSITIONS].interval_seconds == 5
    shown = board.snapshot("a3", POSITIONS)
    assert shown is not None
    assert shown.expires_at == sent + 3 * 5


def test_who_changes_since_is_told_once_that_nothing_comes_of_it(tmp_path: Path) -> None:
    since = ", collectors: {{income: {{since: {0}}}}}"
    with heard() as lines:
        for days in ("30d", "60d"):
            with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", ManualClock()) as ledger:
                house = House(ledger)
                house.roster.change(crowd(tmp_path, 2, settings=since.format(days)), house.around)

    assert lines.getvalue().count("A changed `since` changes nothing") == 2, "once for each of two accounts"

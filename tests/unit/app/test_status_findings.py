"""What may be shown of a collector, and what is said where nothing may."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.clock import ManualClock

from exporter.app.status.findings import Finding, findings
from exporter.model import CollectorName, PollStatus
from exporter.polling.board import Board, Snapshot
from exporter.web.status import Health

BALANCE = CollectorName.BALANCE


class Deaf:
    def data_changed(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None: ...

    def hastened(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None: ...

    def statuses_changed(self, account: str, statuses: object) -> None: ...


class House:
    """A board with one collector, and its clock."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.board = Board(Deaf())
        self.board.open("main", {BALANCE: 10.0})

    def answer(self, data: object = "funds") -> None:
        snapshot = Snapshot(data=data, sent_at=0.0, expires_at=self.clock.elapsed() + 30)
        self.board.succeeded("main", BALANCE, snapshot=snapshot, sent_at=self.clock.now(), duration=0.1)

    def fail(self) -> None:
        self.board.failed("main", BALANCE, reason="timeout", duration=1)

    def finding(self) -> Finding:
        return findings(self.board, "main", elapsed=self.clock.elapsed(), now=self.clock.now())[BALANCE]


@pytest.fixture
def house() -> House:
    return House()


def seen(finding: Finding) -> tuple[Health, str, object, bool]:
    return finding.health, finding.reason, finding.data, finding.is_trouble


def test_one_that_was_never_asked_waits(house: House) -> None:
    assert seen(house.finding()) == (Health.WAITING, "not asked yet", None, False)
    assert house.finding().absence == "not asked yet"


def test_a_fresh_answer_is_shown_with_its_age(house: House) -> None:
    house.answer()
    house.clock.advance(29.5)

    assert seen(house.finding()) == (Health.GOOD, "", "funds", False)
    assert house.finding().age_seconds == 29.5


def test_the_last_answer_stands_while_it_is_fresh_though_calls_fail(house: House) -> None:
    house.answer()
    house.fail()

    assert seen(house.finding()) == (Health.FAILING, "timeout", "funds", True)


def test_an_old_answer_is_withdrawn_at_its_moment(house: House) -> None:
    house.answer()
    house.clock.advance(30)

    assert seen(house.finding()) == (Health.STALE, "last answer 30 s ago", None, True)
    house.fail()
    assert seen(house.finding()) == (Health.FAILED, "timeout, last answer 30 s ago", None, True)
    assert house.finding().absence == "failed: timeout, last answer 30 s ago"


def test_one_that_never_answered_says_so(house: House) -> None:
    house.fail()
    assert seen(house.finding()) == (Health.FAILED, "timeout, never answered", None, True)


def test_a_good_call_with_nothing_to_show_yet_is_no_trouble(house: House) -> None:
    house.board.succeeded("main", BALANCE, snapshot=None, sent_at=house.clock.now(), duration=0.1)

    assert seen(house.finding()) == (Health.GOOD, "", None, False)
    assert house.finding().absence == "nothing to show yet"


def test_what_an_old_key_showed_is_gone_with_it(house: House) -> None:
    house.answer()
    house.board.withdraw("main")
    assert house.finding().data is None


def test_the_calendar_may_jump_without_making_anything_fresh(house: House) -> None:
    house.answer()
    house.clock.advance(31)
    house.clock.calendar -= timedelta(hours=1)

    assert house.finding().data is None


def test_an_account_that_has_left_is_not_found(house: House) -> None:
    assert findings(house.board, "other", elapsed=0, now=house.clock.now()) == {}


def test_the_interval_is_the_one_in_force(house: House) -> None:
    assert house.board.statuses("main")[BALANCE] == PollStatus(interval_seconds=house.finding().interval_seconds)

"""What the board says, and whom it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from exporter.model import CollectorName, PollStatus
from exporter.polling.board import Board, Snapshot

NOW = datetime(2026, 11, 1, tzinfo=UTC)
BALANCE, POSITIONS = CollectorName.BALANCE, CollectorName.POSITIONS


@dataclass
class Recorder:
    data: list[object] = field(default_factory=list)
    hurried: list[object] = field(default_factory=list)
    statuses: list[Mapping[CollectorName, PollStatus]] = field(default_factory=list)

    def data_changed(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None:
        self.data.append((account, collector, snapshot.data))

    def hastened(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None:
        self.hurried.append((account, collector, snapshot))

    def statuses_changed(self, account: str, statuses: Mapping[CollectorName, PollStatus]) -> None:
        self.statuses.append(statuses)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def board(recorder: Recorder) -> Board:
    board = Board(recorder)
    board.open("main", {BALANCE: 10.0, POSITIONS: 5.0})
    return board


def succeed(board: Board, collector: CollectorName, data: object = "data") -> None:
    board.succeeded(
        "main", collector, snapshot=Snapshot(data=data, sent_at=0.0, expires_at=1), sent_at=NOW, duration=0.1
    )


def test_before_the_first_attempt_nothing_is_claimed(board: Board, recorder: Recorder) -> None:
    status = board.statuses("main")[BALANCE]

    assert (status.succeeded, status.last_success_at, status.duration_seconds) == (None, None, None)
    assert status.interval_seconds == 10
    assert recorder.statuses == [board.statuses("main")]
    assert board.untried() == (("main", BALANCE), ("main", POSITIONS))


def test_a_success_shows_its_data_and_ends_a_row_of_failures(board: Board, recorder: Recorder) -> None:
    board.failed("main", BALANCE, reason="timeout", duration=5.0)
    board.failed("main", BALANCE, reason="dns", duration=0.1)

    succeed(board, BALANCE)

    status = board.statuses("main")[BALANCE]
    assert (status.succeeded, status.reason, status.consecutive_failures) == (True, None, 0)
    assert (status.last_success_at, status.duration_seconds) == (NOW, 0.1)
    assert status.failures == {"timeout": 1, "dns": 1}
    assert recorder.data == [("main", BALANCE, "data")]
    assert board.untried() == (("main", POSITIONS),)


def test_failures_are_counted_by_reason_and_in_a_row(board: Board) -> None:
    rows = [board.failed("main", BALANCE, reason=reason, duration=1.0) for reason in ("dns", "timeout", "dns")]

    status = board.statuses("main")[BALANCE]
    assert rows == [1, 2, 3]
    assert status.failures == {"dns": 2, "timeout": 1}
    assert (status.succeeded, status.reason) == (False, "dns")


def test_a_failure_of_our_own_side_is_not_blamed_on_the_exchange(board: Board) -> None:
    board.failed("main", BALANCE, reason="ledger_full", duration=1.0, by_exchange=False)

    status = board.statuses("main")[BALANCE]
    assert status.failures == {}
    assert (status.succeeded, status.consecutive_failures) == (False, 1)


def test_what_is_withheld_has_failed_without_a_call(board: Board) -> None:
    succeed(board, POSITIONS)

    board.withheld("main", [POSITIONS, CollectorName.INCOME], reason="invalid_key")

    status = board.statuses("main")[POSITIONS]
    assert (status.succeeded, status.reason, status.failures, status.consecutive_failures) == (
        False,
        "invalid_key",
        {},
        0,
    )
    assert CollectorName.INCOME not in board.statuses("main")


def test_a_failure_of_one_collector_leaves_the_other_alone(board: Board, recorder: Recorder) -> None:
    succeed(board, POSITIONS)
    before = board.statuses("main")[POSITIONS]

    board.failed("main", BALANCE, reason="timeout", duration=1.0)

    assert board.statuses("main")[POSITIONS] == before
    assert recorder.data == [("main", POSITIONS, "data")]


def test_what_is_to_expire_sooner_is_no_new_answer(board: Board, recorder: Recorder) -> None:
    succeed(board, BALANCE)

    board.hasten("main", BALANCE, 5.0)
    assert recorder.hurried == []
    board.hasten("main", BALANCE, 0.5)

    assert recorder.hurried == [("main", BALANCE, Snapshot(data="data", sent_at=0.0, expires_at=0.5))]
    assert board.snapshot("main", BALANCE) == Snapshot(data="data", sent_at=0.0, expires_at=0.5)
    assert recorder.data == [("main", BALANCE, "data")]


def test_statuses_that_were_handed_out_never_change(board: Board) -> None:
    handed_out = board.statuses("main")

    board.failed("main", BALANCE, reason="timeout", duration=1.0)

    assert handed_out[BALANCE].failures == {}
    assert handed_out[BALANCE].succeeded is None


def test_a_reconciliation_that_waits_for_the_history_is_not_waited_for(recorder: Recorder) -> None:
    board = Board(recorder)
    board.open("main", {BALANCE: 10.0, CollectorName.RECONCILIATION: 86400.0})

    assert board.untried() == (("main", BALANCE),)

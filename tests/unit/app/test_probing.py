"""When there is a page of one account, and why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.clock import ManualClock

from exporter.app.desks import Surroundings
from exporter.app.exchange import Exchange
from exporter.app.pacing import Pacing
from exporter.app.probing import probe
from exporter.app.roster import Roster
from exporter.config import load
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.page import Page
from exporter.metrics.publisher import Publisher
from exporter.metrics.render import Format
from exporter.model import Balance, Balances, CollectorName
from exporter.polling.board import Board, Snapshot
from exporter.polling.scheduler import Scheduler
from exporter.polling.workers import Workers
from exporter.web.site import UnavailableError, UnknownTargetError

TEXT = """
defaults: {collectors: {income: {enabled: false}, commission_rate: {enabled: false}}}
accounts: [{name: main, api_key: key-0123456789, api_secret: secret-0123456789}]
"""
BALANCE, POSITIONS = CollectorName.BALANCE, CollectorName.POSITIONS
FUNDS = Balances(
    user_id="1",
    assets=(
        Balance(
            asset="USDT",
            balance=None,
            equity=None,
            unrealized_pnl=None,
            realized_pnl=None,
            available_margin=None,
            used_margin=None,
            frozen_margin=None,
        ),
    ),
)


class Deaf:
    """Listens to the exchange and to the ledger, and does nothing."""

    def called(self, endpoint: object, seconds: float, reason: str | None) -> None: ...

    def drifted(self, endpoint: object, drift: object) -> None: ...

    def ledger_failed(self, reason: str) -> None: ...

    def history_read(self, account: str, share: float) -> None: ...


class Bench:
    """One account at work for which nobody calls: a test says what was answered."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock()
        exchange = Exchange(clock=self.clock, observer=Deaf())
        self.page = Page(ACCOUNT_SUBJECTS, clock=self.clock)
        publisher = Publisher(self.page)
        self.board = Board(publisher)
        scheduler = Scheduler(clock=self.clock, limits=exchange.limits, workers=Workers(cap=1), on_wait=lambda *_: None)
        pacing = Pacing(clock=self.clock, rules=exchange.limits.rules)
        self.roster = Roster(page=self.page, publisher=publisher, scheduler=scheduler, pacing=pacing)
        around = Surroundings(
            exchange=exchange, board=self.board, clock=self.clock, ledger=None, ends={}, onlooker=Deaf()
        )
        self.roster.change(load(path, environ={}).accounts, around)

    def answered(self, collector: CollectorName, data: object, *, good_for: float) -> None:
        snapshot = Snapshot(data=data, sent_at=0.0, expires_at=self.clock.elapsed() + good_for)
        self.board.succeeded("main", collector, snapshot=snapshot, sent_at=self.clock.now(), duration=0.1)

    def probe(self, account: str = "main") -> bytes:
        return probe(Format.TEXT, account, page=self.page, board=self.board, roster=self.roster, clock=self.clock)

    def problem(self) -> str:
        with pytest.raises(UnavailableError) as raised:
            self.probe()
        return str(raised.value)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    path.chmod(0o600)
    return Bench(path)


def test_an_account_that_nobody_knows_has_no_page(bench: Bench) -> None:
    with pytest.raises(UnknownTargetError):
        bench.probe("other")


def test_an_account_has_a_page_once_every_collector_has_answered(bench: Bench) -> None:
    assert bench.problem() != ""
    bench.answered(BALANCE, FUNDS, good_for=30)
    assert "positions" in bench.problem()
    assert "balance" not in bench.problem()

    bench.answered(POSITIONS, (), good_for=15)

    assert b'bingx_positions{account="main"} 0' in bench.probe()


def test_a_page_whose_data_is_too_old_is_none_though_the_last_call_was_good(bench: Bench) -> None:
    bench.answered(BALANCE, FUNDS, good_for=30)
    bench.answered(POSITIONS, (), good_for=15)
    bench.clock.advance(14.9)
    assert bench.probe()

    bench.clock.advance(0.1)

    assert bench.problem() == "positions: stale"
    bench.clock.advance(15)
    assert set(bench.problem().split("; ")) == {"positions: stale", "balance: stale"}
    bench.answered(POSITIONS, (), good_for=15)
    assert bench.problem() == "balance: stale"


def test_a_collector_that_fails_says_why_there_is_no_page(bench: Bench) -> None:
    bench.answered(BALANCE, FUNDS, good_for=30)
    bench.answered(POSITIONS, (), good_for=15)

    bench.board.failed("main", BALANCE, reason="timeout", duration=5.0)

    assert bench.problem() == "balance: timeout"

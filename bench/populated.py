"""A page as a large desk has it: every subject of many accounts, with budgets and the exporter's own metrics.

Owns what stands on it; made by arithmetic and without an exchange, so that every run has the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from bench.samples import positions
from exporter.bingx.limits import Caller, Limits, Permit
from exporter.bingx.paths import Endpoint
from exporter.clock import SystemClock
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.own import OwnMetrics
from exporter.metrics.page import Page
from exporter.metrics.publisher import Publisher
from exporter.model import (
    EPOCH,
    Account,
    Balance,
    Balances,
    CollectorName,
    CommissionRate,
    IncomeState,
    IncomeTotal,
    PollStatus,
)
from exporter.polling.board import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS: Final = 440
POSITIONS: Final = 20
_POLLED: Final = (
    Endpoint.BALANCE,
    Endpoint.POSITIONS,
    Endpoint.INCOME,
    Endpoint.COMMISSION_RATE,
    Endpoint.PERMISSIONS,
)
_SHOWN_SECONDS: Final = 3600.0
_THEN: Final = EPOCH + timedelta(milliseconds=1_790_000_000_123)


class Populated:
    """A page with nothing on it but budgets, until `fill` is called."""

    def __init__(self, accounts: int = ACCOUNTS) -> None:
        self.names = tuple(f"account-{number:03d}" for number in range(accounts))
        self.clock = SystemClock()
        self.limits = Limits()
        self.page = Page(ACCOUNT_SUBJECTS, clock=self.clock)
        self.page.arrange(self.names)
        self.own = OwnMetrics(version="1.0", revision="0", endpoints=Endpoint)
        self._publisher = Publisher(self.page)
        self._turn = 0

    def fill(self) -> None:
        """Show every account."""
        for number, name in enumerate(self.names):
            self._publisher.introduce(Account(name=name, labels={"desk": "alpha"}), position_id=False)
            self._publisher.statuses_changed(name, dict.fromkeys(CollectorName, _status(_THEN)))
            self._show(name, CollectorName.BALANCE, _balances())
            self._show(name, CollectorName.COMMISSION_RATE, _rates())
            self._show(name, CollectorName.INCOME, _income())
            self._show(name, CollectorName.POSITIONS, positions(POSITIONS, turn=number * 7).positions)

    def change(self, number: int = 0) -> None:
        """Let an account be polled: its prices move, and a call has been made for it."""
        self._turn += 1
        name = self.names[number % len(self.names)]
        self._show(name, CollectorName.POSITIONS, positions(POSITIONS, turn=self._turn % 1000).positions)
        later = _THEN + timedelta(seconds=self._turn)
        self._publisher.statuses_changed(name, dict.fromkeys(CollectorName, _status(later)))
        now = self.clock.elapsed()
        permit = self.limits.reserve(self.caller(name), Endpoint.POSITIONS, now)
        if isinstance(permit, Permit):
            permit.sent(now)
            self.limits.settle(permit, now)
        self.own.called(Endpoint.POSITIONS, 0.07)

    def caller(self, name: str) -> Caller:
        """Return who calls for an account."""
        return Caller(user=name, address="default", account=name)

    def callers(self) -> Iterator[tuple[Caller, tuple[Endpoint, ...]]]:
        """Return who calls what."""
        return ((self.caller(name), _POLLED) for name in self.names)

    def _show(self, name: str, collector: CollectorName, data: object) -> None:
        expires_at = self.clock.elapsed() + _SHOWN_SECONDS
        self._publisher.data_changed(name, collector, Snapshot(data=data, sent_at=0.0, expires_at=expires_at))


def _status(at: datetime) -> PollStatus:
    return PollStatus(interval_seconds=5, succeeded=True, last_success_at=at, duration_seconds=0.0731)


def _balances() -> Balances:
    row = Balance(
        asset="USDT",
        balance=Decimal("10234.5678"),
        equity=Decimal("10310.1234"),
        unrealized_pnl=Decimal("75.5556"),
        realized_pnl=Decimal("-12.0300"),
        available_margin=Decimal("9000.1000"),
        used_margin=Decimal("1234.4678"),
        frozen_margin=Decimal(0),
    )
    return Balances(user_id="1", assets=(row,))


def _rates() -> CommissionRate:
    return CommissionRate(maker=Decimal("0.0002"), taker=Decimal("0.0005"))


def _income() -> IncomeState:
    total = IncomeTotal(
        income_type="FUNDING_FEE",
        symbol="BTC-USDT",
        asset="USDT",
        credited=Decimal("1.5"),
        debited=Decimal("0.25"),
        entries=12,
        created_at=EPOCH,
    )
    return IncomeState(epoch=EPOCH, watermark=_THEN, complete=True, baseline_complete=True, totals=(total,))

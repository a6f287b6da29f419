from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from support.clock import ManualClock

from exporter.metrics import own
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.page import Page
from exporter.model import MarginMode, Position, Side


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def page(clock: ManualClock) -> Page:
    page = Page(ACCOUNT_SUBJECTS, clock=clock)
    page.arrange(["main"])
    return page


@pytest.fixture
def own_metrics() -> own.OwnMetrics:
    return own.OwnMetrics(version="1.2.3", revision="abc", endpoints=["balance"], process=False)


def position(**changes: object) -> Position:
    plain: dict[str, object] = {
        "position_id": "2100000000000000011",
        "symbol": "BTC-USDT",
        "asset": "USDT",
        "side": Side.LONG,
        "margin_mode": MarginMode.ISOLATED,
        "amount": Decimal("0.0120"),
        "available_amount": Decimal("0.0120"),
        "value": Decimal("731.0940"),
        "unrealized_pnl": Decimal("-3.3120"),
        "realized_pnl": Decimal("-0.3672"),
        "initial_margin": Decimal("73.4406"),
        "margin": Decimal("70.1286"),
        "entry_price": Decimal("61200.5"),
        "mark_price": Decimal("60924.5"),
        "liquidation_price": Decimal(55000),
        "leverage": Decimal(10),
        "risk_ratio": Decimal("0.0210"),
        "pnl_ratio": Decimal("-0.0451"),
        "max_margin_reduction": Decimal(0),
        "updated_at": datetime(2026, 9, 19, 8, 0, tzinfo=UTC),
    }
    return Position(**{**plain, **changes})  # type: ignore[arg-type]  # the test names real fields


@pytest.fixture
def make_position() -> object:
    return position

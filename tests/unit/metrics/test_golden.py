"""The whole page of two accounts, from the exchange's answers to the text, compared with a reviewed file."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from support.clock import ManualClock
from support.exposition import families_of_openmetrics, families_of_text, samples
from support.golden import assert_golden

from exporter.bingx.endpoints import balance, commission_rate, permissions, positions
from exporter.bingx.envelope import unwrap
from exporter.bingx.paths import Endpoint
from exporter.bingx.wire import decode
from exporter.metrics import api
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS, SUBJECTS
from exporter.metrics.page import Exposition, Page
from exporter.metrics.publisher import Publisher
from exporter.metrics.render import Format
from exporter.model import (
    Account,
    CollectorName,
    IncomeDifference,
    IncomeReconciliation,
    IncomeState,
    IncomeTotal,
    PollStatus,
)
from exporter.polling.board import Snapshot

FIXTURES = Path(__file__).parents[2] / "fixtures" / "bingx"
NOW = datetime(2026, 9, 19, 8, 0, tzinfo=UTC)
LATER = 2000.0
BALANCE, POSITIONS, INCOME, FEES, RECONCILIATION = (
    CollectorName.BALANCE,
    CollectorName.POSITIONS,
    CollectorName.INCOME,
    CollectorName.COMMISSION_RATE,
    CollectorName.RECONCILIATION,
)


def data_of(fixture: str) -> object:
    answer = decode((FIXTURES / f"{fixture}.json").read_bytes())
    assert isinstance(answer, dict)
    return answer["data"]


def total(income_type: str, symbol: str, credited: str, debited: str, entries: int) -> IncomeTotal:
    return IncomeTotal(
        income_type=income_type,
        symbol=symbol,
        asset="USDT",
        credited=Decimal(credited),
        debited=Decimal(debited),
        entries=entries,
        created_at=datetime(2026, 6, 21, tzinfo=UTC),
    )


def statuses(*, failing: bool) -> dict[CollectorName, PollStatus]:
    good = PollStatus(interval_seconds=5, succeeded=True, last_success_at=NOW, duration_seconds=0.125)
    bad = PollStatus(
        interval_seconds=3600,
        succeeded=False,
        reason="permission_denied",
        duration_seconds=0.0625,
        consecutive_failures=3,
        failures={"permission_denied": 3, "timeout": 1},
    )
    return {POSITIONS: good, BALANCE: good, INCOME: bad if failing else good, FEES: bad if failing else good}


@pytest.fixture
def exposition(clock: ManualClock) -> Exposition:
    page = Page(ACCOUNT_SUBJECTS, clock=clock)
    page.arrange(["main", 'odd "name"\\'])
    publisher = Publisher(page)
    for name, failing in (("main", False), ('odd "name"\\', True)):
        environment = "vst" if failing else "live"
        publisher.introduce(
            Account(name=name, environment=environment, labels={} if failing else {"desk": "alpha"}),
            position_id=failing,
        )
        publisher.statuses_changed(name, statuses(failing=failing))
    show = {
        BALANCE: balance.parse(data_of("balance_new_spelling")).value,
        POSITIONS: positions.parse(data_of("positions_separate_isolated")).value,
        FEES: commission_rate.parse(data_of("commission_rate_numbers")).value,
        INCOME: IncomeState(
            epoch=datetime(2026, 6, 21, tzinfo=UTC),
            watermark=NOW,
            complete=True,
            baseline_complete=True,
            totals=(
                total("FUNDING_FEE", "ETH-USDT", "1.5", "0.03120000", 12),
                total("TRANSFER", "", "100", "0", 1),
            ),
        ),
        RECONCILIATION: IncomeReconciliation(
            differences=(
                IncomeDifference(income_type="FUNDING_FEE", asset="USDT", amount=Decimal("-0.0312"), rows=1),
                IncomeDifference(income_type="TRANSFER", asset="USDT", amount=Decimal(0), rows=0),
            ),
        ),
    }
    for collector, data in show.items():
        publisher.data_changed("main", collector, Snapshot(data=data, sent_at=0.0, expires_at=LATER))
    odd = 'odd "name"\\'
    for name, fixture in (("main", "permissions_read_only_bound"), (odd, "permissions_trade_and_withdraw")):
        answer = unwrap(200, (FIXTURES / f"{fixture}.json").read_bytes(), endpoint=Endpoint.PERMISSIONS)
        publisher.permissions_changed(name, permissions.parse(answer).value, LATER)
    publisher.data_changed(
        odd,
        BALANCE,
        Snapshot(data=balance.parse(data_of("balance_old_spelling_unused_asset")).value, sent_at=0.0, expires_at=LATER),
    )
    hedged = positions.parse(data_of("positions_hedge")).value
    publisher.data_changed(odd, POSITIONS, Snapshot(data=hedged, sent_at=0.0, expires_at=LATER))
    budgets = (
        api.Budget(account="main", endpoint="balance", remaining=4, blocked_until=None),
        api.Budget(account=odd, endpoint="income", remaining=5, blocked_until=NOW),
    )
    offsets = (api.ClockOffset(host="open-api.bingx.com", seconds=0.25),)
    return Exposition(page, live=((api.BUDGET, lambda: budgets), (api.OFFSET, lambda: offsets)), own=lambda _: b"")


def test_the_golden_page_in_text(exposition: Exposition) -> None:
    text = exposition(Format.TEXT).decode()

    assert_golden("metrics.txt", text)
    assert samples(families_of_text(text))


def test_the_golden_page_in_openmetrics(exposition: Exposition) -> None:
    text = exposition(Format.OPENMETRICS).decode()

    assert_golden("metrics.openmetrics.txt", text)
    assert samples(families_of_openmetrics(text))


def test_the_golden_page_shows_every_family(exposition: Exposition) -> None:
    text = exposition(Format.TEXT).decode()

    missing = [
        family.name for subject in SUBJECTS for family in subject.families if f"# TYPE {family.name} " not in text
    ]
    assert missing == []


def test_a_golden_page_is_stable_between_scrapes(exposition: Exposition) -> None:
    assert exposition(Format.TEXT) == exposition(Format.TEXT)

"""The page that a scrape joins: what is on it, and when it leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from support.clock import ManualClock
from support.exposition import families_of_openmetrics, samples, series

from exporter.metrics import account, health, income, position
from exporter.metrics.page import Page
from exporter.metrics.position import OpenPositions
from exporter.metrics.render import Format
from exporter.model import (
    Balance,
    Balances,
    CollectorName,
    IncomeState,
    IncomeTotal,
    PollStatus,
    Position,
)

Make = Callable[..., Position]


def balances(equity: str) -> Balances:
    row = Balance(
        asset="USDT",
        balance=None,
        equity=Decimal(equity),
        unrealized_pnl=None,
        realized_pnl=None,
        available_margin=None,
        used_margin=None,
        frozen_margin=None,
    )
    return Balances(user_id="1", assets=(row,))


def text(page: Page) -> str:
    return page.body(Format.TEXT).decode()


def test_a_gauge_leaves_the_page_at_the_moment_it_is_too_old(page: Page, clock: ManualClock) -> None:
    page.put(account.BALANCE, "main", balances("100"), expires_at=1030)

    clock.seconds = 1029.9
    assert 'bingx_account_equity{account="main",asset="USDT"} 100.0\n' in text(page)

    clock.seconds = 1030
    assert "bingx_account_equity" not in text(page)


def test_a_fresh_answer_brings_the_gauge_back_and_keeps_it(page: Page, clock: ManualClock) -> None:
    page.put(account.BALANCE, "main", balances("100"), expires_at=1030)
    clock.seconds = 1030
    text(page)

    page.put(account.BALANCE, "main", balances("100"), expires_at=1060)
    assert "equity" in text(page)

    clock.seconds = 1059
    assert "equity" in text(page)


def test_the_same_answer_for_longer_stays_beyond_the_first_expiry(page: Page, clock: ManualClock) -> None:
    page.put(account.BALANCE, "main", balances("100"), expires_at=1030)
    text(page)
    page.put(account.BALANCE, "main", balances("100"), expires_at=1060)

    clock.seconds = 1040
    assert "equity" in text(page)


def test_the_same_answer_for_shorter_leaves_earlier(page: Page, clock: ManualClock) -> None:
    page.put(account.BALANCE, "main", balances("100"), expires_at=1060)
    text(page)
    page.put(account.BALANCE, "main", balances("100"), expires_at=1030)

    clock.seconds = 1040
    assert "equity" not in text(page)


def test_a_closed_position_is_gone_from_the_next_scrape(page: Page, make_position: Make) -> None:
    page.put(position.POSITION, "main", OpenPositions(positions=(make_position(), make_position(symbol="ETH-USDT"))))
    assert 'symbol="ETH-USDT"' in text(page)

    page.put(position.POSITION, "main", OpenPositions(positions=(make_position(),)))

    assert 'symbol="ETH-USDT"' not in text(page)
    assert 'symbol="BTC-USDT"' in text(page)


def test_a_flat_account_shows_no_position_and_a_count_of_zero(page: Page) -> None:
    flat = OpenPositions(positions=())
    page.put(position.POSITION, "main", flat)
    page.put(position.OPEN, "main", flat)

    assert 'bingx_positions{account="main"} 0.0\n' in text(page)
    assert "bingx_position_" not in text(page)


def test_positions_that_share_their_labels_become_one_series(page: Page, make_position: Make) -> None:
    two = (make_position(), make_position(position_id="2"))
    page.put(position.POSITION, "main", OpenPositions(positions=two))
    page.put(position.OPEN, "main", OpenPositions(positions=two))

    assert text(page).count("bingx_position_amount{") == 1
    assert 'bingx_positions{account="main"} 2.0' in text(page)


def test_positions_stay_apart_by_id_where_that_is_switched_on(page: Page, make_position: Make) -> None:
    two = (make_position(), make_position(position_id="2"))
    page.put(position.POSITION, "main", OpenPositions(positions=two, by_id=True))

    assert text(page).count("bingx_position_amount{") == 2
    assert 'position_id="2"' in text(page)


def test_an_account_that_is_no_longer_arranged_leaves_with_all_it_has(page: Page) -> None:
    page.put(account.BALANCE, "main", balances("100"))

    page.arrange(["other"])

    assert text(page) == ""


def test_up_is_unknown_before_the_first_attempt_and_then_any_success(page: Page) -> None:
    def show(**outcome: bool | None) -> None:
        statuses = {
            CollectorName(name): PollStatus(interval_seconds=5, succeeded=value) for name, value in outcome.items()
        }
        page.put(health.UP, "main", statuses)

    show(balance=None, positions=None)
    assert "bingx_up" not in text(page)
    show(balance=False, positions=None)
    assert 'bingx_up{account="main"} 0.0' in text(page)
    show(balance=False, positions=True)
    assert 'bingx_up{account="main"} 1.0' in text(page)


def test_counters_carry_their_creation_in_openmetrics_and_never_in_text(page: Page) -> None:
    born = datetime(2026, 8, 1, tzinfo=UTC)
    total = IncomeTotal(
        income_type="FUNDING_FEE",
        symbol="BTC-USDT",
        asset="USDT",
        credited=Decimal("1.5"),
        debited=Decimal(0),
        entries=3,
        created_at=born,
    )
    state = IncomeState(epoch=born, watermark=None, complete=True, baseline_complete=True, totals=(total,))
    page.put(income.TOTALS, "main", state)

    found = samples(families_of_openmetrics(page.body(Format.OPENMETRICS).decode() + "# EOF\n"))

    labels = {"account": "main", "asset": "USDT", "symbol": "BTC-USDT", "income_type": "FUNDING_FEE"}
    assert found[series("bingx_income_credited_total", **labels)] == 1.5
    assert found[series("bingx_income_credited_created", **labels)] == born.timestamp()
    assert "_created" not in text(page)

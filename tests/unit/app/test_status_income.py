"""The lines of today's income, and what stands in their place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec import structs

from exporter.app.status.day import DayIncome
from exporter.app.status.findings import Finding
from exporter.app.status.reporter import _income
from exporter.ledger import Sums
from exporter.model import IncomeState
from exporter.web.status import Health

MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)
STATE = IncomeState(epoch=MIDNIGHT, watermark=MIDNIGHT, complete=True, baseline_complete=True, totals=())
FINDING = Finding(health=Health.GOOD, reason="", age_seconds=1, interval_seconds=60, data=STATE)
DAY = DayIncome(
    date=MIDNIGHT,
    asked_at=0,
    entered=3,
    sums={
        ("TRADING_FEE", "USDT"): Sums(debited=Decimal("0.3"), entries=2),
        ("FUNDING_FEE", "USDT"): Sums(credited=Decimal("1e40"), debited=Decimal("1e-40"), entries=2),
    },
)


def test_there_is_a_line_for_each_type_and_asset() -> None:
    lines = list(_income("main", FINDING, DAY))

    assert [(one.income_type, one.asset, one.entries) for one in lines] == [
        ("FUNDING_FEE", "USDT", 2),
        ("TRADING_FEE", "USDT", 2),
    ]
    assert [one.net for one in lines] == [Decimal("9" * 40 + "." + "9" * 40), Decimal("-0.3")]


@pytest.mark.parametrize(
    ("finding", "day", "words"),
    [
        (structs.replace(FINDING, health=Health.FAILED, reason="dns, never answered", data=None), DAY, "failed: dns"),
        (structs.replace(FINDING, data=replace(STATE, baseline_complete=False, baseline_ratio=0.25)), DAY, "read: 25%"),
        (FINDING, None, "has not answered yet"),
        (FINDING, structs.replace(DAY, problem="ledger_locked"), "ledger_locked"),
    ],
)
def test_what_cannot_be_told_is_one_line_without_numbers(finding: Finding, day: DayIncome | None, words: str) -> None:
    (line,) = _income("main", finding, day)

    assert words in (line.absent or "")
    assert (line.net, line.entries) == (None, None)


def test_a_day_on_which_nothing_came_is_told_and_is_not_unknown() -> None:
    (line,) = _income("main", FINDING, structs.replace(DAY, sums={}))
    assert (line.account, line.entries, line.absent) == ("main", 0, None)


def test_of_an_incomplete_day_nobody_says_that_nothing_came() -> None:
    (line,) = _income(
        "main", structs.replace(FINDING, data=replace(STATE, complete=False)), structs.replace(DAY, sums={})
    )
    assert "incomplete" in (line.absent or "")


def test_an_incomplete_day_shows_what_there_is_and_says_so() -> None:
    lines = list(_income("main", structs.replace(FINDING, data=replace(STATE, complete=False)), DAY))
    assert [one.absent is None for one in lines] == [True, True, False]
    assert "incomplete" in (lines[-1].absent or "")

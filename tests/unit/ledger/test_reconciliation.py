"""The ledger against a workbook: what is alike, what only one side has, and what that adds up to."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.ledger import Window, comparable, reconcile
from exporter.model import IncomeDifference, IncomeEntry

START = datetime(2026, 9, 1, tzinfo=UTC)
PERIOD = Window(START, START + timedelta(days=3))


def row(
    second: float = 0, amount: str = "1", income_type: str = "FUNDING_FEE", symbol: str = "BTC-USDT"
) -> IncomeEntry:
    return IncomeEntry(
        time=START + timedelta(seconds=second),
        income_type=income_type,
        symbol=symbol,
        asset="USDT",
        amount=Decimal(amount),
        tran_id="t1",
        trade_id="d1",
        info="Funding Fee",
    )


def exported(entry: IncomeEntry) -> IncomeEntry:
    """Return an entry as a workbook tells it: no ids, another text, its amount written otherwise."""
    return replace(entry, tran_id="", trade_id="", info="", amount=entry.amount.quantize(Decimal("1.00000000")))


ROWS = st.lists(
    st.builds(
        row,
        second=st.integers(0, 3 * 86400 - 1),
        amount=st.sampled_from(["1", "-1", "0.10", "-0.02"]),
        income_type=st.sampled_from(["FUNDING_FEE", "TRADING_FEE"]),
    ),
    max_size=30,
)


@given(rows=ROWS, seed=st.integers())
def test_the_same_rows_in_any_order_agree(rows: list[IncomeEntry], seed: int) -> None:
    theirs = [exported(entry) for entry in rows]
    random.Random(seed).shuffle(theirs)

    found = reconcile(rows, theirs, period=PERIOD)

    assert found.equal
    assert (found.days, found.rows) == ((), len(rows))
    assert all(one.amount == 0 and one.rows == 0 for one in found.differences([("FUNDING_FEE", "USDT")]))


@given(common=ROWS, ours=ROWS, theirs=ROWS)
def test_what_one_side_lacks_is_named_as_often_as_it_lacks_it(
    common: list[IncomeEntry], ours: list[IncomeEntry], theirs: list[IncomeEntry]
) -> None:
    found = reconcile([*common, *ours], [*common, *theirs], period=PERIOD)

    mine, foreign = Counter(map(key, ours)), Counter(map(key, theirs))
    assert Counter(map(key, found.only_ours)) == mine - foreign
    assert Counter(map(key, found.only_theirs)) == foreign - mine
    expected = sum((entry.amount for entry in theirs), Decimal(0)) - sum((entry.amount for entry in ours), Decimal(0))
    assert sum((one.amount for one in found.differences(())), Decimal(0)) == expected
    assert sum((day.difference for day in found.days), Decimal(0)) == expected


def key(entry: IncomeEntry) -> tuple[object, ...]:
    return entry.time, entry.income_type, entry.symbol, entry.asset, entry.amount


def test_a_day_type_and_asset_that_differs_is_told_with_both_sums() -> None:
    ours = [row(0, "1.5"), row(86400, "-0.25"), row(86400, "-0.1", "TRADING_FEE")]
    theirs = [row(0, "1.5"), row(86400, "-0.25"), row(86400 + 5, "-0.3")]

    found = reconcile(ours, theirs, period=PERIOD)

    told = [(day.day, day.income_type, day.ours, day.theirs, day.difference) for day in found.days]
    second = date(2026, 9, 2)
    assert told == [
        (second, "FUNDING_FEE", Decimal("-0.25"), Decimal("-0.55"), Decimal("-0.3")),
        (second, "TRADING_FEE", Decimal("-0.1"), Decimal(0), Decimal("0.1")),
    ]
    assert found.differences([("TRANSFER", "USDT")]) == (
        IncomeDifference(income_type="FUNDING_FEE", asset="USDT", amount=Decimal("-0.3"), rows=1),
        IncomeDifference(income_type="TRADING_FEE", asset="USDT", amount=Decimal("0.1"), rows=1),
        IncomeDifference(income_type="TRANSFER", asset="USDT", amount=Decimal(0), rows=0),
    )


def test_amounts_that_cancel_out_do_not_hide_the_rows() -> None:
    found = reconcile([row(0, "1"), row(1, "2")], [row(0, "2"), row(1, "1")], period=PERIOD)

    assert not found.equal
    assert found.differences(()) == (
        IncomeDifference(income_type="FUNDING_FEE", asset="USDT", amount=Decimal(0), rows=4),
    )


@pytest.mark.parametrize("other", [row(1), row(0, "1.1"), row(0, "1", "ADL"), row(0, "1", "FUNDING_FEE", "ETH-USDT")])
def test_a_row_that_differs_in_anything_is_another_row(other: IncomeEntry) -> None:
    found = reconcile([row()], [other], period=PERIOD)
    assert (found.only_ours, found.only_theirs) == ((row(),), (other,))


def test_one_of_two_alike_rows_can_be_missing() -> None:
    assert reconcile([row(), row()], [row()], period=PERIOD).only_ours == (row(),)


def test_a_second_is_fine_enough_and_rows_outside_the_period_are_nobodys() -> None:
    outside = [row(-1), row(3 * 86400)]
    assert reconcile([row(0.25), *outside], [row(0)], period=PERIOD).equal


def test_sums_keep_every_digit() -> None:
    big, small = "9" * 40, "0." + "0" * 39 + "1"
    found = reconcile([row(0, f"-{big}")], [row(1, small)], period=PERIOD)
    assert format(found.days[0].difference, "f") == big + small[1:]


NOW = START + timedelta(days=100)


def agreed(start: datetime, end: datetime, **known: datetime) -> Window | None:
    known = {"begins": START, "cursor": NOW, "now": NOW, **known}
    return comparable(start, end, tail=timedelta(minutes=10), **known)


def test_rows_that_may_still_come_are_left_out() -> None:
    assert agreed(NOW - timedelta(days=7), NOW) == Window(NOW - timedelta(days=7), NOW - timedelta(minutes=10))
    behind = NOW - timedelta(days=1)
    assert agreed(NOW - timedelta(days=7), NOW, cursor=behind) == Window(
        NOW - timedelta(days=7), behind - timedelta(minutes=10)
    )


def test_what_the_ledger_or_the_exchange_does_not_have_is_left_out() -> None:
    young = NOW - timedelta(days=2, microseconds=1000)
    period = agreed(NOW - timedelta(days=7), NOW, begins=young)
    assert period is not None
    assert period.start == NOW - timedelta(days=2)
    old = agreed(START, NOW)
    assert old is not None
    assert old.start == NOW - timedelta(days=89)


def test_there_may_be_nothing_to_compare() -> None:
    assert agreed(NOW - timedelta(minutes=9), NOW) is None
    assert agreed(START, START + timedelta(days=2)) is None
    assert agreed(NOW - timedelta(days=1), NOW, cursor=START) is None


def test_the_end_of_a_period_may_lie_before_what_was_read() -> None:
    wanted = Window(NOW - timedelta(days=7), NOW - timedelta(days=1))
    assert agreed(wanted.start, wanted.end) == wanted

"""Several positions under one label set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics.merging import liquidation_distance, liquidation_distance_ratio, merge
from exporter.model import Position, Side

Make = Callable[..., Position]


def merged(*parts: Position) -> Position:
    ((_, one),) = merge(parts, lambda position: (position.symbol, position.side))
    return one


def test_amounts_values_margins_and_pnl_add_up(make_position: Make) -> None:
    one = merged(make_position(), make_position(position_id="2", amount=Decimal("0.0080")))

    assert one.amount == Decimal("0.0200")
    assert one.value == Decimal("1462.1880")
    assert one.unrealized_pnl == Decimal("-6.6240")
    assert one.realized_pnl == Decimal("-0.7344")
    assert one.initial_margin == Decimal("146.8812")
    assert one.margin == Decimal("140.2572")
    assert one.available_amount == Decimal("0.0240")
    assert one.max_margin_reduction == 0


@pytest.mark.parametrize("field", ["value", "unrealized_pnl", "initial_margin", "margin", "available_amount"])
def test_a_sum_with_an_unknown_part_is_unknown(make_position: Make, field: str) -> None:
    assert getattr(merged(make_position(), make_position(**{field: None})), field) is None


def test_the_entry_price_is_weighted_by_amount(make_position: Make) -> None:
    one = merged(
        make_position(amount=Decimal(1), entry_price=Decimal(100)),
        make_position(amount=Decimal(3), entry_price=Decimal(200)),
    )

    assert one.entry_price == Decimal(175)


@pytest.mark.parametrize(
    ("side", "prices", "mark", "nearest"),
    [
        (Side.LONG, (40, 70), 100, 70),
        (Side.SHORT, (170, 130), 100, 130),
        (Side.LONG, (40, None), 100, None),
        (Side.LONG, (None, None), 100, None),
        (Side.LONG, (40, 0), 100, 40),
        (Side.SHORT, (0, 0), 100, 0),
        (Side.LONG, (40, 70), None, 70),
        (Side.SHORT, (170, 130), None, 130),
    ],
)
def test_the_liquidation_price_is_the_one_nearest_to_the_mark(
    make_position: Make, side: Side, prices: tuple[int | None, ...], mark: int | None, nearest: int | None
) -> None:
    parts = [
        make_position(
            side=side,
            liquidation_price=None if price is None else Decimal(price),
            mark_price=None if mark is None else Decimal(mark),
        )
        for price in prices
    ]

    assert merged(*parts).liquidation_price == (None if nearest is None else Decimal(nearest))
    assert merged(*reversed(parts)).liquidation_price == (None if nearest is None else Decimal(nearest))


def test_the_risk_ratio_is_the_highest_and_unknown_with_an_unknown_part(make_position: Make) -> None:
    high = make_position(risk_ratio=Decimal("0.9"))

    assert merged(make_position(), high).risk_ratio == Decimal("0.9")
    assert merged(make_position(risk_ratio=None), high).risk_ratio is None


def test_leverage_is_the_common_one_or_value_over_initial_margin(make_position: Make) -> None:
    ten, five = make_position(), make_position(leverage=Decimal(5), initial_margin=Decimal("146.2188"))

    assert merged(ten, ten).leverage == 10
    assert merged(ten, five).leverage == pytest.approx(Decimal("1462.1880") / Decimal("219.6594"))


def test_updated_is_the_latest(make_position: Make) -> None:
    late = datetime(2026, 9, 20, tzinfo=UTC)

    assert merged(make_position(), make_position(updated_at=late), make_position(updated_at=None)).updated_at == late


def test_a_single_position_passes_unchanged(make_position: Make) -> None:
    assert merged(make_position()) == make_position()


def test_positions_of_other_keys_stay_apart(make_position: Make) -> None:
    both = merge([make_position(), make_position(side=Side.SHORT)], lambda one: (one.symbol, one.side))

    assert [one.side for _, one in both] == [Side.LONG, Side.SHORT]


def test_positions_stand_in_the_order_of_their_keys_whatever_the_order_of_the_answer(make_position: Make) -> None:
    answer = [make_position(symbol=symbol) for symbol in ("C", "A", "B")]

    assert [labels for labels, _ in merge(answer, lambda one: (one.symbol,))] == [("A",), ("B",), ("C",)]


def test_the_distance_is_relative_to_the_mark_and_has_no_sign(make_position: Make) -> None:
    assert liquidation_distance(make_position(mark_price=Decimal(100), liquidation_price=Decimal(90))) == Decimal("0.1")
    assert liquidation_distance(make_position(mark_price=Decimal(100), liquidation_price=Decimal(115))) == Decimal(
        "0.15"
    )


@pytest.mark.parametrize(
    "unknown",
    [
        {"mark_price": None},
        {"liquidation_price": None},
        {"liquidation_price": Decimal(0)},
        {"mark_price": Decimal(0)},
    ],
)
def test_there_is_no_distance_without_both_prices(make_position: Make, unknown: dict[str, object]) -> None:
    assert liquidation_distance(make_position(**unknown)) is None
    assert liquidation_distance_ratio(make_position(**unknown)) is None


prices = st.one_of(
    st.decimals(min_value=Decimal("0.00000001"), max_value=10**7, places=8),
    st.floats(min_value=1e-9, max_value=1e9).map(repr).map(Decimal),
    st.builds(lambda digits, places: Decimal(digits).scaleb(places), st.integers(1, 10**28), st.integers(-60, 30)),
)


@given(prices, prices)
def test_the_ratio_is_the_nearest_float_of_the_distance(mark: Decimal, liquidation: Decimal) -> None:
    one = Position(
        position_id="", symbol="BTC-USDT", asset="USDT", side=Side.LONG, margin_mode=None, amount=Decimal(1),
        mark_price=mark, liquidation_price=liquidation,
    )  # fmt: skip
    distance = liquidation_distance(one)

    assert distance is not None
    assert liquidation_distance_ratio(one) == float(distance)
    assert liquidation_distance_ratio(one) == float(abs(Fraction(mark) - Fraction(liquidation)) / Fraction(mark))

"""How numbers are written on the status page."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.status import wording

NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value="-1e60", max_value="1e60")


def read(text: str) -> Decimal:
    return Decimal(text.replace(",", "").replace("\N{MINUS SIGN}", "-"))


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"),
        ("-0.000", "0.00"),
        ("1234567.891", "1,234,567.89"),
        ("-12.345", "\N{MINUS SIGN}12.34"),
        ("0.00012345678", "0.0001235"),
        ("1e20", "1.0000e+20"),
        ("1e-40", "1.0000e\N{MINUS SIGN}40"),
    ],
)
def test_money_has_two_decimals_or_four_digits(amount: str, text: str) -> None:
    assert wording.money(Decimal(amount)) == text


@pytest.mark.parametrize(("amount", "text"), [("1", "+1.00"), ("0", "0.00"), ("-1", "\N{MINUS SIGN}1.00")])
def test_a_gain_has_its_sign(amount: str, text: str) -> None:
    assert wording.change(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("61054.10", "61,054.10"),
        ("0.0173333333333333333", "0.017333333"),
        ("123456789012", "123,456,789,012"),
        ("0E-8", "0"),
        ("-1e17", "\N{MINUS SIGN}1.0000e+17"),
    ],
)
def test_a_price_keeps_the_digits_that_matter(number: str, text: str) -> None:
    assert wording.quantity(Decimal(number)) == text


@pytest.mark.parametrize(
    ("ratio", "text"), [("0.09999", "9.9 %"), ("0", "0.0 %"), ("1", "100.0 %"), ("1e30", "1.0000e+32 %")]
)
def test_a_distance_is_never_shown_larger_than_it_is(ratio: str, text: str) -> None:
    assert wording.percent(Decimal(ratio)) == text


@pytest.mark.parametrize(
    ("factor", "text"), [("8", "8"), ("5.0469880", "5.05"), ("10.00", "10"), ("1e20", "1.0000e+20")]
)
def test_a_leverage_has_up_to_two_decimals(factor: str, text: str) -> None:
    assert wording.multiple(Decimal(factor)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (601, "10 min"),
        (7260, "2 h 1 min"),
        (86_400, "1 d"),
        (93_600, "1 d 2 h"),
    ],
)
def test_a_time_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert wording.duration(seconds) == text


def test_a_moment_names_its_zone() -> None:
    assert wording.moment(datetime(2026, 11, 1, 2, 3, 4, tzinfo=UTC)) == "2026-11-01 02:03:04 UTC"


@given(NUMBERS)
def test_what_is_read_is_what_is_meant(number: Decimal) -> None:
    assert float(wording.exact(number)) == float(number) + 0.0
    assert wording.exact(number) != "-0.0"
    for write in (wording.money, wording.quantity):
        assert float(read(write(number))) == pytest.approx(float(number), abs=0.0051, rel=1e-3)
    assert len(wording.money(number)) < 30


@given(NUMBERS)
def test_a_distance_is_rounded_down(number: Decimal) -> None:
    assert float(read(wording.percent(abs(number))[:-2])) <= float(abs(number) * 100) * 1.0001

from __future__ import annotations

from decimal import Decimal, Inexact
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.ledger.amounts import Sums, amount_text

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)


@pytest.mark.parametrize(
    ("given_text", "normal"),
    [
        ("1.50", "1.5"),
        ("1.5", "1.5"),
        ("-0.00", "0"),
        ("0E+99", "0"),
        ("100", "100"),
        ("1E+2", "100"),
        ("-0.0000000000000000138800", "-0.00000000000000001388"),
        ("-0.11669358690000001", "-0.11669358690000001"),
        (
            "123456789012345678901234567890.123456789012345678901",
            "123456789012345678901234567890.123456789012345678901",
        ),
    ],
)
def test_an_amount_has_one_text(given_text: str, normal: str) -> None:
    assert amount_text(Decimal(given_text)) == normal


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+100", "1E-101", "-1E+5000"])
def test_what_is_no_amount_of_money_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        amount_text(Decimal(text))


@given(AMOUNTS)
def test_the_text_is_the_same_number_and_normal_already(amount: Decimal) -> None:
    text = amount_text(amount)

    assert Decimal(text) == amount
    assert amount_text(Decimal(text)) == text


@given(st.lists(AMOUNTS, max_size=20), st.integers(0, 20))
def test_sums_are_exact_and_do_not_depend_on_where_they_were_interrupted(amounts: list[Decimal], cut: int) -> None:
    sums = Sums().plus(amounts[:cut]).plus(amounts[cut:])

    assert Fraction(sums.credited) == sum(map(Fraction, (amount for amount in amounts if amount > 0)), Fraction(0))
    assert Fraction(sums.debited) == -sum(map(Fraction, (amount for amount in amounts if amount < 0)), Fraction(0))
    assert sums.entries == len(amounts)


def test_a_sum_that_would_round_raises() -> None:
    with pytest.raises(Inexact):
        Sums(credited=Decimal("1E+300")).plus([Decimal("1E-100")])

"""How values read in a terminal."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.cli.wording import change, clock, duration, moment, money, percent, quantity, shown, times


@given(st.text())
def test_nothing_that_steers_a_terminal_gets_through(text: str) -> None:
    assert shown(text).isprintable()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("MØTH-USDT", "MØTH-USDT"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nb\r\x07\x9b", r"a\nb\r\x07\x9b"),
        ("\u202ekcab\u200b", r"\u202ekcab\u200b"),
        ("two words", "two words"),
    ],
)
def test_a_name_is_shown_as_it_is_but_for_what_does_not_print(text: str, told: str) -> None:
    assert shown(text) == told


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "-"),
        ("0", "0.00"),
        ("-0.0", "0.00"),
        ("1234.565", "1,234.56"),
        ("-99999.999", "-100,000.00"),
        ("0.000012345678", "0.00001235"),
        ("-0.5", "-0.5"),
        ("1E+20", "1.0000e+20"),
    ],
)
def test_money_has_two_decimals_and_small_money_four_digits(amount: str | None, text: str) -> None:
    assert money(None if amount is None else Decimal(amount)) == text


@pytest.mark.parametrize(("amount", "text"), [("5", "+5.00"), ("0", "0.00"), ("-5", "-5.00")])
def test_a_gain_has_its_sign(amount: str, text: str) -> None:
    assert change(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "-"), ("61064.5", "61,064.5"), ("0.0144042841", "0.0144043"), ("12345678.9", "12,345,679"), ("0", "0")],
)
def test_a_price_has_six_digits_and_all_before_the_point(number: str | None, text: str) -> None:
    assert quantity(None if number is None else Decimal(number)) == text


@pytest.mark.parametrize(
    ("ratio", "text"), [(None, "-"), ("0.09999", "9.9%"), ("0.1", "10.0%"), ("-0.0001", "-0.1%"), ("0", "0.0%")]
)
def test_a_distance_is_never_shown_larger_than_it_is(ratio: str | None, text: str) -> None:
    assert percent(None if ratio is None else Decimal(ratio)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (90_000, "1 d 1 h")],
)
def test_a_time_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_times_of_the_calendar_are_utc() -> None:
    assert (moment(1_795_371_475.9), clock(1_795_371_475.9)) == ("2026-11-22 18:17:55 UTC", "18:17:55 UTC")


@pytest.mark.parametrize(("factor", "text"), [(None, "-"), ("10", "10x"), ("2.55", "2.6x"), ("100", "100x")])
def test_a_leverage_is_a_factor(factor: str | None, text: str) -> None:
    assert times(None if factor is None else Decimal(factor)) == text

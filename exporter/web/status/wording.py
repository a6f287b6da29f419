"""How values are written on the status page: pure functions from a number to its text.

A number is rounded for the eye only; the page carries all of it beside that.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

_WIDE: Final = Context(prec=120)
_CENT: Final = Decimal("0.01")
_TENTH: Final = Decimal("0.1")
_LARGE: Final = 15
_DIGITS: Final = 8
_SMALL_DIGITS: Final = 4
_UNITS: Final = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
_SECOND_UNIT_BELOW: Final = 10


def exact(number: Decimal) -> str:
    """Write a number for machines: the shortest text that reads back as its nearest float."""
    return repr(float(number) + 0.0)


def money(amount: Decimal) -> str:
    """Write an amount with two decimals, a small one with four significant digits."""
    if amount and -1 < amount < 1:
        return _signed(_significant(amount, _SMALL_DIGITS))
    return _signed(amount if _is_large(amount) else amount.quantize(_CENT, ROUND_HALF_EVEN, _WIDE))


def change(amount: Decimal) -> str:
    """Write a gain or loss: as money, a gain with its sign."""
    return f"+{money(amount)}" if amount > 0 else money(amount)


def quantity(number: Decimal) -> str:
    """Write a price or a size with up to eight significant digits, and all those before the point."""
    if not number:
        return "0"
    if _is_large(number):
        return _signed(number)
    digits = max(_DIGITS, number.adjusted() + 1)
    return _signed(_significant(number, digits))


def multiple(factor: Decimal) -> str:
    """Write a leverage with up to two decimals."""
    if _is_large(factor):
        return _signed(factor)
    text = f"{factor.quantize(_CENT, ROUND_HALF_EVEN, _WIDE):f}"
    return text.rstrip("0").rstrip(".")


def percent(ratio: Decimal) -> str:
    """Write a fraction in per cent, rounded down: a distance is never shown larger than it is."""
    scaled = _WIDE.multiply(ratio, 100)
    return f"{_signed(scaled if _is_large(scaled) else scaled.quantize(_TENTH, ROUND_FLOOR, _WIDE))} %"


def duration(seconds: float) -> str:
    """Write a time in its one or two largest units."""
    whole = max(0, round(seconds))
    for large, unit, small, rest_unit in _UNITS:
        if whole >= large:
            count, rest = whole // large, whole % large // small
            return f"{count} {unit} {rest} {rest_unit}" if rest and count < _SECOND_UNIT_BELOW else f"{count} {unit}"
    return f"{whole} s"


def moment(time: datetime) -> str:
    """Write a time to the second, in UTC."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _is_large(number: Decimal) -> bool:
    return bool(number) and number.adjusted() >= _LARGE


def _significant(number: Decimal, digits: int) -> Decimal:
    return Context(prec=digits, rounding=ROUND_HALF_EVEN).plus(number)


def _signed(number: Decimal) -> str:
    if not number:
        return f"{abs(number):f}"
    text = f"{number:.4e}" if _is_large(number) or number.adjusted() < -_LARGE else f"{number:,f}"
    return text.replace("-", "\N{MINUS SIGN}")

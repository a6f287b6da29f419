"""How values are written in a terminal: pure functions from a value to its text.

A number is rounded for the eye only, JSON has all of it. Signs are plain ASCII, so that what is copied can be
calculated with. No character that steers a terminal, or hides in one, leaves this module.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import Final

UNKNOWN: Final = "-"
_CENT: Final = Decimal("0.01")
_TENTH: Final = Decimal("0.1")
_SMALL_DIGITS: Final = 4
_PRICE_DIGITS: Final = 6
_LARGEST: Final = 15
_WIDE: Final = Context(prec=400)
_UNITS: Final = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def shown(text: str) -> str:
    r"""Return a text that came from elsewhere, with `\x1b` and the like for every character that does not print."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "replace").decode("ascii") for one in text
    )


def money(amount: Decimal | None) -> str:
    """Write an amount with two decimals, one below 1 with four significant digits."""
    if amount is None:
        return UNKNOWN
    if amount and abs(amount) < 1:
        return _plain(_rounded(amount, _SMALL_DIGITS))
    return _plain(amount if _is_large(amount) else amount.quantize(_CENT, ROUND_HALF_EVEN, _WIDE))


def change(amount: Decimal | None) -> str:
    """Write a gain or loss: as money, a gain with its sign."""
    return f"+{money(amount)}" if amount is not None and amount > 0 else money(amount)


def quantity(number: Decimal | None) -> str:
    """Write a price or a size with up to six significant digits, and all those before the point."""
    if number is None:
        return UNKNOWN
    return _plain(number if _is_large(number) else _rounded(number, max(_PRICE_DIGITS, number.adjusted() + 1)))


def percent(ratio: Decimal | None) -> str:
    """Write a fraction in per cent, rounded down: a distance is never shown larger than it is."""
    if ratio is None:
        return UNKNOWN
    scaled = ratio * 100
    return f"{_plain(scaled if _is_large(scaled) else scaled.quantize(_TENTH, ROUND_FLOOR, _WIDE))}%"


def times(factor: Decimal | None) -> str:
    """Write a leverage."""
    return UNKNOWN if factor is None else f"{quantity(factor.quantize(_TENTH, ROUND_HALF_EVEN, _WIDE).normalize())}x"


def duration(seconds: float) -> str:
    """Write a time in its one or two largest units, rounded to a second."""
    whole = max(0, round(seconds))
    for large, unit, small, rest_unit in _UNITS:
        if whole >= large:
            count, rest = whole // large, whole % large // small
            return f"{count} {unit} {rest} {rest_unit}" if rest else f"{count} {unit}"
    return f"{whole} s"


def moment(seconds: float) -> str:
    """Write a time of the calendar (seconds since 1970) to the second, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(seconds: float) -> str:
    """Write the time of the day (of seconds since 1970) in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S} UTC"


def _is_large(number: Decimal) -> bool:
    return bool(number) and number.adjusted() >= _LARGEST


def _rounded(number: Decimal, digits: int) -> Decimal:
    return Context(prec=digits, rounding=ROUND_HALF_EVEN).plus(number)


def _plain(number: Decimal) -> str:
    if not number:
        number = abs(number)
    return f"{number:.4e}" if _is_large(number) or number.adjusted() < -_LARGEST else f"{number:,f}"

"""Exact money: the one text of an amount, and sums that never round.

Amounts of the exchange are decimal texts with up to a few dozen digits. They are compared and stored in one normal
form, and added with more digits than any sum of them can have; an operation that would still round raises.
"""

from __future__ import annotations

from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from functools import reduce
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

_ZERO: Final = Decimal(0)
_MOST_DIGITS: Final = 100  # on either side of the point; the wire allows 64 characters with an exponent up to 60
_SUM_DIGITS: Final = 2 * _MOST_DIGITS + 20  # and 10^20 of them


def amount_text(amount: Decimal) -> str:
    """Return the normal form of `amount`: plain digits, no trailing zeros, no minus zero ("1.5", "-0.02", "0").

    Raises `ValueError` for what is no amount of money: infinities, NaN, more than 100 digits on either side.
    """
    if not amount.is_finite():
        message = f"not an amount: {amount}"
        raise ValueError(message)
    exponent = amount.as_tuple().exponent
    if not amount:
        return "0"
    if amount.adjusted() >= _MOST_DIGITS or not isinstance(exponent, int) or exponent < -_MOST_DIGITS:
        message = f"an amount of more than {_MOST_DIGITS} digits: {amount:.3e}"
        raise ValueError(message)
    return plain(amount)


def plain(amount: Decimal) -> str:
    """Return all digits of `amount` without an exponent and without trailing zeros."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class Sums(Struct, frozen=True, kw_only=True):
    """What amounts add up to: positive ones in `credited`, negative ones without their sign in `debited`."""

    credited: Decimal = _ZERO
    debited: Decimal = _ZERO
    entries: int = 0

    def plus(self, amounts: Iterable[Decimal]) -> Sums:
        """Return these sums with `amounts` added; raises `decimal.Inexact` rather than round."""
        exact = _exact()
        credited, debited, entries = self.credited, self.debited, self.entries
        for amount in amounts:
            if amount > 0:
                credited = exact.add(credited, amount)
            else:
                debited = exact.subtract(debited, amount)
            entries += 1
        return Sums(credited=credited, debited=debited, entries=entries)

    def joined(self, other: Sums) -> Sums:
        """Return what both add up to together; raises `decimal.Inexact` rather than round."""
        exact = _exact()
        return Sums(
            credited=exact.add(self.credited, other.credited),
            debited=exact.add(self.debited, other.debited),
            entries=self.entries + other.entries,
        )


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return what signed amounts add up to, in its normal form; raises `decimal.Inexact` rather than round."""
    exact = _exact()
    return Decimal(amount_text(reduce(exact.add, amounts, _ZERO)))


def _exact() -> Context:
    return Context(prec=_SUM_DIGITS, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])

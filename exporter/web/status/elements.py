"""The elements that hold a number, or say that there is none: what stands in most cells of the page.

Made here, since calling a macro of the template costs several times as much. Every value is a number, a text of
`wording` or a word of ours; what comes from elsewhere is escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from exporter.web.status import drawing, wording

if TYPE_CHECKING:
    from decimal import Decimal


def unknown(why: str = "unknown") -> Markup:
    """Return a dash, and beside it for who hovers or hears, why it is one."""
    why = escape(why)
    return Markup(  # noqa: S704 - escaped in the line above
        f'<span class="none" title="{why}"><span aria-hidden="true">\N{EN DASH}</span>'
        f'<span class="unseen">{why}</span></span>'
    )


def money(amount: Decimal | None) -> Markup:
    """Return an amount as money."""
    return unknown() if amount is None else _number(amount, wording.money(amount))


def change(amount: Decimal | None) -> Markup:
    """Return a gain or loss."""
    return unknown() if amount is None else _number(amount, wording.change(amount))


def quantity(number: Decimal | None) -> Markup:
    """Return a price or a size."""
    return unknown() if number is None else _number(number, wording.quantity(number))


def multiple(factor: Decimal | None) -> Markup:
    """Return a leverage."""
    return unknown() if factor is None else _number(factor, wording.multiple(factor))


def percent(ratio: Decimal) -> Markup:
    """Return a fraction in per cent."""
    return _number(ratio, wording.percent(ratio))


def distance(ratio: Decimal) -> Markup:
    """Return a distance to liquidation as a number and a bar."""
    text, near = wording.percent(ratio), drawing.nearness(ratio)
    return Markup(  # noqa: S704 - a number, its text, and words of ours
        f'<span class="distance {near}">{_number(ratio, text)}'
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" '
        f'aria-label="{text} away, {near}"><path class="track" d="M0 0H100V6H0z"/>'
        f'<path class="fill" d="M0 0H{drawing.bar(ratio)}V6H0z"/></svg></span>'
    )


def _number(value: Decimal, text: str) -> Markup:
    return Markup(f'<data value="{wording.exact(value)}">{text}</data>')  # noqa: S704 - a number, and its text

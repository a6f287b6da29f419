"""The geometry of the small pictures: a line for a trend, a bar for a distance. Pure; the template draws them."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTES: Final = 60
HEIGHT: Final = 20
_MARGIN: Final = 2
_FULL_BAR: Final = 0.5
_LEAST_SPREAD: Final = 0.005
_CLOSE: Final = Decimal("0.05")
_NEAR: Final = Decimal("0.1")


def lines(points: Sequence[float | None]) -> tuple[str, ...]:
    """Return the trend as SVG paths, one for each stretch without a gap, in a box of 60 by 20.

    Each point is a minute, the last one at the right edge. A stretch of one point is a short dash.
    """
    known = [point for point in points if point is not None]
    if not known:
        return ()
    # What moves by less than a few thousandths is drawn as nearly flat: it is not to look like a crash.
    spread = max(max(known) - min(known), _LEAST_SPREAD * max(map(abs, known)))
    low = (max(known) + min(known) - spread) / 2
    first = MINUTES - len(points)

    def dot(at: int, value: float) -> str:
        share = (value - low) / spread if spread else 0.5
        return f"{first + at + 0.5:g} {HEIGHT - _MARGIN - share * (HEIGHT - 2 * _MARGIN):.1f}"

    stretches = groupby(enumerate(points), key=lambda entry: entry[1] is not None)
    found = ([dot(at, value) for at, value in group if value is not None] for there, group in stretches if there)
    return tuple("M" + "L".join(dots) if len(dots) > 1 else f"M{dots[0]}h.8" for dots in found)


def extent(points: Sequence[float | None]) -> tuple[Decimal, Decimal] | None:
    """Return the lowest and the highest of the points, `None` if there are none."""
    known = [point for point in points if point is not None]
    return (Decimal(repr(min(known))), Decimal(repr(max(known)))) if known else None


def bar(distance: Decimal) -> int:
    """Return how long the bar of a distance is, 0 to 100; a distance of a half and more fills it."""
    return round(min(max(float(distance) / _FULL_BAR, 0.0), 1.0) * 100)


def nearness(distance: Decimal) -> str:
    """Name how near a liquidation is: `close` below 5 % of the mark price, `near` below 10 %, else `far`."""
    if distance < _CLOSE:
        return "close"
    return "near" if distance < _NEAR else "far"

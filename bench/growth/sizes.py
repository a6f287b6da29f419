"""What growth is measured beside, and how sizes are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.measure import Plot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

REFERENCE: Final = 10
LARGE: Final = 1000


def accounts(number: int) -> str:
    """Name a case by its accounts."""
    return "1 account" if number == 1 else f"{number:,} accounts"


def positions(number: int) -> str:
    """Name a case by its positions."""
    return "1 position" if number == 1 else f"{number:,} positions"


def entries(number: int) -> str:
    """Name a case by its entries."""
    return f"{number:,} entries"


def line(title: str, quantity: int, sizes: Iterable[int], *, along: str, name: Callable[[int], str]) -> Plot:
    """Return the plot over all sizes but 1, where what the exporter does besides would make the axis too long."""
    points = tuple((f"{size:,}", name(size)) for size in sizes if size > 1)
    return Plot(title=title, quantity=quantity, along=along, points=points)

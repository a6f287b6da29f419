"""Whether a quantity stays flat: its growth over the second half, and its last quarter beside its second.

Pure. The first quarter is not looked at: caches fill and every kind of trouble comes for the first time.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import linear_regression, quantiles
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FEWEST: Final = 200
_SLICES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How a quantity grew: the line of least squares over the second half, and between two quarters.

    Both are in units of the quantity; `allowed` is the bound on each.
    """

    first: float
    last: float
    slope: float
    step: float
    allowed: float

    @property
    def flat(self) -> bool:
        """Tell whether neither is above the bound."""
        return max(self.slope, self.step) <= self.allowed


def floor(values: Sequence[float]) -> float:
    """Return what nine in ten are above: what is there when no call hangs; a leak raises it as it raises everything."""
    return quantiles(values, n=10, method="inclusive")[0]


def growth(
    values: Sequence[float], *, typical: Callable[[Sequence[float]], float], share: float, least: float
) -> Growth | None:
    """Return the growth of values sampled at even times; `None` if they are too few to tell.

    Allowed is that `share` of what is `typical` of the second quarter, or `least` where that is more. The line goes
    through what is typical of slices: a large answer that is in memory at the moment of one sample is no growth.
    """
    if len(values) < FEWEST:
        return None
    quarter = len(values) // 4
    before, after = typical(values[quarter : 2 * quarter]), typical(values[-quarter:])
    half = values[len(values) // 2 :]
    points = [typical(part) for part in _slices(half)]
    slope = linear_regression(range(len(points)), points).slope * (len(points) - 1)
    return Growth(first=before, last=after, slope=slope, step=after - before, allowed=max(share * before, least))


def _slices(values: Sequence[float]) -> list[Sequence[float]]:
    ends = [len(values) * number // _SLICES for number in range(_SLICES + 1)]
    return [values[begin:end] for begin, end in pairwise(ends)]

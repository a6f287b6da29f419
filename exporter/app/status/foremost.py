"""Which assets of an account the status page shows: the exchange names them, so there is a bound. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model import Balance

MOST_ASSETS: Final = 8


def foremost(assets: Sequence[Balance]) -> tuple[Balance, ...]:
    """Return as many as are shown in the order of the answer: those with used margin, else with equity, come first."""
    by_use = sorted(range(len(assets)), key=lambda at: (not assets[at].used_margin, not assets[at].equity))
    return tuple(assets[at] for at in sorted(by_use[:MOST_ASSETS]))

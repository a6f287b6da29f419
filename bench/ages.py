"""What pages say of the age of a crowd's data, and of how often each account is polled.

Owns the reading of a page, and what is made of many of them; who fetches them, and when, is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

COLLECTORS: Final = ("positions", "balance")
_SUCCESS: Final = re.compile(
    r'^bingx_collector_last_success_timestamp_seconds\{account="([^"]*)",collector="(positions|balance)"\} (\S+)$',
    re.MULTILINE,
)
_CALLS: Final = re.compile(r'^bingx_api_requests_total\{endpoint="(positions|balance)"\} (\S+)$', re.MULTILINE)
_SHOWN: Final = {
    "positions": re.compile(r'^bingx_positions\{account="([^"]*)"', re.MULTILINE),
    "balance": re.compile(r'^bingx_account_equity\{account="([^"]*)"', re.MULTILINE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a page said at a moment, in seconds since 1970; all of it by collector.

    When the data of each account was asked for, of how many accounts there is any, and how many calls there were.
    """

    at: float
    asked: Mapping[str, Mapping[str, float]]
    shown: Mapping[str, int]
    calls: Mapping[str, float]


def read(page: str, *, at: float) -> Look:
    """Read a page that was fetched at that moment."""
    asked: dict[str, dict[str, float]] = {name: {} for name in COLLECTORS}
    for account, collector, moment in _SUCCESS.findall(page):
        asked[collector][account] = float(moment)
    shown = {name: len(set(pattern.findall(page))) for name, pattern in _SHOWN.items()}
    return Look(at=at, asked=asked, shown=shown, calls={name: float(calls) for name, calls in _CALLS.findall(page)})


@dataclass(slots=True)
class Ages:
    """What one collector's data was like at every look; the looks are closer together than polls of an account are."""

    collector: str
    fewest: int | None = None
    _oldest: list[float] = field(default_factory=list)
    _middle: list[float] = field(default_factory=list)
    _gaps: list[float] = field(default_factory=list)
    _asked: dict[str, float] = field(default_factory=dict)

    def note(self, look: Look) -> None:
        """Take note of a page."""
        asked, shown = look.asked[self.collector], look.shown[self.collector]
        ages = [look.at - moment for moment in asked.values()]
        self._oldest.append(max(ages))
        self._middle.append(median(ages))
        self.fewest = shown if self.fewest is None else min(self.fewest, shown)
        for account, moment in asked.items():
            known = self._asked.get(account, moment)
            if moment > known:
                self._gaps.append(moment - known)
            self._asked[account] = moment

    @property
    def in_intervals(self) -> float:
        """The highest age at any look over the median time between two polls of an account."""
        return max(self._oldest) / median(self._gaps)

    @property
    def in_median_ages(self) -> float:
        """The highest age at any look over the median age."""
        return max(self._oldest) / median(self._middle)

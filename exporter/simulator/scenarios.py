"""What kind of day it is on the simulated exchange.

Owns the scenarios: how restless prices are, whether they fall, and when the exchange itself is in trouble. All of it
is a pure function of the seconds since the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """Trouble that comes back: `lasting` seconds of it, first after `first` seconds, then `every` so many."""

    first: int
    every: int
    lasting: int

    def number(self, elapsed: int) -> int | None:
        """Return which outage is on after `elapsed` seconds (0 is the first), or `None` between them."""
        number, into = divmod(elapsed - self.first, self.every)
        return number if number >= 0 and into < self.lasting else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A named course of events; `restlessness` scales the swing of prices, `fall` is the share they lose in the end."""

    name: str
    summary: str
    restlessness: float = 1.0
    fall: float = 0.0
    fall_seconds: int = 1
    outages: Outages | None = None

    def price_factor(self, elapsed: int) -> float:
        """Return what a steady fall has left of a price after `elapsed` seconds, as a fraction."""
        progress = min(max(elapsed, 0) / self.fall_seconds, 1.0)
        return 1.0 - self.fall * progress

    def outage(self, elapsed: int) -> int | None:
        """Return the number of the outage that is on after `elapsed` seconds, or `None`."""
        return self.outages.number(elapsed) if self.outages else None


CALM: Final = Scenario(name="calm", summary="prices wander by a few per cent, nobody is in danger")

# A long of leverage 4 is liquidated some 25 % below its entry: after a fall of 16 % it is within 10 % of that,
# which takes four minutes; at the floor it survives by a hair.
DRAWDOWN: Final = Scenario(
    name="drawdown",
    summary="every price falls by a fifth within five minutes and stays there",
    restlessness=0.1,
    fall=0.20,
    fall_seconds=300,
)

OUTAGE: Final = Scenario(
    name="outage",
    summary="calm, but the account endpoints fail for 90 seconds in every ten minutes",
    outages=Outages(first=180, every=600, lasting=90),
)

SCENARIOS: Final = (CALM, DRAWDOWN, OUTAGE)


def scenario(name: str) -> Scenario:
    """Return the scenario of that name; raises `ValueError` that lists the names there are."""
    for candidate in SCENARIOS:
        if candidate.name == name:
            return candidate
    names = ", ".join(candidate.name for candidate in SCENARIOS)
    message = f"no scenario is called {name!r}; there are {names}"
    raise ValueError(message)

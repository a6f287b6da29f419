"""What one can ask of the simulated exchange before it starts, and what it hands back to log in with."""

from __future__ import annotations

from dataclasses import dataclass, field

from exporter.simulator.scenarios import scenario

_MOST_ACCOUNTS = 10_000
_MOST_POSITIONS = 500
_LONGEST_HISTORY_DAYS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the exchange is set up; raises `ValueError` for a value that makes no sense.

    Intervals are seconds, and 0 switches the matter off. `lateness` is the shortest and the longest time after which
    an income row can be read. `environment` is `live`, or `vst` where every margin is in VST.
    """

    seed: int = 1
    scenario: str = "calm"
    environment: str = "live"
    host: str = "127.0.0.1"
    port: int = 0
    accounts: int = 3
    positions: int = 5
    history_days: int = 90
    history_trades_per_day: float = 4.0
    funding_interval: int = 120
    trade_interval: int = 45
    lateness: tuple[int, int] = (30, 70)
    limits: bool = True

    def __post_init__(self) -> None:
        scenario(self.scenario)
        _within("environment is live or vst", self.environment in {"live", "vst"})
        _within(f"accounts is 1 to {_MOST_ACCOUNTS}", 1 <= self.accounts <= _MOST_ACCOUNTS)
        _within(f"positions is 0 to {_MOST_POSITIONS}", 0 <= self.positions <= _MOST_POSITIONS)
        _within(f"history_days is 0 to {_LONGEST_HISTORY_DAYS}", 0 <= self.history_days <= _LONGEST_HISTORY_DAYS)
        _within("history_trades_per_day is 0 to 1000", 0 <= self.history_trades_per_day <= 1000)  # noqa: PLR2004 - the text beside it names it
        _within(
            "funding_interval and trade_interval are not negative", min(self.funding_interval, self.trade_interval) >= 0
        )
        _within("lateness is two rising numbers from 0", 0 <= self.lateness[0] <= self.lateness[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class SimAccount:
    """An account to log in with; its `repr` shows neither key nor secret."""

    name: str
    environment: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)


def _within(rule: str, held: bool) -> None:  # noqa: FBT001 - a condition beside its text
    if not held:
        raise ValueError(rule)

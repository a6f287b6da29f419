"""How often everybody may poll where the exchange allows less than all of them want; pure arithmetic.

What is wanted of an endpoint is the sum of 1/interval over all that ask it. Where that is more than the budget of a
user or of an address gives, every interval there is stretched by the same factor, so that all of them wait alike.
Intervals are seconds.
"""

from __future__ import annotations

from collections import defaultdict
from math import sqrt
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.bingx.limits import Rule, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exporter.bingx.paths import Endpoint

ANSWER_SECONDS: Final = 0.2
"""A slot is held until the answer: this much time for it is allowed for. Slower answers make polls late."""
SPARE: Final = 0.015
"""The share of a budget that is left to retries, to who asks whose key it is, and to catching up."""
_LEAST_BURST: Final = 3.0
_GOLDEN: Final = (1 + sqrt(5)) / 2

Key = tuple[str, str]
"""Who polls: the account, and what it collects."""
Pool = tuple[str, "Endpoint"]
"""An egress address and an endpoint: they have a budget in common."""


class Demand(Struct, frozen=True, kw_only=True):
    """What somebody would like to ask: `endpoint`, every `interval` seconds, as `user`, by `address`."""

    key: Key
    user: str
    address: str
    endpoint: Endpoint
    interval: float


class Pace(Struct, frozen=True, kw_only=True):
    """How often somebody polls, and where in the interval: the `place` of those who share a pool, and a `turn` later.

    Both are shares of the interval, less than 1 together. Places are spread evenly; turns are those of the addresses.
    """

    interval: float
    place: float
    turn: float

    @property
    def phase(self) -> float:
        """Where in the interval, from 0 to 1."""
        return self.place + self.turn


class Tempo(Struct, frozen=True, kw_only=True):
    """How calls of a pool follow each other: `rate` a second, and `burst` at once after a silence."""

    rate: float
    burst: float


class Load(Struct, frozen=True, kw_only=True):
    """What a pool is asked for and what it gets, in calls a second, and by how much its intervals are stretched.

    `asked` is what the configured intervals ask for, as far as users may ask that, `allowed` the most that is used of
    the budget, `used` what is asked in fact. `factor` is 1 where the address holds nobody back. `wanted` is the
    shortest interval in the configuration, `interval` the shortest in force.
    """

    address: str
    endpoint: Endpoint
    callers: int
    asked: float
    allowed: float
    used: float
    factor: float
    wanted: float
    interval: float
    tempo: Tempo


class Plan(Struct, frozen=True, kw_only=True):
    """The pace of everybody, the load of every pool, and who is held back by what his user may ask, and how much."""

    paces: Mapping[Key, Pace]
    loads: Mapping[Pool, Load]
    crowded: Mapping[Key, float]


def usable(rules: Sequence[Rule], scope: Scope) -> float:
    """Return how many calls a second may be planned for in a budget of that scope; infinity where no rule speaks."""
    return (1 - SPARE) * _most(rules, scope)


def plan(demands: Iterable[Demand], rules: Sequence[Rule]) -> Plan:
    """Return the pace of every demand, in the order in which they are given.

    Users come first: one whose keys ask too much is held back alone, and takes nothing from others of its address.
    """
    every = tuple(demands)
    intervals = {demand.key: demand.interval for demand in every}
    own = usable(rules, Scope.USER)
    crowded: dict[Key, float] = {}
    for asked in _grouped(every, Scope.USER).values():
        factor = _factor(intervals, asked, own)
        _stretch(intervals, asked, factor)
        crowded |= {demand.key: factor for demand in asked if factor > 1}
    paces: dict[Key, Pace] = {}
    loads: dict[Pool, Load] = {}
    turns = _turns(demand.address for demand in every)
    for (address, endpoint), asked in _grouped(every, Scope.ADDRESS).items():
        factor = _factor(intervals, asked, usable(rules, Scope.ADDRESS))
        _stretch(intervals, asked, factor)
        paces |= _spread(intervals, asked, turns[address])
        loads[address, endpoint] = _load(asked, intervals, rules, factor)
    return Plan(paces=paces, loads=loads, crowded=crowded)


def _most(rules: Sequence[Rule], scope: Scope) -> float:
    rates = (rule.calls / (rule.seconds + ANSWER_SECONDS) for rule in rules if rule.scope is scope)
    return min(rates, default=float("inf"))


def _grouped(demands: Iterable[Demand], scope: Scope) -> Mapping[Pool, list[Demand]]:
    groups: defaultdict[Pool, list[Demand]] = defaultdict(list)
    for demand in demands:
        whose = demand.user if scope is Scope.USER else demand.address
        groups[whose, demand.endpoint].append(demand)
    return groups


def _rate(intervals: Mapping[Key, float], asked: Iterable[Demand]) -> float:
    return sum(1 / intervals[demand.key] for demand in asked)


def _factor(intervals: Mapping[Key, float], asked: Iterable[Demand], most: float) -> float:
    return max(1.0, _rate(intervals, asked) / most)


def _stretch(intervals: dict[Key, float], asked: Iterable[Demand], factor: float) -> None:
    for demand in asked:
        intervals[demand.key] *= factor


def _turns(addresses: Iterable[str]) -> Mapping[str, float]:
    """Return when it is each address's turn, as a share (0 to 1) of the time between two polls of it.

    Multiples of the golden ratio lie far apart however many there are, and those of the first do not depend on how many
    there are.
    """
    return {address: index * _GOLDEN % 1 for index, address in enumerate(dict.fromkeys(addresses))}


def _spread(intervals: Mapping[Key, float], asked: Sequence[Demand], turn: float) -> dict[Key, Pace]:
    return {
        demand.key: Pace(interval=intervals[demand.key], place=index / len(asked), turn=turn / len(asked))
        for index, demand in enumerate(asked)
    }


def _load(asked: Sequence[Demand], intervals: Mapping[Key, float], rules: Sequence[Rule], factor: float) -> Load:
    used = _rate(intervals, asked)
    return Load(
        address=asked[0].address,
        endpoint=asked[0].endpoint,
        callers=len(asked),
        asked=used * factor,
        allowed=usable(rules, Scope.ADDRESS),
        used=used,
        factor=factor,
        wanted=min(demand.interval for demand in asked),
        interval=min(intervals[demand.key] for demand in asked),
        tempo=_tempo(rules, used),
    )


def _tempo(rules: Sequence[Rule], used: float) -> Tempo:
    """Return how fast calls may follow each other: a burst takes no more than what the regular polls leave.

    Else the slots of a burst would come free all at once, and the polls that waited for them would be the next burst.
    """
    rate = _most(rules, Scope.ADDRESS)
    bursts = (rule.calls - used * (rule.seconds + ANSWER_SECONDS) for rule in rules if rule.scope is Scope.ADDRESS)
    return Tempo(rate=rate, burst=max(_LEAST_BURST, min(bursts, default=float("inf"))))

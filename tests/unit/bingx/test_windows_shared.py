"""Several programs on one user's budget, none of which knows of the others, before the simulator's doorkeeper."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import pytest

from exporter.bingx.errors import RateLimited
from exporter.bingx.limits import Caller, Limits, Permit, Remaining
from exporter.bingx.paths import Endpoint
from exporter.simulator.limits import Caller as Visitor
from exporter.simulator.limits import LimitRules, Standing
from exporter.simulator.limits import Limits as Doorkeeper

INCOME = Endpoint.INCOME
POLLING = Caller(user="1", address="here", account="a")
READING_ON = POLLING._replace(leaves=1)
ENDS = 120.0


@dataclass(kw_only=True)
class Program:
    """One that asks again `every` so many seconds, or at once, from `begins` to `ends`."""

    caller: Caller
    begins: float = 0.0
    ends: float = ENDS
    every: float = 0.0
    told: bool = True
    limits: Limits = field(default_factory=Limits)
    answered: list[float] = field(default_factory=list)


@dataclass(kw_only=True)
class Street:
    """The way between the programs and the exchange; every call takes up to `latency` there, and as much back."""

    latency: float
    rng: random.Random
    doorkeeper: Doorkeeper = field(default_factory=lambda: Doorkeeper(LimitRules()))
    refused: list[float] = field(default_factory=list)
    banned: bool = False
    events: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list)
    numbers: count[int] = field(default_factory=count)

    def at(self, moment: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self.events, (moment, next(self.numbers), what))

    def run(self, *programs: Program) -> None:
        for program in programs:
            self.at(program.begins, partial(self.ask, program))
        while self.events:
            now, _, what = heapq.heappop(self.events)
            what(now)

    def trip(self) -> float:
        return self.latency * self.rng.uniform(0.02, 1.0)

    def ask(self, program: Program, now: float) -> None:
        if now >= program.ends:
            return
        got = program.limits.reserve(program.caller, INCOME, now)
        if isinstance(got, Permit):
            got.sent(now)
            self.at(now + self.trip(), lambda now: self.arrive(program, got, now))
        else:
            self.at(max(got.until, now + 0.001), partial(self.ask, program))

    def arrive(self, program: Program, permit: Permit, now: float) -> None:
        visitor = Visitor(user=program.caller.user, address=str(id(program)), endpoint="income")
        word = self.doorkeeper.admit(visitor, now_ms=int(now * 1000))
        if isinstance(word, Standing):
            remaining = Remaining(requests=word.remain, expires_in=word.expire_ms / 1000)
            self.at(now + self.trip(), lambda now: self.answer(program, permit, now, remaining))
            return
        self.refused.append(now)
        until = int(word.message.rsplit(" ", 1)[1]) / 1000
        self.banned |= until > now + 60
        self.at(now + self.trip(), lambda now: self.refuse(program, permit, now, until))

    def answer(self, program: Program, permit: Permit, now: float, remaining: Remaining) -> None:
        program.limits.settle(permit, now, remaining if program.told else None)
        program.answered.append(now)
        self.at(max(now, permit.sent_at + program.every if permit.sent_at else now), partial(self.ask, program))

    def refuse(self, program: Program, permit: Permit, now: float, until: float) -> None:
        program.limits.settle(permit, now, None, RateLimited("too many", code=100410), until)
        self.at(now, partial(self.ask, program))


LATENCIES = [0.001, 0.02, 0.15, 0.4]


def street(latency: float, seed: int) -> Street:
    return Street(latency=latency, rng=random.Random(seed))


def in_the_second_half(program: Program) -> int:
    return sum(moment > ENDS / 2 for moment in program.answered)


@pytest.mark.parametrize("latency", LATENCIES)
def test_two_that_read_their_history_together_are_not_banned_and_both_get_on(latency: float) -> None:
    for seed in range(40):
        way = street(latency, seed)
        pair = [Program(caller=READING_ON), Program(caller=READING_ON, begins=way.rng.uniform(0.0, 3.0))]
        way.run(*pair)
        assert not way.banned
        assert len(way.refused) <= 1, (seed, way.refused)
        assert min(map(in_the_second_half, pair)) >= 60


@pytest.mark.parametrize("latency", LATENCIES)
def test_one_that_polls_gets_its_answers_beside_one_that_reads_its_history(latency: float) -> None:
    for seed in range(40):
        way = street(latency, seed)
        reading = Program(caller=READING_ON)
        polling = Program(caller=POLLING, begins=way.rng.uniform(10.0, 20.0), every=5.0)
        way.run(reading, polling)
        assert not way.banned
        assert len(way.refused) <= 1, (seed, way.refused)
        assert len(polling.answered) >= 20
        assert in_the_second_half(reading) >= 60


@pytest.mark.parametrize("latency", LATENCIES)
def test_one_that_is_alone_is_never_taken_for_two(latency: float) -> None:
    for seed in range(20):
        told, untold = (Program(caller=POLLING, told=told) for told in (True, False))
        for program in (told, untold):
            way = street(latency, seed)
            way.run(program)
            assert not way.refused
        assert len(told.answered) > 0.95 * len(untold.answered) > 100


def test_who_was_left_alone_for_a_minute_has_the_whole_budget_again() -> None:
    way = street(0.02, 1)
    stays = Program(caller=POLLING, ends=200.0)
    goes = Program(caller=POLLING, begins=1.0, ends=20.0)
    way.run(stays, goes)

    def in_ten_seconds_from(begin: float) -> int:
        return sum(begin <= moment < begin + 10 for moment in stays.answered)

    assert in_ten_seconds_from(30.0) <= 20
    assert in_ten_seconds_from(100.0) >= 45


def test_a_limit_stricter_than_documented_is_kept_after_the_first_refusals() -> None:
    way = street(0.02, 1)
    way.doorkeeper = Doorkeeper(LimitRules(per_user=2))
    program = Program(caller=POLLING)
    way.run(program)

    assert not way.banned
    assert way.refused == []
    assert in_the_second_half(program) >= 50

"""Calls by a way with two hosts: where each goes, and by which clock it is signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from support.clock import ManualClock

from exporter.bingx.client import Client, Credentials, ServerTimeClient
from exporter.bingx.errors import BingxError, ConnectionFailed, TlsFailed
from exporter.bingx.host import HostClock
from exporter.bingx.limits import Caller, Limits, Permit
from exporter.bingx.paths import Endpoint
from exporter.bingx.transport import Call, Reply, Route
from exporter.bingx.way import Ended, Site, Way
from exporter.model import Secret, to_milliseconds

FIRST, SECOND = "https://first.example", "https://second.example:8443"
ALPHA = Caller(user="1", address="default", account="alpha")


class Deaf:
    def called(self, endpoint: object, seconds: float, reason: str | None) -> None: ...

    def drifted(self, endpoint: object, drift: object) -> None: ...


class Network:
    """Two hosts whose calendars are `ahead` of ours; what is in `trouble` answers so, or not at all."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.ahead = {FIRST: 5.0, SECOND: -40.0}
        self.trouble: dict[str, BingxError | int | bytes] = {}
        self.calls: list[Call] = []

    def send(self, call: Call) -> Reply:
        self.calls.append(call)
        now = self.clock.elapsed()
        trouble = self.trouble.get(call.base_url)
        if isinstance(trouble, BingxError):
            raise trouble
        body = trouble if isinstance(trouble, bytes) else self.answer(call)
        status = trouble if isinstance(trouble, int) else 200
        return Reply(status=status, headers={}, body=body, sent_at=now, answered_at=now)

    def answer(self, call: Call) -> bytes:
        if call.endpoint.signed:
            return b'{"code":0,"msg":"","data":[]}'
        time = self.clock.now() + timedelta(seconds=self.ahead[call.base_url])
        return f'{{"code":0,"msg":"","data":{{"serverTime":{to_milliseconds(time)}}}}}'.encode()


class Bench:
    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.network = Network(clock)
        self.limits = Limits()
        self.way = Way(
            first=Site(base_url=FIRST, clock=HostClock(clock)), fallback=Site(base_url=SECOND, clock=HostClock(clock))
        )
        self.heard: list[str] = []
        self.way.tell(on_doubt=lambda: self.heard.append("doubt"), on_move=lambda: self.heard.append("move"))
        self.time = ServerTimeClient(
            transport=self.network,
            limits=self.limits,
            way=self.way,
            clock=clock,
            route=Route(),
            timeout=5.0,
            observer=Deaf(),
        )
        self.client = Client(
            transport=self.network,
            limits=self.limits,
            way=self.way,
            clock=clock,
            route=Route(),
            timeout=5.0,
            observer=Deaf(),
            recv_window=None,
            credentials=Credentials(api_key=Secret("k3y"), api_secret=Secret("s3cr3t")),
        )

    def permit(self, endpoint: Endpoint) -> Permit:
        self.clock.advance(400)  # past every pause
        permit = self.limits.reserve(ALPHA, endpoint, self.clock.elapsed())
        assert isinstance(permit, Permit)
        return permit

    def read(self, times: int = 1) -> str:
        """Ask for positions and return where the last call went."""
        for _ in range(times):
            self.tried(lambda: self.client.positions(self.permit(Endpoint.POSITIONS)))
        return self.network.calls[-1].base_url

    def ask(self, site: Site | None = None) -> str:
        self.tried(lambda: self.time.server_time(self.permit(Endpoint.SERVER_TIME), site or self.way.asked))
        return self.network.calls[-1].base_url

    def tried(self, call: Callable[[], object]) -> None:
        try:
            call()
        except BingxError:
            assert self.network.trouble

    def stamp(self) -> int:
        return int(dict(parse_qsl(self.network.calls[-1].query))["timestamp"])


@pytest.fixture
def bench(clock: ManualClock) -> Bench:
    bench = Bench(clock)
    assert bench.ask() == FIRST
    assert bench.read() == FIRST
    return bench


def fall(bench: Bench) -> None:
    bench.network.trouble[FIRST] = ConnectionFailed()
    assert bench.read(3) == FIRST
    assert bench.ask() == FIRST
    assert bench.ask() == SECOND
    assert bench.way.moved


def ended(bench: Bench) -> Ended:
    """A signed call that has ended well just now."""
    now = bench.clock.elapsed()
    return Ended(probe=False, sent_at=now, at=now, replied=True, error=None)


def test_calls_go_to_the_second_host_and_are_signed_by_its_clock(bench: Bench) -> None:
    assert bench.stamp() == to_milliseconds(bench.clock.now() + timedelta(seconds=5))
    assert bench.read() == FIRST
    fall(bench)

    assert bench.read() == SECOND
    assert bench.stamp() == to_milliseconds(bench.clock.now() - timedelta(seconds=40))


def test_the_second_host_gets_no_signed_call_before_its_time_is_known(bench: Bench) -> None:
    bench.network.trouble[FIRST] = ConnectionFailed()
    bench.network.trouble[SECOND] = 500
    for _ in range(20):
        assert bench.read() == FIRST
        bench.ask()
    bench.network.trouble[SECOND] = b'{"code":0,"msg":"","data":{}}'
    for _ in range(20):
        assert bench.read() == FIRST
        bench.ask()
    assert {call.endpoint for call in bench.network.calls if call.base_url == SECOND} == {Endpoint.SERVER_TIME}
    assert not bench.way.moved


def test_a_late_answer_of_the_second_host_does_not_lead_to_it(bench: Bench) -> None:
    fall(bench)
    late = bench.way.in_use
    bench.way.heard(bench.way.first, ended(bench))
    bench.read(3)
    bench.ask()
    assert bench.way.asked is late
    bench.way.heard(late, ended(bench))
    assert not bench.way.moved


def test_a_time_that_the_second_host_refuses_puts_its_own_clock_in_doubt(bench: Bench) -> None:
    fall(bench)
    bench.network.trouble[SECOND] = b'{"code":100421,"msg":"timestamp is invalid"}'
    assert bench.read() == SECOND
    assert bench.way.in_use.clock.is_suspected()
    assert not bench.way.first.clock.is_suspected()


def test_a_failed_call_goes_to_one_host_only(bench: Bench) -> None:
    bench.network.trouble = {FIRST: ConnectionFailed(), SECOND: ConnectionFailed()}
    before = len(bench.network.calls)
    bench.read(10)
    assert len(bench.network.calls) == before + 10


@pytest.mark.parametrize("answer", [500, 403, 429, b'{"code":100410,"msg":"no"}', b'{"code":109400,"msg":"no"}'])
def test_any_answer_of_the_first_host_leads_back(bench: Bench, answer: int | bytes) -> None:
    fall(bench)
    bench.network.trouble[FIRST] = answer
    bench.ask(bench.way.first)
    assert not bench.way.moved
    assert bench.read() == FIRST
    assert bench.heard[-2:] == ["move", "move"]


@pytest.mark.parametrize("trouble", [TlsFailed(), b"<html>", ConnectionFailed()])
def test_what_is_no_answer_of_the_exchange_does_not_lead_back(bench: Bench, trouble: BingxError | bytes) -> None:
    fall(bench)
    bench.network.trouble[FIRST] = trouble
    bench.ask(bench.way.first)
    assert bench.read() == SECOND


def test_a_first_host_that_never_told_its_time_is_used_again_only_when_it_does(clock: ManualClock) -> None:
    bench = Bench(clock)
    fall(bench)
    bench.network.trouble[FIRST] = 500
    bench.ask(bench.way.first)
    assert bench.read() == SECOND
    del bench.network.trouble[FIRST]
    bench.ask(bench.way.first)
    assert bench.read() == FIRST
    assert bench.stamp() == to_milliseconds(clock.now() + timedelta(seconds=5))


@pytest.mark.parametrize("answer", [500, 403, 429, b'{"code":100410,"msg":"no"}', b'{"code":109400,"msg":"no"}', b"x"])
def test_no_answer_of_the_first_host_leads_to_the_second(bench: Bench, answer: int | bytes) -> None:
    bench.network.trouble[FIRST] = answer
    for _ in range(10):
        bench.read()
        bench.ask()
    assert {call.base_url for call in bench.network.calls} == {FIRST}
    assert bench.heard == []


def test_without_a_second_host_nothing_changes(clock: ManualClock) -> None:
    bench = Bench(clock)
    bench.way.fallback = None
    bench.network.trouble[FIRST] = ConnectionFailed()
    bench.read(9)
    bench.way.doubt()
    assert (bench.ask(), bench.way.moved, bench.way.doubted, bench.heard) == (FIRST, False, False, [])


def test_limits_count_both_hosts_as_one(bench: Bench) -> None:
    fall(bench)
    assert bench.read() == SECOND
    del bench.network.trouble[FIRST]
    time = bench.limits.reserve(ALPHA, Endpoint.SERVER_TIME, bench.clock.elapsed())
    assert isinstance(time, Permit)
    bench.time.server_time(time, bench.way.first)
    for _ in range(4):
        permit = bench.limits.reserve(ALPHA, Endpoint.POSITIONS, bench.clock.elapsed())
        assert isinstance(permit, Permit)
        bench.client.positions(permit)
    assert [call.base_url for call in bench.network.calls[-6:]] == [SECOND, *[FIRST] * 5]
    assert not isinstance(bench.limits.reserve(ALPHA, Endpoint.POSITIONS, bench.clock.elapsed()), Permit)


def test_a_host_is_named_without_its_scheme(bench: Bench) -> None:
    assert (bench.way.first.name, bench.way.in_use.name) == ("first.example", "first.example")
    assert bench.way.asked is bench.way.first

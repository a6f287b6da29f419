"""When the task of the clock asks which of two hosts, with a clock that a test moves."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from support.clock import ManualClock
from support.heard import heard

from exporter.bingx.client import ServerTimeClient
from exporter.bingx.errors import BingxError, CallTimeout, ConnectionFailed, HttpServerError
from exporter.bingx.fallback import UNANSWERED_CALLS, UNANSWERED_SECONDS
from exporter.bingx.host import HostClock
from exporter.bingx.limits import Limits, Permit, Wait
from exporter.bingx.paths import Endpoint
from exporter.bingx.transport import Call, Reply, Route
from exporter.bingx.way import Ended, Site, Way
from exporter.model import to_milliseconds
from exporter.polling.host import INTERVAL, PROBE_SECONDS, Host

FIRST, SECOND = "https://first.example", "https://second.example"


class Deaf:
    def called(self, endpoint: object, seconds: float, reason: str | None) -> None: ...

    def drifted(self, endpoint: object, drift: object) -> None: ...


class Network:
    """Hosts that tell the time unless they are `down`."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.down: dict[str, BingxError] = {}
        self.asked: list[str] = []

    def send(self, call: Call) -> Reply:
        self.asked.append(call.base_url)
        if call.base_url in self.down:
            raise self.down[call.base_url]
        now, time = self.clock.elapsed(), to_milliseconds(self.clock.now() + timedelta(seconds=7))
        body = f'{{"code":0,"msg":"","data":{{"serverTime":{time}}}}}'.encode()
        return Reply(status=200, headers={}, body=body, sent_at=now, answered_at=now)


class Bench:
    def __init__(self, *, with_second: bool = True) -> None:
        self.clock = clock = ManualClock()
        self.network = Network(clock)
        self.limits = Limits()
        second = Site(base_url=SECOND, clock=HostClock(clock)) if with_second else None
        self.way = Way(first=Site(base_url=FIRST, clock=HostClock(clock)), fallback=second)
        self.host = self.by("default")
        self.woken = self.told = self.opened = 0
        self.host.on_wake(self.wake)
        self.host.on_move(self.tell)
        self.host.on_open(self.open)
        self.due = clock.elapsed()

    def by(self, address: str) -> Host:
        """Return what measures the same hosts by an egress address."""
        client = ServerTimeClient(
            transport=self.network,
            limits=self.limits,
            way=self.way,
            clock=self.clock,
            route=Route(),
            timeout=5.0,
            observer=Deaf(),
        )
        return Host(way=self.way, client=client, address=address, clock=self.clock)

    def wake(self) -> None:
        self.woken += 1
        self.due = self.clock.elapsed()

    def open(self) -> None:
        self.opened += 1

    def tell(self) -> None:
        self.told += 1

    def step(self) -> str:
        """Go on to the next measurement, make it, and return whom it asked."""
        self.clock.advance(max(self.due - self.clock.elapsed(), 0))
        permit = self.limits.reserve(self.host.caller, self.host.endpoint, self.clock.elapsed())
        assert isinstance(permit, Permit)
        self.due = self.host.step(permit)
        return self.network.asked[-1]

    def pause(self) -> float:
        return self.due - self.clock.elapsed()

    def lose(self) -> None:
        """Let calls of the accounts end without an answer until the first host is in doubt."""
        for _ in range(UNANSWERED_CALLS):
            sent_at = self.clock.elapsed()
            self.clock.advance(UNANSWERED_SECONDS)
            end = Ended(probe=False, sent_at=sent_at, at=self.clock.elapsed(), replied=False, error=CallTimeout())
            self.way.heard(self.way.in_use, end)

    def fall(self) -> None:
        self.step()
        self.network.down[FIRST] = ConnectionFailed()
        self.lose()
        assert [self.step(), self.step()] == [FIRST, SECOND]
        assert self.way.moved


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    with heard("info") as text:
        yield text


def test_a_host_that_is_well_is_asked_now_and_then_and_the_second_never(bench: Bench) -> None:
    assert [(bench.step(), bench.pause()) for _ in range(5)] == [(FIRST, INTERVAL)] * 5
    assert bench.host.offset_seconds() == 7


def test_a_doubt_asks_the_first_host_at_once_and_then_the_second(bench: Bench) -> None:
    bench.step()
    bench.network.down[FIRST] = ConnectionFailed()
    bench.lose()
    assert bench.woken == 1
    assert (bench.step(), bench.pause()) == (FIRST, 0)
    assert bench.step() == SECOND
    assert bench.way.in_use.base_url == SECOND
    assert bench.told == 1
    assert bench.host.offset_seconds() == 7


def test_a_first_host_that_answers_when_it_is_in_doubt_stays(bench: Bench) -> None:
    bench.step()
    bench.lose()
    assert (bench.step(), bench.pause()) == (FIRST, INTERVAL)
    assert SECOND not in bench.network.asked


def test_while_neither_can_be_reached_both_are_asked_in_turn_and_rarely(bench: Bench) -> None:
    bench.step()
    bench.network.down = {FIRST: ConnectionFailed(), SECOND: ConnectionFailed()}
    bench.lose()
    began = bench.clock.elapsed()
    asked = [bench.step() for _ in range(10)]
    assert asked == [FIRST, SECOND] * 5
    assert bench.clock.elapsed() - began >= 4 * 0.8 * PROBE_SECONDS
    woken = bench.woken
    bench.clock.advance(0.1)
    end = Ended(
        probe=False,
        sent_at=bench.clock.elapsed(),
        at=bench.clock.elapsed(),
        replied=False,
        error=ConnectionFailed(),
    )
    bench.way.heard(bench.way.first, end)
    assert bench.woken == woken  # the calls of the accounts do not hurry it
    assert not bench.way.moved


def test_the_first_host_is_asked_for_until_it_is_back(bench: Bench) -> None:
    bench.fall()
    for _ in range(10):
        assert 0.8 * PROBE_SECONDS <= bench.pause() <= PROBE_SECONDS
        assert bench.step() == FIRST
        assert bench.way.moved
    bench.network.down.clear()
    assert bench.step() == FIRST
    assert (bench.way.moved, bench.pause(), bench.told) == (False, INTERVAL, 2)


def test_the_clock_of_the_second_host_is_kept_while_it_is_in_use(bench: Bench) -> None:
    bench.fall()
    began = bench.clock.elapsed()
    asked = []
    while bench.clock.elapsed() < began + 2 * INTERVAL:
        asked.append(bench.step())
    assert asked.count(SECOND) in (1, 2)
    assert asked.count(FIRST) >= 2 * INTERVAL / PROBE_SECONDS - 2


def test_a_doubt_of_our_time_at_the_second_host_measures_that_one(bench: Bench) -> None:
    bench.fall()
    bench.way.in_use.clock.suspect()
    bench.host.resync()
    assert bench.pause() == 0
    assert bench.step() == SECOND
    assert not bench.way.in_use.clock.is_suspected()
    assert bench.step() == FIRST


def test_a_second_host_that_falls_silent_too_keeps_nobody_from_asking_for_the_first(bench: Bench) -> None:
    bench.fall()
    bench.network.down[SECOND] = CallTimeout()
    bench.way.in_use.clock.suspect()
    assert [bench.step() for _ in range(4)] == [FIRST, SECOND, FIRST, SECOND]


def test_doubts_without_end_at_the_second_host_keep_nobody_from_asking_for_the_first(bench: Bench) -> None:
    bench.fall()
    asked = []
    for _ in range(100):
        bench.clock.advance(1)
        bench.way.in_use.clock.suspect()
        bench.host.resync()
        asked.append(bench.step())
    assert asked.count(FIRST) >= 4
    assert asked.count(SECOND) >= 90


def test_each_change_of_the_host_is_told_once_by_names_only(said: io.StringIO, bench: Bench) -> None:
    bench.fall()
    for _ in range(5):
        bench.step()
    bench.network.down.clear()
    bench.step()
    told = [line for line in said.getvalue().splitlines() if "second.example" in line]
    assert len(told) == 2
    assert "level=WARN" in told[0]
    assert "level=INFO" in told[1]
    assert all("host=first.example" in line and "fallback=second.example" in line for line in told)
    assert "https://" not in "".join(told)


def test_without_a_second_host_the_first_is_asked_at_growing_intervals() -> None:
    bench = Bench(with_second=False)
    bench.network.down[FIRST] = ConnectionFailed()
    pauses = []
    for _ in range(8):
        assert bench.step() == FIRST
        pauses.append(bench.pause())
    assert 4 <= pauses[0] <= 5
    assert 48 <= pauses[-1] <= 60
    assert bench.host.not_before(bench.clock.elapsed()) is None


def test_calls_wait_while_a_doubted_clock_is_measured_and_no_longer() -> None:
    bench = Bench(with_second=False)
    bench.step()
    assert bench.host.not_before(bench.clock.elapsed()) is None

    bench.way.first.clock.suspect()
    assert bench.host.not_before(bench.clock.elapsed()) is not None
    bench.host.resync()
    bench.step()
    assert bench.host.not_before(bench.clock.elapsed()) is None

    bench.way.first.clock.suspect()
    bench.network.down[FIRST] = CallTimeout()
    bench.host.resync()
    bench.step()
    assert bench.host.not_before(bench.clock.elapsed()) is None, "a clock that nobody can read holds up nobody"


def test_a_measurement_that_crashed_holds_up_nobody() -> None:
    bench = Bench(with_second=False)
    bench.step()
    bench.way.first.clock.suspect()

    bench.host.crashed()

    assert bench.host.not_before(bench.clock.elapsed()) is None


def test_a_pause_by_one_way_says_nothing_of_another_way_to_the_same_host() -> None:
    bench = Bench(with_second=False)
    other = bench.by("proxy egress-2:3128")
    bench.network.down[FIRST] = HttpServerError("502", status=502)
    bench.step()
    now = bench.clock.elapsed()
    assert isinstance(bench.limits.reserve(bench.host.caller, Endpoint.SERVER_TIME, now), Wait)

    assert isinstance(bench.limits.reserve(other.caller, Endpoint.SERVER_TIME, now), Permit)


def test_calls_wait_for_a_host_that_lay_idle_as_long_as_for_a_new_one() -> None:
    bench = Bench(with_second=False)
    bench.clock.advance(3600)

    assert bench.host.not_before(bench.clock.elapsed()) is not None
    bench.clock.advance(5)
    assert bench.host.not_before(bench.clock.elapsed()) is not None
    bench.clock.advance(0.1)
    assert bench.host.not_before(bench.clock.elapsed()) is None, "what does not answer holds up nobody for ever"


def test_a_connection_that_had_gone_is_no_failure_and_the_next_call_follows_at_once(said: io.StringIO) -> None:
    bench = Bench(with_second=False)
    stale = ConnectionFailed("closed meanwhile")
    stale.stale = True
    bench.network.down[FIRST] = stale

    bench.step()

    assert bench.pause() == 0
    assert "cannot be read" not in said.getvalue()
    bench.network.down[FIRST] = ConnectionFailed("refused")
    bench.step()
    assert said.getvalue().count("cannot be read") == 1, "the first failure is this one"


@pytest.mark.parametrize(
    "error", [None, CallTimeout(), ConnectionFailed("refused")], ids=["answer", "timeout", "refused"]
)
def test_whoever_waits_for_the_first_attempt_is_told_of_it_once(error: BingxError | None) -> None:
    bench = Bench(with_second=False)
    if error is not None:
        bench.network.down[FIRST] = error
    assert bench.host.not_before(bench.clock.elapsed()) is not None

    bench.step()
    assert (bench.opened, bench.host.not_before(bench.clock.elapsed())) == (1, None)
    bench.way.first.clock.suspect()
    bench.host.not_before(bench.clock.elapsed())
    bench.step()

    assert bench.opened == 1, "a later measurement must not bring forward what is due when it is due"


def test_nobody_is_hastened_who_did_not_wait_or_went_on_without_the_clock() -> None:
    unasked, slow = Bench(with_second=False), Bench(with_second=False)
    unasked.step()
    slow.host.not_before(slow.clock.elapsed())
    slow.clock.advance(5.1)
    assert slow.host.not_before(slow.clock.elapsed()) is None

    slow.step()

    assert (unasked.opened, slow.opened) == (0, 0)

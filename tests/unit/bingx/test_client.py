from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest

from exporter.bingx.client import Client, Credentials, ServerTimeClient
from exporter.bingx.endpoints import Endpoint
from exporter.bingx.endpoints.income import IncomeQuery
from exporter.bingx.errors import BingxError, CallTimeout, ClockSkew, RateLimited
from exporter.bingx.host import HostClock
from exporter.bingx.limits import Caller, Limits, Permit, Wait
from exporter.bingx.signing import sign
from exporter.bingx.transport import Call, Reply, Route
from exporter.bingx.way import Site, Way
from exporter.model import Secret

if TYPE_CHECKING:
    from support.clock import ManualClock

    from exporter.bingx.wire import Drift

ALPHA = Caller(user="1", address="here", account="alpha")
SECRET = Secret("s3cr3t")
HOST = "https://host.invalid"


@dataclass
class Script:
    """A transport that answers from a script, half a second later."""

    clock: ManualClock
    bodies: list[bytes | BingxError]
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    calls: list[Call] = field(default_factory=list)

    def send(self, call: Call) -> Reply:
        self.calls.append(call)
        sent_at = self.clock.elapsed()
        self.clock.advance(0.5)
        body = self.bodies.pop(0)
        if isinstance(body, BingxError):
            raise body
        return Reply(
            status=self.status, headers=self.headers, body=body, sent_at=sent_at, answered_at=self.clock.elapsed()
        )


@dataclass
class Notebook:
    calls: list[tuple[Endpoint, float, str | None]] = field(default_factory=list)
    drifts: list[tuple[Endpoint, str, str]] = field(default_factory=list)

    def called(self, endpoint: Endpoint, seconds: float, reason: str | None) -> None:
        self.calls.append((endpoint, seconds, reason))

    def drifted(self, endpoint: Endpoint, drift: Drift) -> None:
        self.drifts.append((endpoint, drift.kind, drift.path))


class Bench:
    """A client with real limits and a real host clock."""

    def __init__(self, clock: ManualClock, *bodies: bytes | BingxError, recv_window: float | None = 5.0) -> None:
        self.clock = clock
        self.transport = Script(clock, list(bodies))
        self.limits = Limits()
        self.host = HostClock(clock)
        way = Way(first=Site(base_url=HOST, clock=self.host))
        self.observer = Notebook()
        self.client = Client(
            transport=self.transport,
            limits=self.limits,
            way=way,
            clock=clock,
            credentials=Credentials(api_key=Secret("k3y"), api_secret=SECRET),
            route=Route(),
            recv_window=recv_window,
            timeout=5.0,
            observer=self.observer,
        )
        self.server_time = ServerTimeClient(
            transport=self.transport,
            limits=self.limits,
            way=way,
            clock=clock,
            route=Route(),
            timeout=5.0,
            observer=self.observer,
        )

    def permit(self, endpoint: Endpoint) -> Permit:
        permit = self.limits.reserve(ALPHA, endpoint, self.clock.elapsed())
        assert isinstance(permit, Permit)
        return permit


FLAT = b'{"code":0,"msg":"","apiKey":"k3y","permissions":[2,5],"ipAddresses":[]}'


def good(data: str) -> bytes:
    return f'{{"code":0,"msg":"","data":{data}}}'.encode()


def test_an_answer_carries_its_value_and_when_it_was_asked(clock: ManualClock) -> None:
    bench = Bench(clock, good('[{"asset":"USDT","balance":"1.5","newField":1}]'))
    answer = bench.client.balance(bench.permit(Endpoint.BALANCE))
    assert answer.value.assets[0].balance == Decimal("1.5")
    assert (answer.sent_at, answer.answered_at) == (1000.0, 1000.5)
    assert bench.observer.calls == [(Endpoint.BALANCE, 0.5, None)]
    assert bench.observer.drifts == [(Endpoint.BALANCE, "unknown_field", "data[].newField")]


def test_a_signed_call_ends_in_window_timestamp_and_signature(clock: ManualClock) -> None:
    bench = Bench(clock, good("[]"))
    start = datetime(2026, 10, 1, tzinfo=UTC)
    query = IncomeQuery(start=start, end=start + timedelta(days=7), symbol="MØTH-USDT")
    bench.client.income(bench.permit(Endpoint.INCOME), query)
    params = parse_qsl(bench.transport.calls[0].query)
    assert params[:-1] == [
        ("symbol", "MØTH-USDT"),
        ("startTime", "1790812800000"),
        ("endTime", "1791417600000"),
        ("limit", "1000"),
        ("recvWindow", "5000"),
        ("timestamp", "1793491200000"),
    ]
    assert params[-1] == ("signature", sign(SECRET, "&".join(f"{name}={value}" for name, value in params[:-1])))


def test_a_receive_window_that_is_not_set_is_not_sent(clock: ManualClock) -> None:
    bench = Bench(clock, good("[]"), recv_window=None)
    bench.client.positions(bench.permit(Endpoint.POSITIONS))
    assert [name for name, _ in parse_qsl(bench.transport.calls[0].query)] == ["timestamp", "signature"]


def test_calls_are_stamped_by_the_clock_of_the_host(clock: ManualClock) -> None:
    bench = Bench(clock, good('{"serverTime":1793491260250}'), good("[]"))
    bench.server_time.server_time(bench.permit(Endpoint.SERVER_TIME))
    unsigned = bench.transport.calls[0]
    assert (unsigned.query, unsigned.api_key) == ("", None)
    assert bench.host.offset_seconds() == 60
    bench.client.positions(bench.permit(Endpoint.POSITIONS))
    assert ("timestamp", "1793491260500") in parse_qsl(bench.transport.calls[1].query)


def test_every_endpoint_has_its_method(clock: ManualClock) -> None:
    bench = Bench(clock, good('{"commission":{"makerCommissionRate":0.0002}}'), b"PK\x03\x04book", FLAT)
    rate = bench.client.commission_rate(bench.permit(Endpoint.COMMISSION_RATE))
    assert rate.value.maker == Decimal("0.0002")
    query = IncomeQuery(start=clock.now(), end=clock.now())
    assert bench.client.income_export(bench.permit(Endpoint.INCOME_EXPORT), query).value == b"PK\x03\x04book"
    assert bench.client.permissions(bench.permit(Endpoint.PERMISSIONS)).value.withdraw


def test_a_permit_is_for_one_call_of_its_endpoint(clock: ManualClock) -> None:
    bench = Bench(clock, good("[]"))
    permit = bench.permit(Endpoint.POSITIONS)
    with pytest.raises(ValueError, match="positions is none for balance"):
        bench.client.balance(permit)
    bench.client.positions(permit)
    with pytest.raises(ValueError, match="used before"):
        bench.client.positions(permit)
    assert len(bench.transport.calls) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (CallTimeout("slow"), "timeout"),
        (b'{"code":100413,"msg":"Incorrect apiKey"}', "invalid_key"),
        (b"<html>", "malformed_response"),
        (good('[{"positionAmt":"x"}]'), "malformed_response"),
    ],
)
def test_a_failure_is_one_of_ours_settled_and_observed(
    clock: ManualClock, body: bytes | BingxError, reason: str
) -> None:
    bench = Bench(clock, body)
    with pytest.raises(BingxError) as raised:
        bench.client.positions(bench.permit(Endpoint.POSITIONS))
    assert (raised.value.reason, raised.value.endpoint) == (reason, Endpoint.POSITIONS)
    assert bench.observer.calls == [(Endpoint.POSITIONS, 0.5, reason)]
    assert bench.limits.remaining(ALPHA, Endpoint.POSITIONS, clock.elapsed()) == 4
    given_up = 5 if reason == "timeout" else 0  # seconds in which it may still arrive
    assert bench.limits.remaining(ALPHA, Endpoint.POSITIONS, clock.elapsed() + 1 + given_up) == 5


def test_a_fault_of_ours_leaves_no_slot_taken(clock: ManualClock) -> None:
    bench = Bench(clock)
    with pytest.raises(IndexError):
        bench.client.positions(bench.permit(Endpoint.POSITIONS))
    assert bench.observer.calls == [(Endpoint.POSITIONS, 0.5, "malformed_response")]
    assert bench.limits.is_retry(ALPHA, Endpoint.POSITIONS), "it was no good answer"
    assert bench.limits.remaining(ALPHA, Endpoint.POSITIONS, clock.elapsed() + 1) == 5


def test_a_named_ban_is_waited_out_on_the_clock_of_the_host(clock: ManualClock) -> None:
    named = b'{"code":100410,"msg":"unblocked after 1793491380000"}'  # 180 s after our calendar's start
    bench = Bench(clock, good('{"serverTime":1793491260250}'), named)
    bench.server_time.server_time(bench.permit(Endpoint.SERVER_TIME))
    with pytest.raises(RateLimited):
        bench.client.balance(bench.permit(Endpoint.BALANCE))
    blocked = bench.limits.blocked_until(ALPHA, Endpoint.BALANCE, clock.elapsed())
    assert blocked == pytest.approx(1000 + 120 + 0.25)  # the host is 60 s ahead; the rest is what the sync left open
    assert isinstance(bench.limits.reserve(ALPHA, Endpoint.BALANCE, 1119.9), Wait)


def test_a_refused_timestamp_asks_for_the_time_of_the_host(clock: ManualClock) -> None:
    bench = Bench(clock, good('{"serverTime":1793491200250}'), b'{"code":100421,"msg":"timestamp is invalid"}')
    bench.server_time.server_time(bench.permit(Endpoint.SERVER_TIME))
    assert not bench.host.is_suspected()
    with pytest.raises(ClockSkew):
        bench.client.balance(bench.permit(Endpoint.BALANCE))
    assert bench.host.is_suspected()


def test_what_the_exchange_says_is_left_is_believed(clock: ManualClock) -> None:
    bench = Bench(clock, good("[]"), good("[]"))
    bench.transport.headers = {"x-ratelimit-requests-remain": "0", "x-ratelimit-requests-expire": "900"}
    bench.client.positions(bench.permit(Endpoint.POSITIONS))
    answer = bench.limits.reserve(ALPHA, Endpoint.POSITIONS, 1001.3)
    assert isinstance(answer, Wait)
    assert (answer.until, answer.why) == (1000.5 + 1.0, "the budget is used up")
    bench.transport.headers = {"x-ratelimit-requests-remain": "-1", "x-ratelimit-requests-expire": "x"}
    clock.advance(65)
    bench.client.positions(bench.permit(Endpoint.POSITIONS))
    assert bench.limits.remaining(ALPHA, Endpoint.POSITIONS, clock.elapsed()) == 4


def test_no_part_of_a_call_shows_a_secret(clock: ManualClock) -> None:
    bench = Bench(clock, good("[]"))
    bench.client.positions(bench.permit(Endpoint.POSITIONS))
    call = bench.transport.calls[0]
    shown = repr((call, Credentials(api_key=Secret("k3y"), api_secret=SECRET), Route(proxy="http://u:pw@h:1")))
    for secret in ("k3y", "s3cr3t", "pw", call.query[-64:]):
        assert secret not in shown

"""When a key's rights are asked for, what is shown of them, and what is said in the log."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

import pytest
from support.clock import ManualClock
from support.heard import heard

from exporter.bingx.client import Client, Credentials, ServerTimeClient
from exporter.bingx.errors import BingxError, CallTimeout, ConnectionFailed, PermissionDenied
from exporter.bingx.host import HostClock
from exporter.bingx.limits import Limits, Permit
from exporter.bingx.paths import Endpoint
from exporter.bingx.transport import Call, Reply, Route
from exporter.bingx.way import Site, Way
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.page import Page
from exporter.metrics.publisher import Publisher
from exporter.metrics.render import Format
from exporter.model import Balances, CollectorName, PollStatus, Secret
from exporter.polling.board import Board
from exporter.polling.desk import PRIORITY, Desk
from exporter.polling.host import Host
from exporter.polling.permissions import PermissionQuery

KEY = "NotAKeyButAsLongAsOneSoThatItWouldBeSeenWhereverItTurnsUp0123456789abcdefghijklmnopqrs"
HOST = "https://host.invalid"
HOUR = 3600.0


class Deaf:
    """Hears of every call and does nothing."""

    def called(self, endpoint: object, seconds: float, reason: str | None) -> None: ...

    def drifted(self, endpoint: object, drift: object) -> None: ...


@dataclass
class Script:
    """A transport that answers from a script, at once."""

    clock: ManualClock
    answers: list[bytes | BingxError] = field(default_factory=list)

    def send(self, call: Call) -> Reply:
        assert call.endpoint is Endpoint.PERMISSIONS
        answer = self.answers.pop(0)
        if isinstance(answer, BingxError):
            raise answer
        now = self.clock.elapsed()
        return Reply(status=200, headers={}, body=answer, sent_at=now, answered_at=now)


class Bench:
    """The query of one account with real limits, a real board and a real page."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.transport = Script(clock)
        self.limits = Limits()
        self.page = Page(ACCOUNT_SUBJECTS, clock=clock)
        self.page.arrange(["main"])
        self.publisher = Publisher(self.page)
        self.board = Board(self.publisher)
        self.board.open("main", {CollectorName.BALANCE: 10.0})
        way = Way(first=Site(base_url=HOST, clock=HostClock(clock)))
        time = ServerTimeClient(
            transport=self.transport,
            limits=self.limits,
            way=way,
            clock=clock,
            route=Route(),
            timeout=5.0,
            observer=Deaf(),
        )
        client = Client(
            transport=self.transport,
            limits=self.limits,
            way=way,
            clock=clock,
            credentials=Credentials(api_key=Secret(KEY), api_secret=Secret("s3cr3t")),
            route=Route(),
            recv_window=None,
            timeout=5.0,
            observer=Deaf(),
        )
        self.desk = Desk(
            account="main",
            client=client,
            host=Host(way=way, client=time, address="here", clock=clock),
            limits=self.limits,
            board=self.board,
            clock=clock,
            address="here",
            key_name="key 1",
        )
        self.query = self.asking()
        self.desk.host.crashed()  # nobody waits for the clock of the host any longer

    def asking(self) -> PermissionQuery:
        return PermissionQuery(desk=self.desk, show=self.publisher.permissions_changed)

    def ask(self, answer: bytes | BingxError) -> float:
        """Make one call and return in how many seconds the next one is due."""
        self.transport.answers.append(answer)
        permit = self.limits.reserve(self.query.caller, Endpoint.PERMISSIONS, self.clock.elapsed())
        assert isinstance(permit, Permit)
        return self.query.step(permit) - self.clock.elapsed()

    def shown(self) -> list[str]:
        lines = self.page.body(Format.TEXT).decode().splitlines()
        return [line for line in lines if line.startswith("bingx_account_key_")]


def told(*rights: int, addresses: str = '["203.0.113.7"]') -> bytes:
    body = (
        f'{{"code":0,"msg":"","apiKey":"{KEY}","permissions":{list(rights)},"ipAddresses":{addresses},"note":"{KEY}"}}'
    )
    return body.encode()


@pytest.fixture
def bench() -> Bench:
    return Bench(ManualClock())


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    with heard() as text:
        yield text


def test_it_waits_until_somebody_has_told_whose_account_it_is(bench: Bench) -> None:
    assert bench.query.prepare(bench.clock.elapsed()) == inf

    bench.desk.identified(Balances(user_id="1200000000000000001", assets=()))

    assert bench.query.prepare(bench.clock.elapsed()) is None
    assert bench.query.caller.user == "1200000000000000001"


def test_positions_and_balance_go_first_then_fees_then_income_and_what_the_key_may_do_goes_last(bench: Bench) -> None:
    assert sorted(PRIORITY, key=PRIORITY.__getitem__) == [
        CollectorName.POSITIONS,
        CollectorName.BALANCE,
        CollectorName.COMMISSION_RATE,
        CollectorName.INCOME,
        CollectorName.RECONCILIATION,
    ]
    assert set(PRIORITY) == set(CollectorName)
    assert bench.query.priority > max(PRIORITY.values())


def test_what_the_key_may_do_is_shown_and_asked_again_after_an_hour(bench: Bench) -> None:
    assert bench.ask(told(2, 3)) == HOUR
    assert bench.shown() == [
        'bingx_account_key_can_trade{account="main"} 1.0',
        'bingx_account_key_can_withdraw{account="main"} 0.0',
    ]

    bench.ask(told(2, 5))
    assert bench.shown() == [
        'bingx_account_key_can_trade{account="main"} 0.0',
        'bingx_account_key_can_withdraw{account="main"} 1.0',
    ]


def test_what_is_older_than_three_hours_is_not_shown(bench: Bench) -> None:
    bench.ask(told(2))
    bench.clock.advance(3 * HOUR - 1)
    assert len(bench.shown()) == 2

    bench.ask(CallTimeout("slow"))
    bench.clock.advance(1)
    assert bench.shown() == []


@pytest.mark.parametrize(
    ("failure", "pause"),
    [
        (CallTimeout("slow"), 300.0),
        (b'{"code":100004,"msg":"Permission denied"}', HOUR),
        (PermissionDenied("no"), HOUR),
        (b'{"code":0,"msg":""}', 300.0),
    ],
)
def test_a_failure_shows_nothing_and_is_no_part_of_the_accounts_health(
    bench: Bench, log: io.StringIO, failure: bytes | BingxError, pause: float
) -> None:
    before = bench.page.body(Format.TEXT)

    assert bench.ask(failure) == pause

    assert bench.page.body(Format.TEXT) == before
    assert bench.board.statuses("main") == {CollectorName.BALANCE: PollStatus(interval_seconds=10.0)}
    assert not bench.desk.refused
    assert "level=DEBUG" in log.getvalue()
    assert "level=WARN" not in log.getvalue()


def test_a_connection_that_the_other_side_had_closed_is_no_failure(bench: Bench, log: io.StringIO) -> None:
    stale = ConnectionFailed("closed")
    stale.stale = True

    assert bench.ask(stale) == 0
    assert log.getvalue() == ""


def test_a_fault_of_ours_leaves_the_health_alone(bench: Bench) -> None:
    bench.query.crashed()
    assert bench.board.statuses("main") == {CollectorName.BALANCE: PollStatus(interval_seconds=10.0)}


def test_a_dangerous_key_is_warned_of_once_for_each_danger(bench: Bench, log: io.StringIO) -> None:
    for answer in (told(2, 3), told(2, 5), told(2, 5), told(2, 5, addresses="[]"), told(2, addresses="[]")):
        bench.ask(answer)
        bench.clock.advance(HOUR)

    warned = [line for line in log.getvalue().splitlines() if "level=WARN" in line]
    assert len(warned) == 2
    assert "may withdraw" in warned[0]
    assert "any address" in warned[1]
    assert all("account=main" in line for line in warned)


def test_a_safe_key_and_one_of_which_the_addresses_are_not_told_are_not_warned_of(
    bench: Bench, log: io.StringIO
) -> None:
    bench.ask(told(1, 2, 3, 4))
    bench.ask(told(2, addresses="null"))
    assert log.getvalue() == ""


def test_the_key_and_its_addresses_are_in_no_output(bench: Bench, log: io.StringIO) -> None:
    bench.ask(told(2, 3, 5, addresses="[]"))
    for failure in (told(2).replace(b"[2]", f'["{KEY}"]'.encode()), f'{{"code":100413,"msg":"{KEY}"}}'.encode()):
        bench.clock.advance(HOUR)
        bench.ask(failure)

    said = log.getvalue() + bench.page.body(Format.TEXT).decode() + bench.page.body(Format.OPENMETRICS).decode()
    assert "level=DEBUG" in said
    assert KEY[:20] not in said
    assert "203.0.113.7" not in said

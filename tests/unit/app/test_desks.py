"""What is built for an account, and when it will poll."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest
from support.clock import ManualClock

from exporter.app.desks import StaffedDesk, Surroundings, staff
from exporter.app.exchange import Exchange, address_of, key_name_of
from exporter.app.pacing import Pacing
from exporter.bingx.errors import ConnectionFailed, Forbidden, InvalidKey
from exporter.bingx.limits import RULES, Caller, Permit
from exporter.bingx.paths import Endpoint
from exporter.config import AccountSettings, load
from exporter.ledger import Window, open_ledger
from exporter.model import Balances, CollectorName
from exporter.polling.board import Board, Snapshot
from exporter.polling.collectors import SnapshotCollector

KEYS = "api_key: an-api-key-of-some-length, api_secret: a-secret-of-some-length"


class Deaf:
    """Listens to the board, to the exchange and to the ledger, and does nothing."""

    def data_changed(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None: ...

    def hastened(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None: ...

    def statuses_changed(self, account: str, statuses: object) -> None: ...

    def called(self, endpoint: object, seconds: float, reason: str | None) -> None: ...

    def drifted(self, endpoint: object, drift: object) -> None: ...

    def ledger_failed(self, reason: str) -> None: ...

    def history_read(self, account: str, share: float) -> None: ...


def accounts(folder: Path, *entries: str) -> tuple[AccountSettings, ...]:
    path = folder / "config.yaml"
    path.write_text("accounts:\n" + "".join(f"  - {{{entry}, {KEYS}}}\n" for entry in entries))
    path.chmod(0o600)
    return load(path, environ={}).accounts


def staffed(folder: Path, *entries: str) -> list[StaffedDesk]:
    clock, deaf = ManualClock(), Deaf()
    with open_ledger(f"sqlite:///{folder / 'ledger.db'}", clock) as ledger:
        around = Surroundings(
            exchange=Exchange(clock=clock, observer=deaf),
            board=Board(deaf),
            clock=clock,
            ledger=ledger,
            ends={},
            onlooker=deaf,
            retention=None,
        )
        every = accounts(folder, *entries)
        pacing = Pacing(clock=clock, rules=RULES)
        pacing.arrange(every)
        return [staff(one, pacing.timings(one.name), around) for one in every]


def test_accounts_poll_spread_over_the_interval(tmp_path: Path) -> None:
    desks = staffed(tmp_path, *(f"name: a{number}" for number in range(4)))

    polls = [desk.tasks[CollectorName.BALANCE] for desk in desks]
    ticks = [poll.timing.next_tick(1000.0) for poll in polls if isinstance(poll, SnapshotCollector)]
    assert sorted(tick % 10 for tick in ticks) == [0, 2.5, 5, 7.5]


def test_only_what_is_switched_on_is_built(tmp_path: Path) -> None:
    (desk,) = staffed(tmp_path, "name: a, collectors: {income: {enabled: false}, balance: {enabled: false}}")

    assert set(desk.tasks) == {CollectorName.POSITIONS, CollectorName.COMMISSION_RATE}
    assert desk.endpoints == tuple(task.endpoint for task in desk.tasks.values())
    assert desk.income is None


def test_an_account_without_a_balance_collector_is_asked_once_whose_it_is(tmp_path: Path) -> None:
    told, asked = staffed(tmp_path, "name: a", "name: b, collectors: {balance: {enabled: false}}")

    assert told.identification is None
    assert asked.identification is not None


def test_every_key_is_asked_what_it_may_do_once_its_account_is_known(tmp_path: Path) -> None:
    (one,) = staffed(tmp_path, "name: a")
    now = one.desk.clock.elapsed()
    one.desk.host.not_before(now)  # it is given a few seconds from the first question on
    later = now + 60
    assert one.permissions.prepare(later) == inf

    one.desk.identified(Balances(user_id="12", assets=()))

    assert one.permissions.prepare(later) is None


def test_positions_wait_for_the_first_balance_call_whatever_comes_of_it(tmp_path: Path) -> None:
    known, failed = staffed(tmp_path, "name: a", "name: b")
    positions = [one.tasks[CollectorName.POSITIONS] for one in (known, failed)]
    now = known.desk.clock.elapsed()
    for task in positions:
        task.prepare(now)  # the clock of the host is given a few seconds from the first question on
    later = now + 60
    assert [task.prepare(later) for task in positions] == [later + 1, later + 1]

    known.desk.identified(Balances(user_id="12", assets=()))
    failed.desk.unknowable()

    assert [task.prepare(later) for task in positions] == [None, None]
    assert not any(one.desk.caller.stranger for one in (known, failed))


def test_a_key_whose_calls_never_arrive_stays_a_stranger_and_its_positions_go_on(tmp_path: Path) -> None:
    (one,) = staffed(tmp_path, "name: a")
    positions, now = one.tasks[CollectorName.POSITIONS], one.desk.clock.elapsed()
    positions.prepare(now)

    one.desk.unknowable(ConnectionFailed("refused"))
    assert positions.prepare(now + 60) is None
    assert one.desk.caller.stranger

    one.desk.unknowable(InvalidKey("no", code=100413))
    assert not one.desk.caller.stranger


def test_positions_of_a_stranger_go_on_while_nobody_may_ask_for_the_balance(tmp_path: Path) -> None:
    (one,) = staffed(tmp_path, "name: a")
    desk, now = one.desk, one.desk.clock.elapsed()
    positions = one.tasks[CollectorName.POSITIONS]
    positions.prepare(now)
    other = Caller(user="another", address=desk.address, account="another")
    for user in ("another", "a third"):
        permit = desk.limits.reserve(other._replace(user=user, account=user), Endpoint.BALANCE, now + 60)
        assert isinstance(permit, Permit)
        permit.sent(now + 60)
        desk.limits.settle(permit, now + 60, None, Forbidden("HTTP status 403"))

    assert positions.prepare(now + 61) is None


def test_an_identity_once_known_is_not_lost_by_an_answer_without_one(tmp_path: Path) -> None:
    (staffed_desk,) = staffed(tmp_path, "name: a")
    desk = staffed_desk.desk
    assert desk.caller.user.startswith("key ")

    for user_id, short_id, known in ((None, "20000001", "20000001"), ("12", "20000001", "12"), (None, None, "12")):
        desk.identified(Balances(user_id=user_id, short_id=short_id, assets=()))
        assert desk.caller.user == known
    assert desk.user_id == "12"


def test_whose_budgets_are_used_is_the_same_object_until_it_is_known_better(tmp_path: Path) -> None:
    (one,) = staffed(tmp_path, "name: a")
    desk = one.desk
    first = desk.caller

    assert desk.caller is first
    desk.unknowable()
    assert desk.caller == first._replace(stranger=False)
    desk.identified(Balances(user_id="12", assets=()))
    assert desk.caller == first._replace(stranger=False, user="12")


def test_accounts_of_one_host_share_its_clock(tmp_path: Path) -> None:
    live, same, demo = staffed(tmp_path, "name: a", "name: b", "name: c, environment: vst")

    assert live.desk.host is same.desk.host
    assert live.desk.host is not demo.desk.host
    assert demo.desk.host.base_url == "https://open-api-vst.bingx.com"


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("name: a", "default"),
        ("name: a, source_address: 192.0.2.7", "192.0.2.7"),
        ("name: a, proxy: 'http://user:password@egress-2:3128'", "proxy egress-2:3128"),
    ],
)
def test_an_egress_address_is_named_without_its_password(tmp_path: Path, entry: str, address: str) -> None:
    (account,) = accounts(tmp_path, entry)

    assert address_of(account) == address


def test_a_key_is_named_without_saying_it(tmp_path: Path) -> None:
    one, same = accounts(tmp_path, "name: a", "name: b")

    assert key_name_of(one) == key_name_of(same)
    assert "an-api-key" not in key_name_of(one)


def test_a_call_is_left_to_other_programs_only_by_the_income_and_only_while_it_reads_on(tmp_path: Path) -> None:
    def leaves() -> dict[CollectorName, int]:
        (one,) = staffed(tmp_path, "name: a")
        return {name: task.caller.leaves for name, task in one.tasks.items() if task.caller.leaves}

    assert leaves() == {CollectorName.INCOME: 1}
    clock = ManualClock()
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", clock) as ledger:
        book = ledger.account("a", since=clock.now())
        history = Window(start=book.epoch, end=clock.now())
        book.record_window(history, (), cursor=history.end, truncated=False, baseline_complete=True)
    assert leaves() == {}

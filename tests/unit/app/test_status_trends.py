"""The hour that the status page remembers."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import inf

from msgspec.structs import replace
from support.clock import ManualClock

from exporter.app.status.trends import Trends
from exporter.model import Balance, Balances, CollectorName, MarginMode, PollStatus, Position, Side
from exporter.polling.board import Board, Snapshot


class Recorder:
    def __init__(self) -> None:
        self.heard: list[object] = []

    def data_changed(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None:
        self.heard.append((account, collector, snapshot))

    def hastened(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None:
        self.heard.append(("hastened", account, collector, snapshot))

    def statuses_changed(self, account: str, statuses: Mapping[CollectorName, PollStatus]) -> None:
        self.heard.append((account, statuses))


def balances(**equities: str | None) -> Snapshot:
    rows = tuple(
        Balance(
            asset=asset,
            balance=None,
            equity=None if equity is None else Decimal(equity),
            unrealized_pnl=None,
            realized_pnl=None,
            available_margin=None,
            used_margin=None,
            frozen_margin=None,
        )
        for asset, equity in equities.items()
    )
    return Snapshot(data=Balances(user_id="1", assets=rows), sent_at=0.0, expires_at=inf)


def positions(*liquidations: str) -> Snapshot:
    held = tuple(
        Position(
            position_id=str(number),
            symbol="BTC-USDT",
            asset="USDT",
            side=Side.LONG,
            margin_mode=MarginMode.CROSS,
            amount=Decimal(1),
            mark_price=Decimal(100),
            liquidation_price=Decimal(price),
        )
        for number, price in enumerate(liquidations)
    )
    return Snapshot(data=held, sent_at=0.0, expires_at=inf)


def tell(trends: Trends, snapshot: Snapshot, account: str = "main") -> None:
    is_balance = isinstance(snapshot.data, Balances)
    trends.data_changed(account, CollectorName.BALANCE if is_balance else CollectorName.POSITIONS, snapshot)


def test_whatever_it_hears_goes_on() -> None:
    recorder = Recorder()
    trends, snapshot = Trends(recorder, ManualClock()), Snapshot(data="fees", sent_at=0.0, expires_at=1)

    trends.data_changed("main", CollectorName.COMMISSION_RATE, snapshot)
    trends.hastened("main", CollectorName.COMMISSION_RATE, snapshot)
    trends.statuses_changed("main", {})

    assert recorder.heard == [
        ("main", CollectorName.COMMISSION_RATE, snapshot),
        ("hastened", "main", CollectorName.COMMISSION_RATE, snapshot),
        ("main", {}),
    ]


def test_the_first_answer_of_a_minute_is_its_point() -> None:
    clock = ManualClock(seconds=600)
    trends = Trends(Recorder(), clock)

    for equity in ("100", "200", "300"):
        tell(trends, balances(USDT=equity))
        clock.advance(30)

    points = trends.equity("main", "USDT").points
    assert len(points) == 60
    assert points[-2:] == (100.0, 300.0)
    assert set(points[:-2]) == {None}


def test_the_distance_is_that_of_the_nearest() -> None:
    trends = Trends(Recorder(), ManualClock())
    tell(trends, positions("80", "95", "0"))
    assert trends.distance("main").points[-1] == 0.05


def test_a_minute_without_an_answer_is_a_gap() -> None:
    clock = ManualClock(seconds=600)
    trends = Trends(Recorder(), clock)

    tell(trends, balances(USDT="1"))
    tell(trends, positions("90"))
    clock.advance(120)
    tell(trends, balances(USDT="2"))
    tell(trends, positions("0"))

    assert trends.equity("main", "USDT").points[-3:] == (1.0, None, 2.0)
    assert trends.distance("main").points[-3:] == (0.1, None, None)


def test_an_hour_is_all_that_is_kept() -> None:
    clock = ManualClock(seconds=0)
    trends = Trends(Recorder(), clock)

    for minute in range(130):
        tell(trends, balances(USDT=str(minute)))
        clock.advance(60)
    assert trends.equity("main", "USDT").points == (*(float(minute) for minute in range(71, 130)), None)
    clock.advance(58 * 60)
    assert trends.equity("main", "USDT").points == (129.0, *[None] * 59)
    clock.advance(500 * 60)
    tell(trends, balances(USDT="7"))
    assert trends.equity("main", "USDT").points == (*[None] * 59, 7.0)


def test_what_is_not_known_or_not_finite_is_no_point() -> None:
    trends = Trends(Recorder(), ManualClock())
    tell(trends, balances(USDT=None, VST="1e999"))

    assert trends.equity("main", "USDT").points == ()
    assert trends.equity("main", "VST").points[-1] is None
    assert trends.equity("other", "USDT").points == trends.distance("other").points == ()


def test_memory_has_a_bound() -> None:
    clock = ManualClock()
    trends = Trends(Recorder(), clock)

    tell(trends, balances(**{f"A{number}": "1" for number in range(50)}))
    assert sum(bool(trends.equity("main", f"A{number}").points) for number in range(50)) == 8

    clock.advance(3600)
    tell(trends, balances(USDT="1"), "other")
    assert list(trends._accounts) == ["other"]


def test_assets_that_are_shown_no_more_make_room_for_those_that_are() -> None:
    clock = ManualClock()
    trends = Trends(Recorder(), clock)
    tell(trends, balances(**{f"A{number}": "1" for number in range(8)}))
    clock.advance(60)

    tell(trends, balances(A0="2", **{f"B{number}": "1" for number in range(3)}))

    assert trends.equity("main", "A0").points[-2:] == (1.0, 2.0)
    assert trends.equity("main", "B2").points[-1] == 1.0
    assert trends.equity("main", "A1").points == ()


def test_an_answer_that_is_made_to_expire_sooner_is_no_new_point() -> None:
    clock = ManualClock(seconds=600)
    trends = Trends(Recorder(), clock)
    board = Board(trends)
    board.open("main", {CollectorName.BALANCE: 600.0})
    answer = replace(balances(USDT="100"), expires_at=2400)
    board.succeeded("main", CollectorName.BALANCE, snapshot=answer, sent_at=clock.now(), duration=1)
    clock.advance(1200)

    for seconds in (2390, 700):
        board.hasten("main", CollectorName.BALANCE, seconds)
        assert trends.equity("main", "USDT").points[-1] is None


def test_an_answer_that_is_too_old_to_show_is_no_point_and_the_next_one_is() -> None:
    clock = ManualClock(seconds=600)
    trends = Trends(Recorder(), clock)

    tell(trends, replace(balances(USDT="1"), expires_at=600))
    assert trends.equity("main", "USDT").points == ()
    tell(trends, balances(USDT="2"))
    assert trends.equity("main", "USDT").points[-1] == 2.0


def test_a_forgotten_account_has_no_hour_and_the_others_keep_theirs() -> None:
    trends = Trends(Recorder(), ManualClock())
    for account in ("main", "other"):
        tell(trends, balances(USDT="1"), account)
        tell(trends, positions("80"), account)

    trends.forget("main")
    trends.forget("nobody")

    assert trends.equity("main", "USDT").points == trends.distance("main").points == ()
    assert trends.equity("other", "USDT").points[-1] == 1.0

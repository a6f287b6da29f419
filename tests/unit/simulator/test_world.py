"""What holds in the world whatever happens: money adds up, risk is on the right side, chance repeats itself."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.simulator import Options
from exporter.simulator.exchange import Exchange
from exporter.simulator.positions import LONG
from exporter.simulator.truth import Span, expected
from exporter.simulator.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

BALANCE = "/openApi/swap/v3/user/balance"


class StillClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 22, 12, tzinfo=UTC)

    def elapsed(self) -> float:
        return 0.0


def busy_world(seed: int, scenario: str = "calm") -> World:
    options = Options(seed=seed, scenario=scenario, history_days=3, trade_interval=5, funding_interval=60)
    return World(options, StillClock())


def everything(world: World) -> dict[str, object]:
    truth = expected(world, world.names(), Span())
    return {"accounts": truth["accounts"]}


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), seconds=st.integers(0, 900), scenario=st.sampled_from(["calm", "drawdown"]))
def test_money_adds_up_and_risk_is_on_the_right_side(seed: int, seconds: int, scenario: str) -> None:
    world = busy_world(seed, scenario=scenario)
    world.advance(seconds)
    for name in world.names():
        account, worth = world.account(name), world.portfolio(name)
        for wallet in worth.wallets:
            rows = sum((row.amount for row in account.book.rows if row.asset == wallet.asset), Decimal(0))
            assert account.wallet[wallet.asset] == account.opening[wallet.asset] + rows
            mine = [one for one in worth.positions if one.position.contract.asset == wallet.asset]
            assert wallet.unrealised == sum((one.unrealised for one in mine), Decimal(0))
            assert wallet.used == sum((one.initial_margin for one in mine), Decimal(0))
            assert wallet.equity == wallet.balance + wallet.unrealised
            assert wallet.equity > 0 or not wallet.in_use
            assert wallet.available == wallet.equity - wallet.used - wallet.frozen >= 0
        for one in worth.positions:
            assert one.position.amount > 0
            if not one.position.isolated:
                assert one.liquidation == 0
            elif one.position.side == LONG:
                assert one.liquidation < min(float(one.mark), float(one.position.entry))
            else:
                assert one.liquidation > max(float(one.mark), float(one.position.entry))


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), steps=st.lists(st.integers(0, 120), max_size=5))
def test_it_does_not_matter_in_which_steps_time_passes(seed: int, steps: list[int]) -> None:
    at_once, bit_by_bit = busy_world(seed), busy_world(seed)
    at_once.advance(sum(steps))
    for step in steps:
        bit_by_bit.advance(step)
        everything(bit_by_bit)
    assert everything(at_once) == everything(bit_by_bit)


def test_another_seed_is_another_world_with_other_keys() -> None:
    one, other = busy_world(1), busy_world(2)
    assert everything(one) != everything(other)
    assert {key.api_key for key in one.all_keys()}.isdisjoint(key.api_key for key in other.all_keys())


def test_an_account_does_not_depend_on_who_is_looked_at_first() -> None:
    forward, backward = busy_world(3), busy_world(3)
    names = forward.names()
    assert [forward.portfolio(name) for name in names] == [backward.portfolio(name) for name in reversed(names)][::-1]


def test_the_past_is_long_and_within_the_days_that_are_kept() -> None:
    world = World(Options(), StillClock())
    for name in world.names():
        rows = world.account(name).book.rows
        assert 500 < len(rows) < 5_000
        assert {row.income_type for row in rows} >= {"TRADING_FEE", "FUNDING_FEE", "REALIZED_PNL", "TRANSFER"}
        assert all(row.time_ms % 1000 == 0 for row in rows)
        assert rows[0].time_ms >= world.now_ms() - 90 * 86_400_000
        assert rows[-1].time_ms <= world.now_ms()


def test_past_funding_is_stamped_a_minute_after_the_eighth_hour() -> None:
    world = World(Options(), StillClock())
    rows = [row for row in world.account("alpha").book.rows if row.income_type == "FUNDING_FEE"]
    assert len(rows) > 200
    assert all(46 <= row.time_ms // 1000 % (8 * 3_600) <= 60 for row in rows)


def test_ids_are_shaped_like_the_exchanges_own_and_one_event_shares_its_trade() -> None:
    world = busy_world(1)
    world.advance(600)
    rows = world.account("alpha").book.rows
    assert len({row.tran_id for row in rows}) == len(rows)
    for row in rows:
        head, middle, tail = row.tran_id.split("_")
        assert (len(head), middle, head.isdecimal(), tail.isdecimal()) == (19, "310", True, True)
    closing = [row for row in rows if row.time_ms > world.now_ms() - 600_000 and "clos" in row.info.lower()]
    assert len(closing) == 2 * len({row.trade_id for row in closing}) > 0


def test_a_row_can_be_read_half_a_minute_to_seventy_seconds_after_its_time() -> None:
    world = busy_world(1)
    world.advance(600)
    rows = [row for row in world.account("alpha").book.rows if row.time_ms > world.now_ms() - 600_000]
    lateness = [(row.visible_ms - row.time_ms) // 1000 for row in rows]
    assert min(lateness) >= 30
    assert max(lateness) <= 70
    assert len(world.readable("alpha")) < len(world.account("alpha").book)


def test_funding_is_paid_by_longs_what_shorts_receive() -> None:
    world = World(Options(trade_interval=0, funding_interval=120, history_days=0), StillClock())
    world.advance(310)
    for name in world.names():
        account = world.account(name)
        rows = [row for row in account.book.rows if row.income_type == "FUNDING_FEE"]
        assert len(rows) == 2 * len(account.positions)
    same = [row for row in world.account("beta").book.rows if row.symbol == "BTC-USDT" and row.info == "Funding Fee"]
    long = [row for row in world.account("gamma").book.rows if row.symbol == "BTC-USDT" and row.info == "Funding Fee"]
    assert {row.amount > 0 for row in same} == {row.amount < 0 for row in long}


def test_in_a_drawdown_a_long_comes_close_to_its_liquidation_and_lives() -> None:
    world = World(Options(scenario="drawdown", trade_interval=0), StillClock())

    def distance() -> float:
        sol = next(one for one in world.portfolio("alpha").positions if one.position.contract.symbol == "SOL-USDT")
        return abs(float(sol.mark) - sol.liquidation) / float(sol.mark)

    assert distance() > 0.2
    world.advance(300)
    assert 0 < distance() < 0.1
    world.advance(36_000)
    assert 0 < distance() < 0.1


def test_a_price_beyond_the_liquidation_takes_position_and_margin() -> None:
    world = World(Options(trade_interval=0, funding_interval=0), StillClock())
    before = world.portfolio("beta")
    world.pin("ETH-USDT", Decimal(1_000))
    after = world.portfolio("beta")
    assert "ETH-USDT" not in {one.position.contract.symbol for one in after.positions}
    rows = [row for row in world.account("beta").book.rows if row.income_type == "INSURANCE_CLEAR"]
    assert len(rows) == 2
    assert all(row.amount < 0 for row in rows)
    assert len(after.positions) == len(before.positions) - 2


def test_a_pinned_price_holds_until_it_is_let_go() -> None:
    world = World(Options(), StillClock())
    contract = world.market.contract("BTC-USDT")
    world.pin("BTC-USDT", Decimal(60_000))
    world.advance(500)
    assert world.market.mark(contract, world.second()) == 60_000
    world.pin("BTC-USDT", None)
    assert world.market.mark(contract, world.second()) != 60_000


def test_a_frozen_world_stands_still_while_the_clock_goes_on(
    begin: Callable[..., Exchange], tick: Callable[[float], None]
) -> None:
    exchange = begin(trade_interval=3, funding_interval=60)
    world = exchange.world
    world.freeze()
    before, clock_before = everything(world), world.now_ms()
    tick(600)
    assert everything(world) == before
    assert world.now_ms() == clock_before + 600_000
    world.thaw()
    assert everything(world) != before


def test_a_frozen_world_moves_by_exactly_what_it_is_advanced(begin: Callable[..., Exchange]) -> None:
    world = begin().world
    world.freeze()
    second = world.second()
    world.advance(7)
    assert world.second() == second + 7


def test_a_clock_put_back_does_not_undo_what_has_happened(
    begin: Callable[..., Exchange], tick: Callable[[float], None]
) -> None:
    world = begin().world
    second = world.second()
    world.set_offset(-60_000)
    assert world.second() == second
    tick(61)
    assert world.second() == second + 1


def test_two_hundred_accounts_hold_twenty_positions_each() -> None:
    world = World(Options(accounts=200, positions=20, history_days=0), StillClock())
    assert len(world.all_keys()) == 200
    assert len({key.api_key for key in world.all_keys()}) == 200
    assert [len(world.portfolio(name).positions) for name in ("alpha", "account-0100", "account-0200")] == [20] * 3


def test_on_the_demo_host_every_margin_is_in_vst(begin: Callable[..., Exchange], ask: Callable[..., Any]) -> None:
    exchange = begin(environment="vst")
    rows = ask(exchange, "alpha", BALANCE)["data"]
    assert [row["asset"] for row in rows] == ["VST"]
    assert {one.position.contract.asset for one in exchange.world.portfolio("alpha").positions} == {"VST"}


def test_a_name_that_nobody_has_is_told(exchange: Exchange) -> None:
    with pytest.raises(KeyError, match="nobody"):
        exchange.world.account("nobody")


@pytest.mark.parametrize(
    "wrong",
    [
        {"scenario": "sunny"},
        {"environment": "test"},
        {"accounts": 0},
        {"positions": -1},
        {"history_days": 401},
        {"history_trades_per_day": -1},
        {"funding_interval": -1},
        {"lateness": (70, 30)},
    ],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Options(**wrong)


def test_a_login_does_not_print_its_key_or_secret(exchange: Exchange) -> None:
    for login in exchange.accounts():
        assert login.api_key not in repr(login)
        assert login.api_secret not in repr(login)
    for key in exchange.world.all_keys():
        assert key.api_key not in repr(key)
        assert key.api_secret not in repr(key)

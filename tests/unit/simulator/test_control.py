"""The control calls: what they show, what they change, what they refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from exporter.simulator.control import ROUTES
from exporter.simulator.faults import FaultKind
from exporter.simulator.scenarios import Outages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from exporter.simulator.exchange import Exchange

    Ask = Callable[..., dict[str, Any]]
    Command = Callable[..., tuple[int, dict[str, Any]]]

BALANCE = "/openApi/swap/v3/user/balance"
POSITIONS = "/openApi/swap/v2/user/positions"
INCOME = "/openApi/swap/v2/user/income"


def test_the_expected_values_are_those_of_the_wire(begin: Callable[..., Exchange], ask: Ask, command: Command) -> None:
    exchange = begin(trade_interval=5, funding_interval=60)
    command(exchange, "POST", "advance", seconds=900)
    _, truth = command(exchange, "GET", "world", "account=alpha")
    (account,) = truth["accounts"]
    for row in ask(exchange, "alpha", BALANCE)["data"]:
        assert account["balances"][row["asset"]]["equity"] == row["equity"]
        assert account["user_id"] == row["userId"]
    rows = ask(exchange, "alpha", POSITIONS)["data"]
    assert [one["position_id"] for one in account["positions"]] == [row["positionId"] for row in rows]
    for one, row in zip(account["positions"], rows, strict=True):
        assert (one["mark_price"], one["entry_price"]) == (row["markPrice"], row["avgPrice"])
        assert float(one.get("liquidation_price", 0)) == row["liquidationPrice"]
        assert ("liquidation_price" in one) == (one["margin_mode"] == "isolated")


def test_the_expected_income_is_the_sum_of_what_can_be_read(
    begin: Callable[..., Exchange], ask: Ask, command: Command
) -> None:
    exchange = begin(trade_interval=5, funding_interval=60, history_days=1)
    command(exchange, "POST", "advance", seconds=300)
    since = exchange.world.now_ms() - 3_600_000
    rows = ask(exchange, "alpha", INCOME, limit=1000, startTime=since, endTime=exchange.world.now_ms())["data"]
    _, truth = command(exchange, "GET", "world", f"account=alpha&since={since}")
    income = truth["accounts"][0]["income"]
    assert sum(total["entries"] for total in income["readable"]) == len(rows) > 10
    assert sum(total["entries"] for total in income["all"]) > len(rows)


def test_an_asset_of_which_the_wire_says_nothing_has_no_values(exchange: Exchange, command: Command) -> None:
    _, truth = command(exchange, "GET", "world", "account=beta")
    assert truth["accounts"][0]["balances"]["USDC"] == {}


def test_only_the_page_of_accounts_shows_secrets(exchange: Exchange, command: Command) -> None:
    shown = [json.dumps(command(exchange, "GET", name)) for name in ("", "world", "calls", "options", "faults")]
    for login in exchange.accounts():
        assert all(login.api_secret not in page and login.api_key not in page for page in shown)
        assert login.api_secret in json.dumps(command(exchange, "GET", "accounts"))


def test_the_record_of_calls_counts_by_outcome_and_hides_the_signature(
    exchange: Exchange, ask: Ask, command: Command
) -> None:
    ask(exchange, "alpha", BALANCE)
    ask(exchange, "gamma", INCOME, limit=5)
    _, record = command(exchange, "GET", "calls", "last=1")
    assert record["total"] == 2
    assert record["outcomes"]["alpha"] == {"balance": {"0": 1}}
    assert record["refusals"] == {"100004": 1}
    (last,) = record["last"]
    assert (last["account"], last["parameters"].keys()) == ("gamma", {"limit", "timestamp"})


def test_a_position_opens_and_closes_on_demand(exchange: Exchange, ask: Ask, command: Command) -> None:
    _, opened = command(
        exchange, "POST", "open", account="beta", symbol="LTC-USDT", side="SHORT", amount="2.5", leverage=7, price="70"
    )
    row = ask(exchange, "beta", POSITIONS, symbol="LTC-USDT")["data"][0]
    assert (row["positionId"], row["positionAmt"], row["leverage"]) == (opened["position_id"], "2.5", 7)
    assert row["realisedProfit"] == "-0.0875"
    part = {"account": "beta", "position_id": opened["position_id"], "price": "60"}
    assert command(exchange, "POST", "close", **part, amount="1")[1]["amount"] == "1.5"
    # What one coin of it earned, less the two fees so far: 10 - 2.5 * 70 * 0.0005 - 60 * 0.0005.
    assert ask(exchange, "beta", POSITIONS, symbol="LTC-USDT")["data"][0]["realisedProfit"] == "9.8825"
    assert command(exchange, "POST", "close", **part)[1]["amount"] == "0.0"
    assert ask(exchange, "beta", POSITIONS, symbol="LTC-USDT")["data"] == []
    pnl = [row.amount for row in exchange.world.account("beta").book.rows if row.symbol == "LTC-USDT"][-1]
    assert pnl == 15


def test_a_reset_begins_anew_and_a_seed_changes_the_keys(exchange: Exchange, ask: Ask, command: Command) -> None:
    before = exchange.accounts()
    command(exchange, "POST", "faults", kind="empty")
    command(exchange, "POST", "latency", milliseconds=50)
    status, answer = command(exchange, "POST", "reset", accounts=5, scenario="drawdown")
    assert (status, len(answer["accounts"])) == (200, 5)
    assert exchange.accounts()[:3] == before
    assert ask(exchange, "account-0005", BALANCE)["code"] == 0
    command(exchange, "POST", "seed", seed=99)
    assert exchange.accounts()[0] != before[0]


def test_one_more_key_belongs_to_the_same_user(exchange: Exchange, ask: Ask, command: Command) -> None:
    command(exchange, "POST", "keys", account="alpha")
    users = {ask(exchange, name, BALANCE)["data"][0]["userId"] for name in ("alpha", "alpha-key-2")}
    assert len(users) == 1


def test_the_clock_moves_what_the_exchange_says(exchange: Exchange, ask: Ask, command: Command) -> None:
    ours = exchange.world.now_ms()
    command(exchange, "POST", "clock", offset_seconds=-12.5)
    assert exchange.world.now_ms() == ours - 12_500
    assert ask(exchange, "alpha", BALANCE, timestamp=ours)["code"] == 100421


def test_a_pinned_price_is_on_the_page(exchange: Exchange, ask: Ask, command: Command) -> None:
    command(exchange, "POST", "price", symbol="BTC-USDT", price="60000.5")
    assert {row["markPrice"] for row in ask(exchange, "alpha", POSITIONS, symbol="BTC-USDT")["data"]} == {"60000.5"}


def test_an_outage_comes_and_goes_by_itself(begin: Callable[..., Exchange], ask: Ask, command: Command) -> None:
    exchange = begin(scenario="outage")
    seen = []
    for seconds in (0, 179, 1, 89, 1, 510, 90):
        command(exchange, "POST", "advance", seconds=seconds)
        answer = ask(exchange, "alpha", BALANCE)
        seen.append(answer.get("code", "html"))
    assert seen == [0, 0, 100500, 100500, 0, "html", 0]


def test_no_outage_comes_before_its_first() -> None:
    outages = Outages(first=700, every=600, lasting=90)
    assert [outages.number(elapsed) for elapsed in (100, 699, 700, 789, 790, 1300)] == [None, None, 0, 0, None, 1]


def test_a_fault_ends_after_its_count_or_its_time(exchange: Exchange, ask: Ask, command: Command) -> None:
    command(exchange, "POST", "faults", kind="code", code=109500, count=2, account="alpha", endpoint="balance")
    assert ask(exchange, "beta", BALANCE)["code"] == ask(exchange, "alpha", POSITIONS)["code"] == 0
    assert [ask(exchange, "alpha", BALANCE)["code"] for _ in range(3)] == [109500, 109500, 0]
    command(exchange, "POST", "faults", kind="code", seconds=30)
    command(exchange, "POST", "advance", seconds=29)
    assert ask(exchange, "alpha", BALANCE)["code"] == 100500
    command(exchange, "POST", "advance", seconds=1)
    assert ask(exchange, "alpha", BALANCE)["code"] == 0
    command(exchange, "POST", "faults", kind="code")
    command(exchange, "DELETE", "faults")
    assert ask(exchange, "alpha", BALANCE)["code"] == 0


@pytest.mark.parametrize(
    ("method", "name", "fields", "status"),
    [
        ("GET", "nothing", {}, 404),
        ("GET", "reset", {}, 405),
        ("POST", "reset", {"colour": "blue"}, 400),
        ("POST", "reset", {"scenario": "sunny"}, 400),
        ("POST", "reset", {"port": 1}, 400),
        ("POST", "advance", {"seconds": -1}, 400),
        ("POST", "advance", {"seconds": 1, "minutes": 2}, 400),
        ("POST", "price", {"symbol": "FOO-USDT", "price": "1"}, 400),
        ("POST", "price", {"symbol": "BTC-USDT", "price": "-1"}, 400),
        ("POST", "price", {"symbol": "BTC-USDT", "price": "NaN"}, 400),
        ("POST", "income", {"account": "nobody"}, 400),
        ("POST", "close", {"account": "alpha", "position_id": "1"}, 400),
        ("POST", "faults", {"kind": "flood"}, 400),
        ("POST", "faults", {"kind": "empty", "account": "nobody"}, 404),
        ("POST", "rights", {"account": "nobody", "read": True, "trade": True}, 404),
        ("POST", "limits", {"per_minute": 5}, 400),
        ("POST", "limits", {"per_user": "many"}, 400),
    ],
)
def test_a_control_call_that_makes_no_sense_says_why(
    exchange: Exchange, command: Command, method: str, name: str, fields: dict[str, Any], status: int
) -> None:
    got, answer = command(exchange, method, name, **fields)
    assert (got, list(answer)) == (status, ["error"])
    assert answer["error"]


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("world", "colour=blue", 400),
        ("world", "since=yesterday", 400),
        ("world", "account=nobody", 404),
        ("calls", "last=-1", 400),
        ("calls", "last=0", 200),
        ("world", "account=alpha&until=0", 200),
    ],
)
def test_a_question_is_checked_like_a_command(
    exchange: Exchange, command: Command, name: str, query: str, status: int
) -> None:
    assert command(exchange, "GET", name, query)[0] == status


def test_the_world_can_be_stopped_and_let_go(exchange: Exchange, command: Command) -> None:
    assert [command(exchange, "POST", name)[1]["frozen"] for name in ("freeze", "thaw")] == [True, False]


def test_the_manual_names_every_call_and_every_fault(pytestconfig: pytest.Config) -> None:
    root: Path = pytestconfig.rootpath
    manual = (root / "docs" / "simulator.md").read_text(encoding="utf-8")
    for route in ROUTES:
        assert f"`{route.method} /_sim/{route.name}`" in manual
    for kind in FaultKind:
        assert f"`{kind}`" in manual

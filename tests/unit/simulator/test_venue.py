"""The rules of the exchange, code by code."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest

from exporter.simulator.delivery import Write
from exporter.simulator.messages import Request
from exporter.simulator.signature import read_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.simulator.exchange import Exchange

BALANCE = "/openApi/swap/v3/user/balance"
POSITIONS = "/openApi/swap/v2/user/positions"
INCOME = "/openApi/swap/v2/user/income"
EXPORT = "/openApi/swap/v2/user/income/export"
COMMISSION = "/openApi/swap/v2/user/commissionRate"
PERMISSIONS = "/openApi/v1/account/apiPermissions"
TIME = "/openApi/swap/v2/server/time"

S1 = "mheO6dR8ovSsxZQCOYEFCtelpuxcWGTfHw7te326y6jOwq5WpvFQ9JNljoTwBXZGv5It07m9RXSPpDQEK2w"


@pytest.mark.parametrize(
    ("sent", "signature"),
    [
        (
            "symbol=BTC-USDT&timestamp=1667872120843&side=LONG&leverage=6",
            "4f581ecdb1fa09b9d6e57886b6f70cffed17f82b93399722939e49a38edec2bf",
        ),
        (
            "endTime=&limit=200&recvWindow=10000&startTime=&symbol=BTC-USDT&timestamp=1702449874964",
            "a2c74fc845ef065b29b808968c812f3d79e2ce59145f09765e5d4ae595ecfa95",
        ),
        (
            "symbol=M%C3%98TH-USDT&timestamp=1696751141337",
            "6f6e1b0c0b581e687033c1f0bf4bcaf8c4fcb661be81d9a73fc2a31f15e8acbc",
        ),
    ],
)
def test_the_published_vectors_verify(sent: str, signature: str) -> None:
    read_query(f"{sent}&signature={signature}").verify(S1)


def test_the_account_pages_answer_in_the_shape_of_the_wire(exchange: Exchange, ask: Callable[..., Any]) -> None:
    balance = ask(exchange, "alpha", BALANCE)
    assert balance.keys() == {"code", "msg", "data"}
    assert balance["data"][0].keys() == {
        *("userId", "asset", "balance", "equity", "unrealizedProfit", "realizedProfit"),
        *("availableMargin", "usedMargin", "frozenMargin", "shortUid"),
    }
    position = ask(exchange, "alpha", POSITIONS)["data"][0]
    assert len(position) == 23
    assert (type(position["leverage"]), type(position["isolated"])) == (int, bool)
    assert position["liquidationPrice"] == 0
    assert type(ask(exchange, "alpha", POSITIONS)["data"][1]["liquidationPrice"]) is float
    assert ask(exchange, "alpha", COMMISSION)["data"] == {
        "commission": {"takerCommissionRate": 0.0005, "makerCommissionRate": 0.0002}
    }


def test_an_unused_asset_is_a_row_of_empty_texts_in_the_old_spelling(
    exchange: Exchange, ask: Callable[..., Any]
) -> None:
    used, unused = ask(exchange, "beta", BALANCE)["data"]
    assert {"realisedProfit", "freezedMargin"} <= used.keys()
    assert len(used["userId"]) == 19
    assert (unused["userId"], unused["balance"], unused["realisedProfit"]) == ("", "", "0")


def test_two_isolated_positions_of_one_symbol_and_side_stay_apart(exchange: Exchange, ask: Callable[..., Any]) -> None:
    longs = [row for row in ask(exchange, "beta", POSITIONS, symbol="ETH-USDT")["data"] if row["isolated"]]
    assert [row["positionSide"] for row in longs] == ["LONG", "LONG"]
    assert len({row["positionId"] for row in longs}) == 2


def test_positions_can_be_asked_for_by_symbol_and_by_currency(exchange: Exchange, ask: Callable[..., Any]) -> None:
    assert {row["symbol"] for row in ask(exchange, "alpha", POSITIONS, symbol="MØTH-USDT")["data"]} == {"MØTH-USDT"}
    assert {row["currency"] for row in ask(exchange, "alpha", POSITIONS, currency="USDC")["data"]} == {"USDC"}


def test_what_a_key_may_do_is_flat_and_repeats_the_key(
    exchange: Exchange, ask: Callable[..., Any], command: Callable[..., Any]
) -> None:
    login = exchange.accounts()[0]
    assert ask(exchange, "alpha", PERMISSIONS) == {
        "code": 0,
        "msg": "",
        "apiKey": login.api_key,
        "permissions": [2, 3],
        "ipAddresses": [],
        "note": "alpha",
    }
    assert ask(exchange, "beta", PERMISSIONS)["permissions"] == [2, 3, 5]
    assert ask(exchange, "gamma", PERMISSIONS)["permissions"] == [2]
    command(exchange, "POST", "rights", account="alpha", read=True, trade=False)
    command(exchange, "POST", "whitelist", account="alpha", addresses=["127.0.0.1"])
    changed = ask(exchange, "alpha", PERMISSIONS)
    assert (changed["permissions"], changed["ipAddresses"]) == ([2], ["127.0.0.1"])


def test_who_may_not_read_may_not_ask_what_the_key_may_do(
    exchange: Exchange, ask: Callable[..., Any], command: Callable[..., Any]
) -> None:
    command(exchange, "POST", "rights", account="alpha", read=False, trade=True)
    assert ask(exchange, "alpha", PERMISSIONS)["code"] == 100004


def test_a_flat_account_has_no_positions(begin: Callable[..., Exchange], ask: Callable[..., Any]) -> None:
    assert ask(begin(positions=0, trade_interval=1), "alpha", POSITIONS)["data"] == []


@pytest.mark.parametrize("path", ["/", "/openApi/swap/v2/trade/order", "/openApi/swap/v1/server/time"])
def test_an_unknown_path_does_not_exist(exchange: Exchange, ask: Callable[..., Any], path: str) -> None:
    answer = ask(exchange, "alpha", path)
    assert (answer["code"], answer["msg"]) == (100400, "this api is not exist")


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_only_get_exists(exchange: Exchange, method: str) -> None:
    (step,) = exchange.answer(Request(method=method, path=BALANCE))
    assert isinstance(step, Write)
    assert json.loads(step.data.partition(b"\r\n\r\n")[2])["code"] == 100400


def test_a_missing_and_an_unknown_key_are_told(exchange: Exchange, send: Callable[..., Any]) -> None:
    for key in (None, "nobody"):
        answer = send(exchange, BALANCE, "timestamp=1&signature=0", key=key)
        assert (answer["code"], answer.keys()) == (100413, {"code", "msg", "timestamp"})
        assert "Incorrect apiKey" in answer["msg"]


def test_a_missing_signature_is_told(exchange: Exchange, send: Callable[..., Any]) -> None:
    key = exchange.accounts()[0].api_key
    for query in ("", "timestamp=1", "timestamp=1&signature="):
        assert send(exchange, BALANCE, query, key=key)["code"] == 100412


def test_a_signature_that_is_wrong_or_upper_case_or_not_the_last_is_refused(
    exchange: Exchange, send: Callable[..., Any]
) -> None:
    login = exchange.accounts()[0]
    text = f"timestamp={exchange.world.now_ms()}"
    right = hmac.new(login.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    assert send(exchange, BALANCE, f"{text}&signature={right}", key=login.api_key)["code"] == 0
    for query in (
        f"{text}&signature={right[::-1]}",
        f"{text}&signature={right.upper()}",
        f"signature={right}&{text}",
        f"{text}&signature={right}&recvWindow=5000",
        f"{text}&signature={right}&signature={right}",
    ):
        assert send(exchange, BALANCE, query, key=login.api_key)["code"] == 100001


def test_a_plus_is_a_plus_and_not_a_space(exchange: Exchange, send: Callable[..., Any]) -> None:
    login = exchange.accounts()[0]
    text = f"symbol=A B-USDT&timestamp={exchange.world.now_ms()}"
    right = hmac.new(login.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    encoded = text.replace(" ", "%20")
    assert send(exchange, POSITIONS, f"{encoded}&signature={right}", key=login.api_key)["code"] == 109425
    plus = text.replace(" ", "+")
    assert send(exchange, POSITIONS, f"{plus}&signature={right}", key=login.api_key)["code"] == 100001


@pytest.mark.parametrize(
    ("parameters", "shift_ms", "code"),
    [
        ({}, 4_999, 0),
        ({}, -5_000, 0),
        ({}, 5_001, 100421),
        ({}, -5_001, 100421),
        ({"recvWindow": 1_000}, 1_001, 100421),
        ({"recvWindow": 1_000}, -900, 0),
        ({"recvWindow": 0}, 4_000, 0),
        ({"recvWindow": 5_001}, 0, 100421),
        ({"recvWindow": "5s"}, 0, 109400),
    ],
)
def test_a_timestamp_has_to_be_within_the_window(
    exchange: Exchange, ask: Callable[..., Any], parameters: dict[str, object], shift_ms: int, code: int
) -> None:
    answer = ask(exchange, "alpha", BALANCE, **parameters, timestamp=exchange.world.now_ms() + shift_ms)
    assert answer["code"] == code


def test_a_missing_timestamp_is_told(exchange: Exchange, ask: Callable[..., Any]) -> None:
    assert ask(exchange, "alpha", BALANCE, timestamp="")["code"] == 100421
    assert ask(exchange, "alpha", BALANCE, timestamp="soon")["code"] == 109400


def test_an_unknown_parameter_is_refused_and_so_is_a_doubled_one(
    exchange: Exchange, ask: Callable[..., Any], send: Callable[..., Any]
) -> None:
    answer = ask(exchange, "alpha", BALANCE, symbol="BTC-USDT")
    assert (answer["code"], answer["data"]) == (109400, {})
    login, text = exchange.accounts()[0], f"limit=1&limit=2&timestamp={exchange.world.now_ms()}"
    signature = hmac.new(login.api_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    assert send(exchange, INCOME, f"{text}&signature={signature}", key=login.api_key)["code"] == 109400
    assert send(exchange, INCOME, "limit&signature=0", key=login.api_key)["code"] == 109400
    assert send(exchange, INCOME, "symbol=%ff&signature=0", key=login.api_key)["code"] == 109400


@pytest.mark.parametrize(("symbol", "code"), [("BTCUSDT", 109400), ("-USDT", 109400), ("FOO-USDT", 109425)])
def test_a_symbol_has_to_be_well_formed_and_traded(
    exchange: Exchange, ask: Callable[..., Any], symbol: str, code: int
) -> None:
    assert ask(exchange, "alpha", POSITIONS, symbol=symbol)["code"] == code
    assert ask(exchange, "alpha", INCOME, symbol=symbol)["code"] == code


def test_a_read_only_key_gets_balance_and_positions_and_nothing_else(
    exchange: Exchange, ask: Callable[..., Any]
) -> None:
    codes = [ask(exchange, "gamma", path)["code"] for path in (BALANCE, POSITIONS, INCOME, EXPORT, COMMISSION)]
    assert codes == [0, 0, 100004, 100004, 100004]


def test_a_key_that_may_not_read_gets_neither(
    exchange: Exchange, ask: Callable[..., Any], command: Callable[..., Any]
) -> None:
    command(exchange, "POST", "rights", account="alpha", read=False, trade=True)
    assert ask(exchange, "alpha", BALANCE)["code"] == 100004
    assert ask(exchange, "alpha", COMMISSION)["code"] == 0


def test_a_foreign_address_is_refused_and_named(
    exchange: Exchange, ask: Callable[..., Any], command: Callable[..., Any]
) -> None:
    command(exchange, "POST", "whitelist", account="alpha", addresses=["10.0.0.1"])
    answer = ask(exchange, "alpha", BALANCE)
    assert (answer["code"], answer["success"]) == (100419, False)
    assert "127.0.0.1" in answer["msg"]
    assert ask(exchange, "beta", BALANCE)["code"] == 0
    command(exchange, "POST", "whitelist", account="alpha", addresses=None)
    assert ask(exchange, "alpha", BALANCE)["code"] == 0


def test_the_time_is_told_to_anybody(exchange: Exchange, send: Callable[..., Any]) -> None:
    assert send(exchange, TIME, "", key=None)["data"] == {"serverTime": exchange.world.now_ms()}
    assert send(exchange, TIME, "foo=1", key=None)["code"] == 109400

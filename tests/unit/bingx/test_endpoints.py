from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.bingx.endpoints import (
    ENDPOINTS,
    Endpoint,
    balance,
    commission_rate,
    income,
    income_export,
    permissions,
    positions,
    server_time,
)
from exporter.bingx.endpoints.income import IncomeQuery
from exporter.bingx.errors import BingxError, HttpServerError, InvalidKey, MalformedResponse
from exporter.bingx.wire import Drift, Parsed
from exporter.model import (
    Balance,
    Balances,
    CommissionRate,
    IncomeEntry,
    KeyPermissions,
    MarginMode,
    Position,
    Side,
    from_milliseconds,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Data = Callable[[str], Any]

D = Decimal
UNUSED = Balance(
    asset="USDC",
    balance=None,
    equity=None,
    unrealized_pnl=None,
    realized_pnl=None,
    available_margin=None,
    used_margin=None,
    frozen_margin=None,
)


def test_the_endpoints_have_exactly_these_names_and_paths() -> None:
    assert [(str(e), e.path, e.signed) for e in ENDPOINTS] == [
        ("balance", "/openApi/swap/v3/user/balance", True),
        ("positions", "/openApi/swap/v2/user/positions", True),
        ("income", "/openApi/swap/v2/user/income", True),
        ("income_export", "/openApi/swap/v2/user/income/export", True),
        ("commission_rate", "/openApi/swap/v2/user/commissionRate", True),
        ("permissions", "/openApi/v1/account/apiPermissions", True),
        ("server_time", "/openApi/swap/v2/server/time", False),
    ]


def test_an_endpoint_is_found_by_its_name_as_it_is_equal_to_it() -> None:
    paths: dict[str, str] = {endpoint: endpoint.path for endpoint in Endpoint}
    assert paths == {str(endpoint): endpoint.path for endpoint in Endpoint}
    assert paths[str(Endpoint.BALANCE)] == Endpoint.BALANCE.path


def test_a_balance_is_read_whole(data: Data) -> None:
    parsed = balance.parse(data("balance_new_spelling"))
    assert parsed.drift == ()
    assert parsed.value.user_id == "1200000000000000001"
    assert parsed.value.assets[0] == Balance(
        asset="USDT",
        balance=D("1520.4410"),
        equity=D("1498.2071"),
        unrealized_pnl=D("-22.2339"),
        realized_pnl=D(0),
        available_margin=D("1377.9021"),
        used_margin=D("120.3050"),
        frozen_margin=D("0.0000"),
    )
    assert parsed.value.assets[1].balance == D(0)


def test_the_old_spelling_says_the_same_and_an_unused_asset_says_nothing(data: Data) -> None:
    parsed = balance.parse(data("balance_old_spelling_unused_asset"))
    usdt, usdc = parsed.value.assets
    assert (usdt.realized_pnl, usdt.frozen_margin) == (D(0), D("0.0000"))
    assert usdc == UNUSED
    assert (parsed.value.user_id, parsed.drift) == ("1200000000000000001", ())


def test_a_single_object_and_the_demo_are_read_as_well(data: Data) -> None:
    assert [row.asset for row in balance.parse(data("balance_single_object")).value.assets] == ["USDT"]
    assert [row.asset for row in balance.parse(data("balance_demo")).value.assets] == ["VST"]


def test_the_short_id_is_told_apart_from_an_empty_user_id(data: Data) -> None:
    told = balance.parse(data("balance_no_user_id")).value
    assert (told.user_id, told.short_id) == (None, "20000001")
    silent = balance.parse([{"asset": "USDT", "userId": "", "shortUid": ""}]).value
    assert (silent.user_id, silent.short_id) == (None, None)
    assert balance.parse([]).value == Balances(user_id=None, assets=())


def test_a_new_spelling_of_a_known_field_is_noticed(data: Data) -> None:
    rows = data("balance_new_spelling")
    rows[0]["lockedMargin"] = "1"
    assert balance.parse(rows).drift == (Drift("unknown_field", "data[].lockedMargin"),)


@pytest.mark.parametrize("bad", [None, {}, "", [{"balance": "1"}], [{"asset": ""}], [[]]])
def test_a_balance_without_its_asset_fails(bad: object) -> None:
    with pytest.raises(MalformedResponse):
        balance.parse(bad)


def test_an_asset_or_a_user_that_contradicts_itself_fails(data: Data) -> None:
    rows = data("balance_new_spelling")
    with pytest.raises(MalformedResponse, match="twice"):
        balance.parse([rows[0], rows[0]])
    with pytest.raises(MalformedResponse, match="several"):
        balance.parse([rows[0], {**rows[1], "userId": "7"}])


def test_positions_in_hedge_mode_are_read_whole(data: Data) -> None:
    parsed = positions.parse(data("positions_hedge"))
    assert parsed.drift == ()
    assert parsed.value[0] == Position(
        position_id="2100000000000000011",
        symbol="BTC-USDT",
        asset="USDT",
        side=Side.LONG,
        margin_mode=MarginMode.CROSS,
        amount=D("0.0120"),
        available_amount=D("0.0120"),
        value=D("731.0940"),
        unrealized_pnl=D("-3.3120"),
        realized_pnl=D("-0.3672"),
        initial_margin=D("73.4406"),
        margin=D("70.1286"),
        entry_price=D("61200.5"),
        mark_price=D("60924.5"),
        liquidation_price=D(0),
        leverage=D(10),
        risk_ratio=D("0.0210"),
        pnl_ratio=D("-0.0451"),
        max_margin_reduction=D("0.0000"),
        updated_at=from_milliseconds(1789812345678),
    )
    second = parsed.value[1]
    assert (second.side, second.margin_mode, second.amount) == (Side.SHORT, MarginMode.ISOLATED, D("0.0040"))
    assert second.liquidation_price == D("73811.30000000004")


def test_two_separate_isolated_positions_stay_two(data: Data) -> None:
    found = positions.parse(data("positions_separate_isolated")).value
    assert [(p.position_id, p.symbol, p.side) for p in found] == [
        ("2100000000000000021", "ETH-USDT", Side.LONG),
        ("2100000000000000022", "ETH-USDT", Side.LONG),
    ]


def test_what_the_short_form_does_not_say_is_none(data: Data) -> None:
    (position,) = positions.parse(data("positions_short_form")).value
    assert position.amount == D("0.0120")
    assert (position.mark_price, position.margin, position.risk_ratio, position.updated_at) == (None,) * 4


def test_in_one_way_mode_the_sign_tells_the_side(data: Data) -> None:
    both, named = positions.parse(data("positions_one_way")).value
    assert (both.side, both.amount, both.available_amount) == (Side.SHORT, D("0.0120"), D("0.0120"))
    assert named.side is Side.LONG


@pytest.mark.parametrize("name", ["positions_flat", "positions_null", "positions_empty_object"])
def test_a_flat_account_has_no_position(data: Data, name: str) -> None:
    assert positions.parse(data(name)) == Parsed(())


MINIMAL = {"symbol": "BTC-USDT", "positionSide": "LONG", "positionAmt": "1"}


def position(**changes: object) -> Parsed[tuple[Position, ...]]:
    return positions.parse([{name: value for name, value in {**MINIMAL, **changes}.items() if value != "gone"}])


def test_an_amount_of_zero_is_no_position() -> None:
    assert position(positionAmt="0.0000").value == ()
    assert position(positionAmt="-0", positionSide="BOTH").value == ()


def test_a_negative_amount_of_a_named_side_keeps_its_side() -> None:
    (found,) = position(positionAmt="-2", positionSide="SHORT").value
    assert (found.side, found.amount) == (Side.SHORT, D(2))


def test_the_margin_asset_is_told_by_the_symbol_where_it_is_missing() -> None:
    assert position().value[0].asset == "USDT"
    assert position(symbol="A-B-USDC").value[0].asset == "USDC"
    assert position(currency="VST").value[0].asset == "VST"
    assert position().value[0].margin_mode is None


@pytest.mark.parametrize(
    ("price", "liquidation"), [(0, D(0)), ("0", D(0)), ("-1", D(0)), ("", None), (None, None), ("NaN", None)]
)
def test_a_price_that_is_none_is_absent_and_no_liquidation_is_told_from_an_unknown_one(
    price: object, liquidation: Decimal | None
) -> None:
    (found,) = position(liquidationPrice=price, markPrice=price, avgPrice=price).value
    assert (found.liquidation_price, found.mark_price, found.entry_price) == (liquidation, None, None)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"positionAmt": ""}, "positionAmt"), ({"positionAmt": "gone"}, "positionAmt"),
        ({"positionAmt": "1e99"}, "positionAmt"),
        ({"positionAmt": True}, "positionAmt"), ({"symbol": ""}, "symbol"), ({"symbol": None}, "symbol"),
        ({"symbol": 7}, "symbol"),
        ({"positionSide": "gone"}, "positionSide"), ({"positionSide": "long"}, "positionSide"),
        ({"symbol": "BTCUSDT"}, "currency"), ({"symbol": "BTC-"}, "currency"), ({"currency": 5}, "currency"),
    ],
)  # fmt: skip
def test_a_position_that_cannot_be_read_fails_rather_than_look_closed(changes: dict[str, object], path: str) -> None:
    with pytest.raises(MalformedResponse) as raised:
        positions.parse([MINIMAL, {k: v for k, v in {**MINIMAL, **changes}.items() if v != "gone"}])
    assert raised.value.path == f"data[1].{path}"


def test_a_bad_optional_value_drops_itself_and_not_the_position() -> None:
    parsed = position(riskRate="high", isolated="yes", updateTime="now")
    assert parsed.value[0].amount == D(1)
    assert {drift.path for drift in parsed.drift} == {"data[].riskRate", "data[].isolated", "data[].updateTime"}


def test_the_same_position_twice_is_not_counted_twice(data: Data) -> None:
    row = data("positions_hedge")[0]
    with pytest.raises(MalformedResponse, match="twice"):
        positions.parse([row, row])


def test_income_rows_are_read_whole_in_their_order(data: Data) -> None:
    parsed = income.parse(data("income_rows"))
    assert parsed.drift == ()
    assert parsed.value[0] == IncomeEntry(
        time=from_milliseconds(1789831260000),
        income_type="FUNDING_FEE",
        symbol="ETH-USDT",
        asset="USDT",
        amount=D("-0.03120000"),
        tran_id="1789800000111222333_310_1000420",
        trade_id="1789800000111222333_310_1000401",
        info="Funding Fee",
    )
    assert [entry.income_type for entry in parsed.value] == ["FUNDING_FEE", "REALIZED_PNL", "SOME_NEW_TYPE"]


def test_no_income_is_an_empty_answer(data: Data) -> None:
    assert income.parse(data("income_null")) == income.parse(data("income_empty")) == income.parse({}) == Parsed(())


def test_an_income_row_may_lack_its_symbol_and_ids(data: Data) -> None:
    (entry,) = income.parse(data("income_null_ids")).value
    assert (entry.symbol, entry.tran_id, entry.trade_id, entry.info) == ("", "", "", "")


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("income", ""), ("income", None), ("time", 0), ("time", "1789831260"), ("incomeType", ""), ("asset", None),
        ("symbol", 5), ("tranId", []), ("tradeId", "x" * 513),
    ],
)  # fmt: skip
def test_one_bad_income_row_fails_them_all(data: Data, name: str, bad: object) -> None:
    rows = data("income_rows")
    rows[2][name] = bad
    with pytest.raises(MalformedResponse) as raised:
        income.parse(rows)
    assert raised.value.path == f"data[2].{name}"


def test_an_income_query_always_names_both_ends() -> None:
    start = datetime(2026, 11, 1, microsecond=999, tzinfo=UTC)
    query = IncomeQuery(start=start, end=start + timedelta(hours=1))
    assert query.params() == (("startTime", "1793491200000"), ("endTime", "1793494800000"), ("limit", "1000"))
    narrow = IncomeQuery(start=start, end=start, income_type="TRANSFER", symbol="MØTH-USDT", limit=1)
    assert narrow.params()[:2] == (("symbol", "MØTH-USDT"), ("incomeType", "TRANSFER"))


def test_an_income_query_that_cannot_work_is_refused() -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="before it starts"):
        IncomeQuery(start=start, end=start - timedelta(seconds=1))
    for limit in (0, 1001):
        with pytest.raises(ValueError, match="between 1 and 1000"):
            IncomeQuery(start=start, end=start, limit=limit)


@pytest.mark.parametrize("body", [b"PK\x03\x04rest", bytes.fromhex("D0CF11E0A1B11AE1")])
def test_a_workbook_is_known_by_its_first_bytes(body: bytes) -> None:
    assert income_export.parse(body) == body


def test_what_comes_in_place_of_a_workbook_is_an_error() -> None:
    with pytest.raises(InvalidKey):
        income_export.parse(b' {"code":100413,"msg":"Incorrect apiKey"}')
    for body in (b'{"code":0,"msg":"","data":null}', b"Time,Type\n", b"", b"<html>"):
        with pytest.raises(MalformedResponse):
            income_export.parse(body)
    with pytest.raises(HttpServerError):
        income_export.parse(b"PK\x03\x04", status=502)


@pytest.mark.parametrize("name", ["commission_rate_numbers", "commission_rate_flat_strings"])
def test_commission_rates_are_exact_fractions_nested_or_flat(data: Data, name: str) -> None:
    assert commission_rate.parse(data(name)) == Parsed(CommissionRate(maker=D("0.0002"), taker=D("0.0005")))


def test_one_rate_is_enough_and_none_is_an_error() -> None:
    assert commission_rate.parse({"makerCommissionRate": 0}).value == CommissionRate(maker=D(0), taker=None)
    nothing: tuple[object, ...] = ({}, None, [], {"commission": {}}, {"commission": 5}, {"makerCommissionRate": "x"})
    for bad in nothing:
        with pytest.raises(MalformedResponse):
            commission_rate.parse(bad)


def test_the_server_time_is_aware_and_exact(data: Data) -> None:
    expected = datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)
    assert server_time.parse(data("server_time_now")).value == expected
    nothing: tuple[object, ...] = (None, {}, {"serverTime": 5}, [])
    for bad in nothing:
        with pytest.raises(MalformedResponse):
            server_time.parse(bad)


KEY = "NotAKeyButAsLongAsOneSoThatItWouldBeSeenWhereverItTurnsUp0123456789abcdefghijklmnopqrs"


def test_the_rights_of_a_key_are_read_and_the_key_is_not(data: Data) -> None:
    everything = permissions.parse(data("permissions_trade_and_withdraw"))
    assert everything == Parsed(
        KeyPermissions(read=True, trade=True, withdraw=True, transfer=True, spot=True, ip_restricted=False)
    )
    bound = permissions.parse(data("permissions_read_only_bound"))  # the exchange's own example has no code
    assert bound == Parsed(
        KeyPermissions(read=True, trade=False, withdraw=False, transfer=False, spot=False, ip_restricted=True)
    )
    assert KEY not in repr((everything, bound))


@pytest.mark.parametrize(
    ("rights", "right"), [([2, 1], "spot"), ([2, 3], "trade"), ([2, 4], "transfer"), ([2, 5], "withdraw")]
)
def test_each_right_is_told_by_its_own_number(rights: list[int], right: str) -> None:
    for spelled in (rights, [str(number) for number in rights]):
        read = permissions.parse({"permissions": spelled}).value
        assert {name: getattr(read, name) for name in ("spot", "trade", "transfer", "withdraw")} == {
            "spot": False,
            "trade": False,
            "transfer": False,
            "withdraw": False,
            right: True,
        }
    assert permissions.parse({"permissions": [2, 7]}).value.transfer


def test_a_right_that_nobody_knows_is_noticed(data: Data) -> None:
    told = permissions.parse({**data("permissions_read_only_bound"), "permissions": [2, 6]})
    assert told.drift == (Drift("bad_value", "permissions[]"),)
    assert told.value.read


@pytest.mark.parametrize(
    ("addresses", "expected", "drift"),
    [
        ([], False, ()),
        ([""], False, ()),
        (["203.0.113.7"], True, ()),
        (None, None, ()),
        ("203.0.113.7", None, (Drift("bad_value", "ipAddresses"),)),
        ([1], None, (Drift("bad_value", "ipAddresses"),)),
    ],
)
def test_a_list_of_addresses_binds_a_key_and_no_list_says_nothing(
    addresses: object, expected: bool | None, drift: tuple[Drift, ...]
) -> None:
    parsed = permissions.parse({"permissions": [2], "ipAddresses": addresses})
    assert (parsed.value.ip_restricted, parsed.drift) == (expected, drift)


@pytest.mark.parametrize("rights", [None, [], {}, 5, "2,3", [KEY], [None], [True], [2.5], [[3]], [2, "3 "], [2, "-3"]])
def test_rights_that_cannot_be_read_whole_are_an_error_that_does_not_show_the_key(rights: object) -> None:
    with pytest.raises(MalformedResponse) as raised:
        permissions.parse({"apiKey": KEY, "permissions": rights, "note": KEY})
    assert KEY not in f"{raised.value!r} {raised.value} {raised.value.path}"


def test_a_key_as_the_name_of_a_field_is_hidden_too() -> None:
    parsed = permissions.parse({"permissions": [2], KEY: 1, "brandNew": 2, "x" * 20 + " " + "y" * 20 + " z" * 200: 3})
    assert {drift.path for drift in parsed.drift} >= {"<hidden>", "brandNew"}
    assert all(len(drift.path) <= 64 for drift in parsed.drift)
    assert KEY[:20] not in repr(parsed)


@given(
    st.dictionaries(
        st.sampled_from(["permissions", "ipAddresses", "apiKey", "note", "data", KEY]),
        st.recursive(
            st.none() | st.integers(-3, 12) | st.sampled_from([KEY, "3", "", True]),
            lambda inner: st.lists(inner, max_size=4),
            max_leaves=6,
        ),
    )
)
def test_whatever_the_answer_holds_the_key_comes_out_nowhere(answer: dict[str, object]) -> None:
    try:
        said = repr(permissions.parse(answer))
    except MalformedResponse as error:
        said = f"{error!r} {error} {error.path}"
    assert KEY[:20] not in said


PARSERS: tuple[Callable[[object], Parsed[Any]], ...] = (
    balance.parse,
    positions.parse,
    income.parse,
    commission_rate.parse,
    permissions.parse,
    server_time.parse,
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.decimals()
    | st.text(max_size=8)
    | st.sampled_from(["BTC-USDT", "LONG", "BOTH", "1.5", "1789812345678", "USDT"])
)
NAMES = st.text(max_size=5) | st.sampled_from(
    [*MINIMAL, "asset", "income", "incomeType", "time", "commission", "makerCommissionRate", "serverTime", "tranId"]
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=8), max_leaves=20
)


@given(JSON)
def test_any_json_is_read_or_one_of_our_errors(data: object) -> None:
    for parse in PARSERS:
        try:
            assert isinstance(parse(data), Parsed)
        except BingxError as error:
            assert error.reason == "malformed_response"  # noqa: PT017 - either outcome is allowed


@given(st.binary(), st.integers(100, 599))
def test_any_bytes_are_a_workbook_or_one_of_our_errors(body: bytes, status: int) -> None:
    try:
        income_export.parse(body, status=status)
    except BingxError as error:
        assert error.endpoint is Endpoint.INCOME_EXPORT  # noqa: PT017 - either outcome is allowed

from __future__ import annotations

import inspect
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.bingx import errors
from exporter.bingx.codes import CODES, error_for
from exporter.bingx.endpoints import Endpoint
from exporter.bingx.errors import (
    ERRORS,
    REASONS,
    ApiError,
    AuthenticationError,
    BadRequest,
    BingxError,
    ClockSkew,
    ExchangeBusy,
    ExchangeError,
    MalformedResponse,
    PermissionDenied,
    RateLimited,
    redact,
)

CLOSED_LIST = {
    "bad_signature", "invalid_key", "permission_denied", "ip_not_whitelisted", "clock_skew", "rate_limited",
    "account_restricted", "account_mismatch", "bad_request", "exchange_busy", "exchange_error", "timeout",
    "connection", "dns", "tls", "truncated", "too_large", "malformed_response", "forbidden", "http_server_error",
    "http_client_error",
}  # fmt: skip
KEY = "hO6oQotzTE0S5FRYze2Jx2wGx7eVnJGMolpA1nZyehsoMgCcgKNWQHd4QgTFZuwl4Zt4xMe2PqGBegWXO4A"


def test_the_reasons_are_the_closed_list_each_once() -> None:
    assert set(REASONS) == CLOSED_LIST
    assert len(REASONS) == len(CLOSED_LIST)


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_tells_the_operator_what_to_do_and_is_drawn_in_the_tree(error: type[BingxError]) -> None:
    assert error.mend
    assert error.mend in str(error())
    tree = inspect.getdoc(errors) or ""
    assert f" {error.__name__} " in tree
    assert error.reason in tree


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (100001, "bad_signature"), (100412, "bad_signature"), (100413, "invalid_key"), (100004, "permission_denied"),
        (100419, "ip_not_whitelisted"), (100414, "account_restricted"), (100421, "clock_skew"),
        (100409, "rate_limited"), (100410, "rate_limited"), (109429, "rate_limited"), (100400, "bad_request"),
        (109400, "bad_request"), (80014, "bad_request"), (109414, "bad_request"), (100500, "exchange_busy"),
        (109500, "exchange_busy"), (80012, "exchange_busy"), (80020, "exchange_busy"), (109403, "exchange_busy"),
        (101214, "exchange_busy"), (80013, "exchange_error"), (109421, "exchange_error"), (424242, "exchange_error"),
    ],
)  # fmt: skip
def test_codes_of_both_generations_have_their_reason(code: int, reason: str) -> None:
    error = error_for(code, "", endpoint=Endpoint.INCOME)
    assert (error.reason, error.code, error.endpoint) == (reason, code, Endpoint.INCOME)


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (80001, "service has some errors", ExchangeBusy),
        (80001, "limit: must be less than 1000", BadRequest),
        (80012, "startTime is later than endTime", BadRequest),
        (80012, "service unavailable", ExchangeBusy),
        (80012, '{"Code":101253,"Msg":"margin is not enough"}', ExchangeError),
        (101204, "", ExchangeError),
        (100421, "timestamp is invalid", ClockSkew),
        (100421, "system busy, please try again later", ExchangeBusy),
        (109400, "timestamp is out of the allowed range", ClockSkew),
        (109400, "timestamp is required", BadRequest),
        (100202, "over 20 error code:100202 requests within 480000 ms, retry after time: 1730000000000", RateLimited),
        (987654, "too many requests", RateLimited),
    ],
)
def test_a_text_decides_where_a_number_means_several_things(code: int, message: str, kind: type[ApiError]) -> None:
    assert type(error_for(code, message)) is kind


@pytest.mark.parametrize(
    "message",
    [
        "the endpoint trigger frequency limit rule, it will be unblocked after 1730000000123",
        "over 20 error code:100202 requests within 480000 ms, please verify and retry after time: 1730000000123",
        "will be Unblocked After: 1730000000123 ms",
    ],
)
def test_the_end_of_a_ban_is_read_to_the_millisecond(message: str) -> None:
    error = error_for(100410, message)
    assert error.retry_at == datetime(2024, 10, 27, 3, 33, 20, 123000, tzinfo=UTC)


def test_a_ban_without_an_end_names_none() -> None:
    assert error_for(100410, "rate limited, 1730000000123 is only a number").retry_at is None


def test_a_ban_of_the_address_is_told_from_one_of_the_user() -> None:
    speaks = error_for(109429, "requests from this IP are blocked, unblocked after 1730000000000")
    silent = error_for(109429, "rate limited; unblocked after 1730000000000, equipment description")
    assert isinstance(speaks, RateLimited)
    assert isinstance(silent, RateLimited)
    assert (speaks.whole_address, silent.whole_address) == (True, False)


def test_what_refuses_the_key_concerns_the_whole_account() -> None:
    whole = {error.reason for error in ERRORS if issubclass(error, AuthenticationError)}
    assert whole == {"bad_signature", "invalid_key", "ip_not_whitelisted", "account_restricted"}


def test_an_error_is_one_line_with_endpoint_reason_code_and_advice() -> None:
    error = error_for(109429, "slow\ndown, unblocked after 1730000000123", endpoint=Endpoint.POSITIONS)
    assert str(error) == (
        "positions: rate_limited (code 109429): slow down, unblocked after 1730000000123; "
        f"not before 2024-10-27T03:33:20.123+00:00; {RateLimited.mend}"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Permission denied",
        "Permission denied: this API key lacks the permission Perpetual Futures Trading",
        (
            "Permission denied as the API key was created without the permission\uff0cthis api need Perpetual Futures "
            "Trading permission\uff0c please config it in https://bingx.com/en-us/account/api"
        ),
    ],
)
def test_the_advice_for_a_missing_right_is_given_once(text: str) -> None:
    error = error_for(100004, text, endpoint=Endpoint.INCOME)
    assert str(error) == f"income: permission_denied (code 100004); {PermissionDenied.mend}"
    assert error.detail == text


@pytest.mark.parametrize(
    "text",
    [
        "Permission denied: this API key lacks the permission Read",
        "Permission denied as the API key was created without the permission, this api need Spot Trading permission",
        "Permission denied: Perpetual Futures Trading is suspended in your region",
        "permission denied, please config it in https://example.org/en/account/api",
        "permission denied \u6743\u9650",
        "permission denied 7",
    ],
)
def test_a_refusal_that_says_something_else_is_shown_beside_the_advice(text: str) -> None:
    error = error_for(100004, text, endpoint=Endpoint.INCOME)
    assert str(error) == f"income: permission_denied (code 100004): {text}; {PermissionDenied.mend}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Incorrect apiKey {KEY}", "Incorrect apiKey <hidden>"),
        ("signature=" + "0f" * 32, "signature=<hidden>"),
        ("bad hash " + "0f" * 32, "bad hash <hidden>"),
        ("apiKey: short, x", "apiKey: <hidden>, x"),
        ("your current request IP is 203.0.113.77.", "your current request IP is <address>."),
        ("IP:2001:db8::1 is not listed", "IP<address> is not listed"),
        ("from fe80::1 and ::ffff:203.0.113.77", "from <address> and <address><address>"),
        ("a\x00b\x1b[31m\u2028c\ud800", "a b [31m c"),
        ("at 12:30:45 o'clock", "at 12:30:45 o'clock"),
        ("x y " * 100, ("x y " * 50)[:199] + "…"),
        ("x " * 2040 + KEY + KEY, ("x " * 100)[:199] + "…"),
    ],
)
def test_a_foreign_text_is_shown_without_what_must_not_leave(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_a_key_at_the_edge_of_what_is_read_does_not_come_through() -> None:
    text = (KEY + " ") * 60
    assert redact(text).replace("<hidden>", "").strip("… <hiden") == ""


@given(st.integers(), st.text())
def test_any_code_and_text_make_an_error_that_is_safe_to_show(code: int, message: str) -> None:
    error = error_for(code, message + KEY + message)
    line = str(error)
    assert KEY not in line
    assert line.isprintable()
    assert len(error.detail) <= 200
    assert error.reason in REASONS


@given(st.sampled_from(sorted(CODES)), st.from_regex(r"(after|time|until)[: ]{0,3}[0-9]{10,16}", fullmatch=True))
def test_any_named_time_is_read_or_left(code: int, message: str) -> None:
    retry_at = error_for(code, message).retry_at
    assert retry_at is None or retry_at.tzinfo is UTC


def test_a_malformed_answer_names_its_place() -> None:
    error = MalformedResponse("is not a number", path="data[3].positionAmt")
    assert error.path == "data[3].positionAmt"
    assert "data[3].positionAmt is not a number" in str(error)

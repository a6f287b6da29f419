from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.bingx.endpoints import Endpoint
from exporter.bingx.envelope import unwrap
from exporter.bingx.errors import BingxError, Forbidden, HttpError, MalformedResponse

BALANCE = Endpoint.BALANCE


@pytest.mark.parametrize("data", [[], {}, None, [{"a": 1}]])
def test_a_good_answer_gives_its_data(data: object) -> None:
    body = json.dumps({"code": 0, "msg": "", "data": data, "timestamp": 1700000000000}).encode()
    assert unwrap(200, body, endpoint=BALANCE) == data


@pytest.mark.parametrize(
    ("body", "reason", "code"),
    [
        ('{"code":100001,"msg":"Signature verification failed","timestamp":1700000000000}', "bad_signature", 100001),
        ('{"success":false,"code":100419,"msg":"your IP is 203.0.113.7"}', "ip_not_whitelisted", 100419),
        ('{"code":80012,"msg":"service unavailable","data":{}}', "exchange_busy", 80012),
        ('{"code":100500,"msg":"busy","debugMsg":"rpc"}', "exchange_busy", 100500),
        ('{"code":101204,"msg":"","data":{}}', "exchange_error", 101204),
        ('{"code":"100413","msg":"Incorrect apiKey"}', "invalid_key", 100413),
        ('{"code":100410,"msg":"rate limited","data":null}', "rate_limited", 100410),
        ('{"code":100410,"msg":["odd"]}', "rate_limited", 100410),
        ('{"code":0,"success":false,"data":[]}', "exchange_error", 0),
        ('{"code":0,"msg":""}', "malformed_response", None),
        ('{"msg":"","data":[]}', "malformed_response", None),
        ('{"permissions":[1,2]}', "malformed_response", None),
        ('{"code":true,"data":[]}', "malformed_response", None),
        ('{"code":0.0,"data":[]}', "malformed_response", None),
        ('{"code":null,"data":[]}', "malformed_response", None),
        ('{"code":"","data":[]}', "malformed_response", None),
        ("[]", "malformed_response", None),
        ("null", "malformed_response", None),
        ("", "malformed_response", None),
        ("<html>Just a moment...</html>", "malformed_response", None),
        ('{"code":0,"msg":"","data":[{"asset":"US', "malformed_response", None),
    ],
)
def test_every_other_shape_with_status_200_is_an_error(body: str, reason: str, code: int | None) -> None:
    with pytest.raises(BingxError) as raised:
        unwrap(200, body.encode(), endpoint=BALANCE)
    error = raised.value
    assert (error.reason, error.code, error.endpoint) == (reason, code, BALANCE)
    assert "203.0.113.7" not in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"code": 0, "msg": "", "timestamp": 1700000000000, "permissions": [2]},
        {"permissions": [2]},
        {"code": "0", "data": None, "permissions": [2]},
        {"code": 0, "data": {"permissions": [2]}},
    ],
)
def test_a_flat_answer_gives_its_fields(body: dict[str, object]) -> None:
    assert unwrap(200, json.dumps(body).encode(), endpoint=Endpoint.PERMISSIONS) == {"permissions": [2]}


@pytest.mark.parametrize("body", ['{"code":100004,"permissions":[2]}', '{"code":null,"permissions":[2]}', "[2]"])
def test_a_flat_answer_that_says_no_is_an_error(body: str) -> None:
    with pytest.raises(BingxError) as raised:
        unwrap(200, body.encode(), endpoint=Endpoint.PERMISSIONS)
    assert raised.value.endpoint is Endpoint.PERMISSIONS


def test_nul_bytes_do_not_hide_an_answer() -> None:
    assert unwrap(200, b'\0{"code":0,\0"data":[]}\0', endpoint=BALANCE) == []


def test_a_code_as_text_may_be_a_good_one() -> None:
    assert unwrap(200, b'{"code":"0","data":[]}', endpoint=BALANCE) == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (301, "http_client_error"), (302, "http_client_error"), (400, "http_client_error"), (401, "http_client_error"),
        (403, "forbidden"), (404, "http_client_error"), (418, "rate_limited"), (429, "rate_limited"),
        (500, "http_server_error"), (504, "http_server_error"), (100, "http_client_error"), (999, "http_client_error"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"code":0,"data":[]}', b'{"code":424242,"msg":"?"}', b"[]"])
def test_another_status_is_an_error_whatever_the_body(status: int, reason: str, body: bytes) -> None:
    with pytest.raises(BingxError) as raised:
        unwrap(status, body, endpoint=BALANCE)
    assert raised.value.reason == reason
    assert str(status) in raised.value.detail
    if isinstance(raised.value, HttpError):
        assert raised.value.status == status


def test_a_known_code_inside_another_status_says_more_than_the_status() -> None:
    with pytest.raises(BingxError) as raised:
        unwrap(400, b'{"code":100413,"msg":"Incorrect apiKey"}', endpoint=BALANCE)
    assert raised.value.reason == "invalid_key"
    with pytest.raises(BingxError) as raised:
        unwrap(403, b'{"code":1,"msg":"it will be unblocked after 1730000000000"}', endpoint=BALANCE)
    assert raised.value.reason == "rate_limited"
    assert raised.value.retry_at is not None
    with pytest.raises(Forbidden):
        unwrap(403, b"", endpoint=BALANCE)


def outcome(status: int, body: bytes) -> object:
    try:
        return unwrap(status, body, endpoint=BALANCE)
    except BingxError as error:
        return error


@given(st.integers(100, 599), st.binary())
def test_any_answer_is_one_of_our_errors_unless_it_is_good(status: int, body: bytes) -> None:
    error = outcome(status, body)
    assert isinstance(error, BingxError)
    assert error.endpoint is BALANCE


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["code", "msg", "data", "success", "debugMsg"]), JSON))
def test_any_envelope_is_data_or_one_of_our_errors(envelope: dict[str, object]) -> None:
    found = outcome(200, json.dumps(envelope).encode())
    if isinstance(found, BingxError):
        assert isinstance(found, MalformedResponse) or found.code is not None
    else:
        assert envelope["code"] in (0, "0")

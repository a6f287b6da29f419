"""Every fault, as an ordinary client meets it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.simulator import Simulator

    Call = Callable[..., requests.Response]
    Command = Callable[..., dict[str, Any]]

BALANCE = "/openApi/swap/v3/user/balance"
POSITIONS = "/openApi/swap/v2/user/positions"
PERMISSIONS = "/openApi/v1/account/apiPermissions"
EXPORT = "/openApi/swap/v2/user/income/export"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("service", {"code": 109500, "msg": "no", "data": {}}),
        ("no_data", {"code": 109500, "msg": "no", "timestamp": 0}),
        ("data_null", {"code": 109500, "msg": "no", "data": None}),
        ("text_code", {"code": "109500", "msg": "no", "data": {}}),
        ("empty_message", {"code": 109500, "msg": "", "data": {}}),
        ("inner_json", {"code": 109500, "msg": '{"Code":101253,"Msg":"no"}', "data": {}}),
        ("success_false", {"code": 109500, "msg": "no", "timestamp": 0, "success": False}),
        ("debug_message", {"code": 109500, "msg": "no", "debugMsg": ""}),
    ],
)
def test_an_error_comes_in_every_shape(call: Call, command: Command, shape: str, expected: dict[str, object]) -> None:
    command("faults", kind="code", code=109500, message="no", shape=shape)
    assert call("alpha", BALANCE).json() == expected


def test_a_status_comes_with_a_page_with_nothing_or_with_an_envelope(call: Call, command: Command) -> None:
    for body, starts in (("html", b"<!DOCTYPE html>"), ("empty", b""), ("json", b'{"code":100500')):
        command("faults", kind="status", status=504, body=body, count=1)
        reply = call("alpha", BALANCE)
        assert reply.status_code == 504
        assert reply.content.startswith(starts)
        assert bool(reply.content) is (body != "empty")


def test_a_page_or_nothing_comes_with_200(call: Call, command: Command) -> None:
    command("faults", kind="html", count=1)
    command("faults", kind="empty", count=1)
    page, nothing = call("alpha", BALANCE), call("alpha", BALANCE)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html")
    assert (nothing.status_code, nothing.content) == (200, b"")


@pytest.mark.parametrize("kind", ["cut", "cut_chunked"])
def test_a_cut_body_is_seen_as_cut(call: Call, command: Command, kind: str) -> None:
    command("faults", kind=kind)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        call("alpha", POSITIONS)


def test_text_that_breaks_off_is_no_json(call: Call, command: Command) -> None:
    command("faults", kind="not_json")
    reply = call("alpha", BALANCE)
    assert reply.content.startswith(b'{"code":0')
    with pytest.raises(requests.exceptions.JSONDecodeError):
        reply.json()


def test_nul_bytes_are_in_the_text_and_the_rest_is_whole(call: Call, command: Command) -> None:
    command("faults", kind="nul_bytes")
    body = call("alpha", BALANCE).content
    assert body.count(b"\0") == 4
    assert body.replace(b"\0", b"").startswith(b'{"code":0')


def test_types_are_wrong_throughout(call: Call, command: Command) -> None:
    command("faults", kind="wrong_types")
    row = call("alpha", POSITIONS).json()["data"][0]
    assert row["symbol"] == ["BTC-USDT"]
    assert row["leverage"] == {"value": 10}
    assert call("alpha", EXPORT).content == b"this is not a workbook"


def test_the_right_answer_has_one_more_field(call: Call, command: Command) -> None:
    command("freeze")
    honest = call("alpha", POSITIONS).json()["data"]

    command("faults", kind="new_field")

    assert call("alpha", POSITIONS).json()["data"] == [{**row, "brandNew": "1"} for row in honest]


def test_a_flat_answer_is_spoiled_too_and_a_refusal_is_not(call: Call, command: Command) -> None:
    command("faults", kind="new_field")
    assert call("alpha", PERMISSIONS).json()["brandNew"] == "1"
    command("faults/clear")
    command("faults", kind="wrong_types")
    assert call("alpha", PERMISSIONS).json()["permissions"] == [{"value": 2}, {"value": 3}]
    command("rights", account="alpha", read=False, trade=True)
    assert call("alpha", PERMISSIONS).json().keys() == {"code", "msg", "timestamp"}


def test_numbers_are_infinite_as_text_and_as_numbers(call: Call, command: Command) -> None:
    command("faults", kind="infinite")
    reply = call("alpha", POSITIONS)
    assert b'"leverage":1e999' in reply.content
    assert reply.json()["data"][0]["margin"] == "Infinity"
    assert reply.json()["data"][0]["symbol"] == "BTC-USDT"


@pytest.mark.parametrize("kind", ["huge", "gzip_bomb"])
def test_a_body_is_as_large_as_asked(call: Call, command: Command, kind: str) -> None:
    command("faults", kind=kind, size=3_000_001)
    reply = call("alpha", BALANCE)
    assert len(reply.content) == 3_000_001
    packed = int(reply.headers["Content-Length"])
    assert packed < 10_000 if kind == "gzip_bomb" else packed == 3_000_001


def test_silence_lasts_until_the_peer_gives_up(call: Call, command: Command) -> None:
    command("faults", kind="silent", count=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        call("alpha", BALANCE, timeout=0.2)
    assert call("alpha", BALANCE).json()["code"] == 0


@pytest.mark.parametrize("kind", ["slow_headers", "slow_body"])
def test_bytes_drip_and_the_whole_is_right(
    call: Call, command: Command, stopwatch: Callable[[], float], kind: str
) -> None:
    command("faults", kind=kind, milliseconds=1)
    before = stopwatch()
    assert call("alpha", BALANCE).json()["code"] == 0
    assert stopwatch() - before > 0.05


def test_a_reset_is_a_reset(call: Call, command: Command) -> None:
    command("faults", kind="reset")
    with pytest.raises(requests.exceptions.ConnectionError, match="reset"):
        call("alpha", BALANCE)


def test_a_delay_keeps_the_answer_right(call: Call, command: Command, stopwatch: Callable[[], float]) -> None:
    command("faults", kind="delay", milliseconds=120)
    before = stopwatch()
    assert call("alpha", BALANCE).json()["code"] == 0
    assert stopwatch() - before >= 0.12


def test_a_peer_that_reads_late_gets_all_of_a_large_body(simulator: Simulator, command: Command) -> None:
    command("faults", kind="huge", size=20_000_000)
    host, _, port = simulator.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as peer:
        peer.sendall(b"GET /openApi/swap/v2/server/time HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert requests.get(f"{simulator.url}/_sim/calls", timeout=5).json()["total"] == 1
        head, received = peer.recv(4096).partition(b"\r\n\r\n")[::2]
        rest = len(received)
        while rest < 20_000_000:
            rest += len(peer.recv(1 << 20))
    assert b"Content-Length: 20000000" in head
    assert rest == 20_000_000


def test_faults_that_end_the_connection_wait_for_the_latency_too(call: Call, command: Command) -> None:
    command("latency", milliseconds=20)
    command("faults", kind="cut", count=1)
    command("faults", kind="reset", count=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        call("alpha", POSITIONS)
    with pytest.raises(requests.exceptions.ConnectionError):
        call("alpha", POSITIONS)


def test_a_refusal_without_data_and_a_status_without_a_name_go_out_as_well(call: Call, command: Command) -> None:
    command("faults", kind="wrong_types", count=1)
    assert call("gamma", EXPORT).json()["code"] == 100004
    command("faults", kind="status", status=599, count=1)
    assert call("gamma", EXPORT).status_code == 599


def test_a_fault_is_for_whom_it_is_meant(call: Call, command: Command) -> None:
    command("faults", kind="code", account="alpha", endpoint="balance")
    assert call("alpha", BALANCE).json()["code"] == 100500
    assert call("alpha", POSITIONS).json()["code"] == 0
    assert call("beta", BALANCE).json()["code"] == 0

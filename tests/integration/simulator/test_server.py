"""The exchange over HTTP, as a client meets it."""

from __future__ import annotations

import io
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from openpyxl import load_workbook

from exporter.simulator import Options, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[..., requests.Response]
    Command = Callable[..., dict[str, Any]]

BALANCE = "/openApi/swap/v3/user/balance"
POSITIONS = "/openApi/swap/v2/user/positions"
INCOME = "/openApi/swap/v2/user/income"
EXPORT = "/openApi/swap/v2/user/income/export"
COMMISSION = "/openApi/swap/v2/user/commissionRate"


def address(simulator: Simulator) -> tuple[str, int]:
    host, _, port = simulator.url.removeprefix("http://").rpartition(":")
    return host, int(port)


def is_dropped(peer: socket.socket) -> bool:
    try:
        return peer.recv(10) == b""
    except ConnectionError:
        return True


def test_every_endpoint_answers_a_signed_call(call: Call) -> None:
    for path in (BALANCE, POSITIONS, INCOME, COMMISSION):
        reply = call("alpha", path)
        assert (reply.status_code, reply.json()["code"]) == (200, 0)
        assert reply.headers["Content-Type"] == "application/json"


def test_a_symbol_beyond_ascii_survives_the_way(call: Call) -> None:
    rows = call("alpha", POSITIONS, symbol="MØTH-USDT").json()["data"]
    assert [row["symbol"] for row in rows] == ["MØTH-USDT"]


def test_long_answers_are_packed_and_chunked_if_the_peer_takes_gzip(call: Call, session: requests.Session) -> None:
    packed = call("alpha", INCOME)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Transfer-Encoding"] == "chunked"
    session.headers["Accept-Encoding"] = "identity"
    plain = call("alpha", INCOME)
    assert "Content-Encoding" not in plain.headers
    assert plain.json() == packed.json()


def test_the_workbook_can_be_opened(call: Call) -> None:
    reply = call("alpha", EXPORT, limit=50)
    assert reply.content.startswith(b"PK\x03\x04")
    sheet = load_workbook(io.BytesIO(reply.content), read_only=True).worksheets[0]
    assert len(list(sheet.iter_rows(values_only=True))) == 51


def test_pages_walk_back_through_the_whole_history(call: Call, simulator: Simulator, command: Command) -> None:
    command("freeze")
    world = requests.get(f"{simulator.url}/_sim/world", params={"account": "alpha"}, timeout=5).json()
    entries = sum(total["entries"] for total in world["accounts"][0]["income"]["readable"])
    end = world["now_milliseconds"]
    start = end - 90 * 86_400_000
    seen: set[str] = set()
    while rows := call("alpha", INCOME, startTime=start, endTime=end, limit=20).json()["data"]:
        seen.update(row["tranId"] for row in rows)
        if len(rows) < 20:
            break
        end = rows[-1]["time"]
    assert len(seen) == entries > 20


def test_one_connection_serves_many_calls_and_http_1_0_one(simulator: Simulator) -> None:
    with socket.create_connection(address(simulator), timeout=5) as peer:
        for _ in range(3):
            peer.sendall(b"GET /openApi/swap/v2/server/time HTTP/1.1\r\nHost: x\r\n\r\n")
            assert peer.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
        peer.sendall(b"GET /openApi/swap/v2/server/time HTTP/1.0\r\n\r\n" * 2)
        answer = b""
        while piece := peer.recv(4096):
            answer += piece
        assert answer.count(b"HTTP/1.1 200") == 1


def test_calls_sent_at_once_are_answered_in_turn(simulator: Simulator, command: Command) -> None:
    command("faults", kind="delay", milliseconds=100, count=1)
    with socket.create_connection(address(simulator), timeout=5) as peer:
        peer.sendall(
            b"GET /openApi/swap/v2/server/time HTTP/1.1\r\n\r\nGET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n"
        )
        answer = b""
        while piece := peer.recv(4096):
            answer += piece
    assert 0 < answer.find(b"serverTime") < answer.find(b"100400")


def test_what_is_no_http_is_refused_and_closed(simulator: Simulator) -> None:
    with socket.create_connection(address(simulator), timeout=5) as peer:
        peer.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        answer = b""
        while piece := peer.recv(4096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_head_request_gets_no_body_and_a_post_is_refused(simulator: Simulator, session: requests.Session) -> None:
    assert session.head(simulator.url + BALANCE, timeout=5).content == b""
    assert session.post(simulator.url + BALANCE, timeout=5).json()["code"] == 100400


def test_three_hundred_connections_at_once_are_served(simulator: Simulator) -> None:
    peers = [socket.create_connection(address(simulator), timeout=10) for _ in range(300)]
    try:
        for peer in peers:
            peer.sendall(b"GET /openApi/swap/v2/server/time HTTP/1.1\r\n\r\n")
        assert all(b"serverTime" in peer.recv(4096) for peer in peers)
    finally:
        for peer in peers:
            peer.close()


def test_the_control_calls_are_apart_from_faults_limits_and_records(
    simulator: Simulator, call: Call, command: Command
) -> None:
    command("limits", enabled=True, per_user=1)
    command("faults", kind="silent")
    for _ in range(20):
        assert requests.get(f"{simulator.url}/_sim/world?account=alpha", timeout=5).status_code == 200
    assert requests.get(f"{simulator.url}/_sim/calls", timeout=5).json()["total"] == 0
    command("faults/clear")
    assert [call("alpha", BALANCE).json()["code"] for _ in range(2)] == [0, 100410]
    assert requests.delete(f"{simulator.url}/_sim/faults", timeout=5).json() == {"faults": []}


def test_addresses_have_budgets_of_their_own(simulator: Simulator, command: Command) -> None:
    command("limits", enabled=True, per_address=1)

    def code(source: str) -> bytes:
        with socket.create_connection(address(simulator), timeout=5, source_address=(source, 0)) as peer:
            peer.sendall(b"GET /openApi/swap/v2/server/time HTTP/1.1\r\n\r\n")
            return peer.recv(4096).partition(b'"code":')[2][:1]

    assert [code(source) for source in ("127.0.0.1", "127.0.0.1", "127.0.0.2")] == [b"0", b"1", b"0"]


def test_latency_holds_answers_back(call: Call, command: Command, stopwatch: Callable[[], float]) -> None:
    command("latency", milliseconds=150)
    before = stopwatch()
    call("alpha", BALANCE)
    assert stopwatch() - before >= 0.15


def test_two_hundred_accounts_start_at_once_and_answer(stopwatch: Callable[[], float]) -> None:
    before = stopwatch()
    with Simulator(Options(accounts=200, positions=20, history_days=0)) as simulator:
        assert stopwatch() - before < 1
        assert len(simulator.accounts) == 200

        def fetch(_: int) -> int:
            return requests.get(f"{simulator.url}/openApi/swap/v2/server/time", timeout=10).status_code

        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(fetch, range(64))) == {200}


def test_stop_ends_the_thread_and_drops_whoever_still_waits() -> None:
    threads = threading.active_count()
    simulator = Simulator(Options(history_days=0))
    with pytest.raises(RuntimeError):
        _ = simulator.url
    simulator.start()
    with pytest.raises(RuntimeError):
        simulator.start()
    requests.post(f"{simulator.url}/_sim/faults", json={"kind": "silent"}, timeout=5)
    with socket.create_connection(address(simulator), timeout=5) as peer:
        peer.sendall(b"GET /openApi/swap/v2/server/time HTTP/1.1\r\n\r\n")
        requests.get(f"{simulator.url}/_sim/calls", timeout=5)
        simulator.stop()
        assert is_dropped(peer)
    assert threading.active_count() == threads
    simulator.stop()


def test_a_port_that_is_taken_is_told_at_the_start(simulator: Simulator) -> None:
    _, port = address(simulator)
    with pytest.raises(OSError, match="in use"):
        Simulator(Options(port=port)).start()

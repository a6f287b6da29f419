"""Requests out of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.messages import Request
from exporter.simulator.parsing import BadRequestError, take_request


def test_a_request_is_taken_once_it_is_whole_however_it_arrives() -> None:
    sent = b"POST /a?b=1&c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxyzGET"
    buffer = bytearray()
    for byte in sent[:-4]:
        buffer.append(byte)
        assert take_request(buffer, address="p") is None
    buffer += sent[-4:]
    request = take_request(buffer, address="p")
    assert request is not None
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a", "b=1&c", b"xyz")
    assert (request.headers["host"], request.address, request.keep_alive) == ("x", "p", True)
    assert buffer == b"GET"


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [
        ("GET / HTTP/1.1\r\nConnection: close", False),
        ("GET / HTTP/1.0", False),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive", True),
    ],
)
def test_the_connection_is_kept_as_the_peer_wishes(head: str, keep_alive: bool) -> None:
    request = take_request(bytearray(f"{head}\r\n\r\n".encode()), address="")
    assert request is not None
    assert request.keep_alive is keep_alive


def test_a_target_as_for_a_proxy_is_understood() -> None:
    request = take_request(bytearray(b"GET http://host:80/a?b=1 HTTP/1.1\r\n\r\n"), address="")
    assert request is not None
    assert (request.path, request.query) == ("/a", "b=1")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"x" * 40_000, 431),
    ],
)
def test_what_is_no_request_is_refused(sent: bytes, status: int) -> None:
    with pytest.raises(BadRequestError) as caught:
        take_request(bytearray(sent), address="")
    assert caught.value.status == status


@given(st.binary(max_size=200))
def test_any_bytes_make_a_request_or_nothing_yet_or_a_refusal(sent: bytes) -> None:
    try:
        result = take_request(bytearray(sent + b"\r\n\r\n"), address="")
    except BadRequestError:
        return
    assert result is None or isinstance(result, Request)

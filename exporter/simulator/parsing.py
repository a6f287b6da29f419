"""HTTP/1.1 requests out of a stream of bytes: a small, strict parser.

Owns the limits on what a peer may send. Must not know sockets: bytes in, requests out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.simulator.messages import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST_HEAD: Final = 32 * 1024
_LARGEST_BODY: Final = 1024 * 1024
_LONGEST_NUMBER: Final = 18
_END: Final = b"\r\n\r\n"


class BadRequestError(Exception):
    """Bytes that are no request that this server takes; `status` is that of the answer."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def take_request(buffer: bytearray, *, address: str) -> Request | None:
    """Cut the next request off the front of `buffer`; `None` if it is not complete yet. Raises `BadRequestError`."""
    end = buffer.find(_END)
    if end < 0:
        _bounded(len(buffer), _LARGEST_HEAD, status=431)
        return None
    _bounded(end, _LARGEST_HEAD, status=431)
    first, *lines = buffer[:end].decode("latin-1").split("\r\n")
    headers = dict(_header(line) for line in lines)
    begin = end + len(_END)
    length = _body_length(headers)
    if len(buffer) < begin + length:
        return None
    body = bytes(buffer[begin : begin + length])
    del buffer[: begin + length]
    return _request(first, headers, body=body, address=address)


def _request(first: str, headers: Mapping[str, str], *, body: bytes, address: str) -> Request:
    method, target, version = _first_line(first)
    path, _, query = target.partition("?")
    wish = headers.get("connection", "").lower()
    return Request(
        method=method,
        path=path,
        query=query,
        headers=headers,
        body=body,
        address=address,
        keep_alive="close" not in wish if version == "HTTP/1.1" else "keep-alive" in wish,
    )


def _first_line(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[2] not in {"HTTP/1.1", "HTTP/1.0"}:  # noqa: PLR2004 - method, target, version
        message = "the first line is no HTTP/1.1"
        raise BadRequestError(message)
    method, target, version = parts
    if target.startswith("http://"):
        # As a client writes it that takes this server for its proxy.
        target = "/" + target.removeprefix("http://").partition("/")[2]
    return method, target, version


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip():
        message = "a header line is malformed"
        raise BadRequestError(message)
    return name.lower(), value.strip()


def _body_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        message = "a chunked request is not understood"
        raise BadRequestError(message, status=411)
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        message = "Content-Length is no number"
        raise BadRequestError(message)
    return _bounded(int(text), _LARGEST_BODY, status=413)


def _bounded(size: int, largest: int, *, status: int) -> int:
    if size > largest:
        message = f"more than {largest} bytes"
        raise BadRequestError(message, status=status)
    return size

"""One HTTP/1.1 answer, read off a socket: the whole of it, or an exception of http.client or zlib that says why not.

What says where an answer ends is read strictly, and nothing of it is left behind: a byte too few or too many would be
in the next call's answer. There is no folded header and no coding but gzip, which is all that was asked for.
`http.client` with urllib3 around it reads the same (the tests hold the two against each other), through a mail parser
and four layers of buffers, for a quarter of a millisecond more.
"""

from __future__ import annotations

import re
import zlib
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    import socket

_PIECE: Final = 65536
_HEAD_AT_MOST: Final = 65536
_LINES_AT_MOST: Final = 100
_CODINGS_AT_MOST: Final = 2
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_FIRST_FINAL: Final = 200
_WITHOUT_BODY: Final = frozenset({204, 304})
_CODINGS: Final = frozenset({"gzip", "x-gzip", "identity"})
_UNTOLD: Final = ""  # what came may hold anything, and has no place in an exception
_UNTOLD_BYTES: Final = b""

_START: Final = b"HTTP/"
_BLANK_LINE: Final = re.compile(rb"\n\r?\n").search
_STATUS_LINE: Final = re.compile(r"HTTP/1\.([0-9])[ \t]+([1-9][0-9]{2})(?:[ \t].*)?").fullmatch
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_LENGTH: Final = re.compile(r"[0-9]{1,18}").fullmatch
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?").fullmatch


class Bounds(Protocol):
    """How much longer a call may take, how many bytes its body may have, and whether any answer has come."""

    answered: bool
    most: int

    def left(self) -> float:
        """Return the seconds left; raises `TimeoutError` when there are none."""
        ...


class TooMuchError(ValueError):
    """The body is larger than allowed."""


class Incoming(Struct):
    """A complete answer: header names in lower case, the body unpacked; `kept` if its connection can serve again."""

    status: int
    headers: dict[str, str]
    body: bytes
    kept: bool
    # What urllib3's pool looks at or leaves on every answer; nothing here does.
    version_string: str = "HTTP/1.1"
    length_remaining: int = 0
    retries: object = None
    _connection: object = None
    _pool: object = None


def receive(sock: socket.socket, line: Bounds) -> Incoming:
    """Read the answer to a GET that was just sent; interim answers are passed over.

    Raises `OSError`, `HTTPException` or `zlib.error` for an answer that is not whole or none, `TooMuchError` for one
    that is larger than `line` allows.
    """
    inlet = _Inlet(sock, line)
    lasting, status, headers = _head(inlet)
    while status < _FIRST_FINAL:
        lasting, status, headers = _head(inlet)
    body, framed = _body(inlet, status, headers, line.most)
    return Incoming(
        status=status,
        headers=headers,
        body=_unpacked(bytes(body), headers.get("content-encoding"), line.most),
        kept=framed and not inlet.held and _is_kept(headers, lasting=lasting),
    )


class _Inlet:
    """What has come of an answer and was not read yet, and how more of it comes."""

    __slots__ = ("_line", "_sock", "held")

    def __init__(self, sock: socket.socket, line: Bounds) -> None:
        self._sock = sock
        self._line = line
        self.held = bytearray()

    def more(self) -> bool:
        """Wait for more bytes; false if the other side has ended."""
        self._sock.settimeout(self._line.left())
        piece = self._sock.recv(_PIECE)
        if not piece:
            return False
        self._line.answered = True
        self.held += piece
        return True

    def must(self) -> None:
        """Wait for bytes without which the answer is cut short."""
        if not self.more():
            raise IncompleteRead(_UNTOLD_BYTES)

    def take(self, size: int) -> bytearray:
        while len(self.held) < size:
            self.must()
        if len(self.held) == size:  # the usual end of an answer, which may be large: no copy of it
            taken, self.held = self.held, bytearray()
            return taken
        taken = self.held[:size]
        del self.held[:size]
        return taken

    def line(self) -> bytearray:
        """Take a line, without its end."""
        while (end := self.held.find(b"\n")) < 0:
            if len(self.held) > _HEAD_AT_MOST:
                raise HTTPException
            self.must()
        return self.take(end + 1).removesuffix(b"\n").removesuffix(b"\r")


def _head(inlet: _Inlet) -> tuple[bool, int, dict[str, str]]:
    """Take the head; return whether such a connection lasts unless somebody says otherwise, the status, the headers."""
    if not inlet.held and not inlet.more():
        raise RemoteDisconnected(_UNTOLD)
    held, searched = inlet.held, 0
    while (blank := _BLANK_LINE(held, searched)) is None and len(held) <= _HEAD_AT_MOST:
        if not _START.startswith(bytes(held[: len(_START)])):
            raise BadStatusLine(_UNTOLD)
        searched = max(0, len(held) - len(b"\n\r"))
        inlet.must()
    if blank is None or blank.start() > _HEAD_AT_MOST:
        raise HTTPException
    first, *lines = held[: blank.start()].decode("latin-1").replace("\r\n", "\n").removesuffix("\r").split("\n")
    del held[: blank.end()]
    known = _STATUS_LINE(first)
    if known is None:
        raise BadStatusLine(_UNTOLD)
    return known[1] != "0", int(known[2]), _headers(lines)


def _headers(lines: list[str]) -> dict[str, str]:
    if len(lines) > _LINES_AT_MOST:
        raise HTTPException
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _NAME(name) or "\r" in value:
            raise HTTPException
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _body(inlet: _Inlet, status: int, headers: dict[str, str], most: int) -> tuple[bytearray, bool]:
    """Take the body, and tell whether it ended by itself rather than with the connection."""
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if status in _WITHOUT_BODY:
        return bytearray(), True
    if coding is not None:
        if coding.lower() != "chunked":
            raise HTTPException
        # With a length beside it somebody on the way may have seen another end: not to be used again.
        return _chunks(inlet, most), length is None
    if length is None:
        return _rest(inlet, most), False
    return inlet.take(_length(length, most)), True


def _length(text: str, most: int) -> int:
    lengths = {length.strip() for length in text.split(",")}
    length = lengths.pop()
    if lengths or not _LENGTH(length):
        raise HTTPException
    if int(length) > most:
        raise TooMuchError
    return int(length)


def _chunks(inlet: _Inlet, most: int) -> bytearray:
    body = bytearray()
    while size := _chunk_size(inlet.line()):
        if len(body) + size > most:
            raise TooMuchError
        body += inlet.take(size)
        if inlet.take(2) != b"\r\n":
            raise HTTPException
    for _ in range(_LINES_AT_MOST):
        if not inlet.line():
            return body
    raise HTTPException


def _chunk_size(line: bytearray) -> int:
    known = _CHUNK_SIZE(line)
    if known is None:
        raise HTTPException
    return int(known[1], 16)


def _rest(inlet: _Inlet, most: int) -> bytearray:
    while len(inlet.held) <= most and inlet.more():
        pass
    if len(inlet.held) > most:
        raise TooMuchError
    return inlet.take(len(inlet.held))


def _is_kept(headers: dict[str, str], *, lasting: bool) -> bool:
    wish = headers.get("connection", "").lower()
    return "close" not in wish if lasting else "keep-alive" in wish


def _unpacked(body: bytes, codings: str | None, most: int) -> bytes:
    if codings is None or not body:
        return body
    named = [coding.strip().lower() for coding in codings.split(",")]
    if len(named) > _CODINGS_AT_MOST or not _CODINGS.issuperset(named):
        raise HTTPException
    for coding in reversed(named):
        if coding != "identity":
            body = _unzipped(body, most)
    return body


def _unzipped(packed: bytes, most: int) -> bytes:
    member = zlib.decompressobj(_GZIP_WINDOW)
    text = member.decompress(packed, most + 1)
    if len(text) > most:
        raise TooMuchError
    if not member.eof:
        raise IncompleteRead(_UNTOLD_BYTES)
    if member.unused_data:
        raise HTTPException
    return text

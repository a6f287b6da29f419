"""Reading an answer off a socket, held against what http.client and urllib3 make of the same bytes."""

from __future__ import annotations

import gzip
import http.client
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3
from hypothesis import assume, given
from hypothesis import strategies as st

from exporter.bingx.incoming import Incoming, TooMuchError, receive

MOST = 100_000
REFUSALS = (http.client.HTTPException, OSError, zlib.error, TooMuchError)
GOOD = b'{"code":0,"msg":"","data":[]}'


@dataclass
class Line:
    """A call that has time."""

    most: int = MOST
    answered: bool = False

    def left(self) -> float:
        return 1.0


class Wire:
    """The other side's bytes, as they come piece by piece, and then its end."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def recv(self, size: int) -> bytes:
        piece = self._pieces.pop(0) if self._pieces else b""
        assert len(piece) <= size
        return piece


class Source:
    """The same bytes as http.client wants them."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def read(*pieces: bytes, most: int = MOST) -> Incoming:
    sock: Any = Wire(*pieces)
    return receive(sock, Line(most=most))


def read_by_others(data: bytes) -> tuple[int, dict[str, str], bytes, bool]:
    source: Any = Source(data)
    raw = http.client.HTTPResponse(source, method="GET")
    raw.begin()
    lasting = not raw.will_close
    headers = urllib3.HTTPHeaderDict(raw.msg.items())
    response = urllib3.HTTPResponse(
        body=raw,
        headers=headers,
        status=raw.status,
        preload_content=False,
        original_response=raw,
        request_method="GET",
    )
    body = response.read(decode_content=True)
    return raw.status, trimmed({name.lower(): headers[name] for name in headers}), body, lasting


def trimmed(headers: dict[str, str]) -> dict[str, str]:
    """Take away blanks: those behind a value are no part of it, and http.client leaves them there."""
    return {name: value.replace(" ", "").replace("\t", "") for name, value in headers.items()}


def cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    ends = sorted({place % len(data) for place in places} | {len(data)})
    begin = 0
    for end in ends:
        if end > begin:
            yield data[begin:end]
        begin = end


def chunked(body: bytes, sizes: list[int], *, extension: bytes, trailer: bytes) -> bytes:
    text, at = b"", 0
    for size in (*sizes, len(body) + 1):
        piece = body[at : at + size]
        text += b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) if piece else b""
        at += size
    return text + b"0\r\n" + trailer + b"\r\n"


bodies = st.binary(max_size=300) | st.sampled_from([GOOD, GOOD * 500])
names = st.text(alphabet="abcXYZ-_0129", min_size=1, max_size=10).map("X-".__add__)
texts = st.text(alphabet="abcXYZ 0129;,=/:%\t\xe9", max_size=20)
extras = st.lists(st.tuples(names, texts), max_size=5)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Compose a sound answer."""
    status = draw(st.sampled_from(["200 OK", "200", "404 Not Found", "503 Odd  one", "204 No Content", "302 "]))
    body = b"" if status.startswith("204") else draw(bodies)
    version = draw(st.sampled_from(["1.1", "1.1", "1.0"]))
    headers = [f"{name}:{blank}{value}" for name, value in draw(extras) for blank in (" ",)]
    if draw(st.booleans()) and body:
        body = gzip.compress(body, mtime=0)
        headers.append(f"Content-Encoding: {draw(st.sampled_from(['gzip', 'GZIP', 'x-gzip']))}")
    if draw(st.booleans()):
        headers.append(f"Connection: {draw(st.sampled_from(['close', 'keep-alive', 'Keep-Alive', 'Close']))}")
    framing = draw(st.sampled_from(["length", "length", "chunks", "end"]))
    if framing == "length":
        headers.append(f"content-Length:{len(body)}")
    elif framing == "chunks" and not status.startswith("204"):
        headers.append("Transfer-Encoding: chunked")
        sizes = draw(st.lists(st.integers(1, 100), max_size=5))
        extension, trailer = draw(st.sampled_from([b"", b";a=b"])), draw(st.sampled_from([b"", b"X-T: 1\r\n"]))
        body = chunked(body, sizes, extension=extension, trailer=trailer)
    interim = b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" if draw(st.booleans()) else b""
    head = "\n".join((f"HTTP/{version} {status}", *draw(st.permutations(headers)), "", "")).encode("latin-1")
    return interim + (head.replace(b"\n", b"\r\n") if draw(st.booleans()) else head) + body


@given(answers(), st.lists(st.integers(0, 2000), max_size=8))
def test_a_sound_answer_is_what_others_read_however_it_is_cut_into_pieces(data: bytes, places: list[int]) -> None:
    status, headers, body, lasting = read_by_others(data)
    answer = read(*cut(data, places))
    assert (answer.status, trimmed(answer.headers), answer.body) == (status, headers, body)
    assert answer.kept is lasting


@given(answers(), st.integers(0, 2000), st.binary(max_size=3), st.integers(0, 3), st.booleans())
def test_a_damaged_answer_is_refused_or_is_what_others_read(
    data: bytes, place: int, junk: bytes, gone: int, ends: bool
) -> None:
    at = place % len(data)
    damaged = data[:at] + junk + (b"" if ends else data[at + gone :])
    try:
        answer = read(damaged) if damaged else read()
    except REFUSALS:
        return
    assume(b"HTTP/1.1 1" not in damaged.replace(b"HTTP/1.1 100 ", b""))  # others take 101 to 199 for the end
    status, headers, body, lasting = read_by_others(damaged)
    assert (answer.status, trimmed(answer.headers), answer.body) == (status, headers, body)
    assert lasting or not answer.kept


@given(answers(), st.integers(0, 5000), st.lists(st.integers(0, 2000), max_size=3))
def test_an_answer_that_says_where_it_ends_is_never_shorter_than_it_says(
    data: bytes, at: int, places: list[int]
) -> None:
    part = data[: at % len(data)]
    whole = read(data)
    assume(whole.kept or b"hunked" in data or b"content-Length" in data)
    try:
        answer = read(*cut(part, places)) if part else read()
    except REFUSALS:
        return
    assert answer.body == whole.body  # only the end of a trailer, or of nothing, can be missing


@given(answers(), st.binary(min_size=1, max_size=50))
def test_a_connection_with_something_behind_the_answer_serves_no_other_call(data: bytes, behind: bytes) -> None:
    whole = read(data)
    assume(whole.kept)
    answer = read(data + behind)
    assert (answer.body, answer.kept) == (whole.body, False)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("framing", ["length", "chunks", "end"])
def test_a_body_may_have_as_many_bytes_as_allowed_and_not_one_more(framing: str, packed: bool) -> None:
    def sized(size: int) -> bytes:
        body = gzip.compress(b"x" * size, mtime=0) if packed else b"x" * size
        head = b"HTTP/1.1 200 OK\r\n" + (b"Content-Encoding: gzip\r\n" if packed else b"")
        if framing == "length":
            return head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        if framing == "chunks":
            return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body, [100], extension=b"", trailer=b"")
        return head + b"\r\n" + body

    assert read(sized(1000), most=1000).body == b"x" * 1000
    with pytest.raises(TooMuchError):
        read(sized(1001), most=1000)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 29\r\nContent-Length: 30",
        b"Content-Length: -29",
        b"Content-Length: +29",
        b"Content-Length: 2_9",
        b"Content-Length: 0x1d",
        b"Content-Length:",
        b"Content-Length: \xb2\xb9",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Content-Length : 29",
        b"Content-Length: 29\r\n folded: 1",
        b"Content-Length: 29\r\nno colon",
        b"Content-Length: 29\r\n: no name",
        b"X: a\rContent-Length: 29",
        b"X: y\r\n" * 100 + b"Content-Length: 29",
        b"Content-Length: 29\r\nContent-Encoding: br",
        b"Content-Length: 29\r\nContent-Encoding: gzip, gzip, gzip",
    ],
)
def test_a_head_that_could_be_read_in_two_ways_is_refused(head: bytes) -> None:
    with pytest.raises(http.client.HTTPException):
        read(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + GOOD)


@pytest.mark.parametrize(
    "chunks",
    [
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5_0\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"4\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhelloXX0\r\n\r\n",
        b"0\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"5;" + b"x" * 200_000,
    ],
)
def test_chunks_that_do_not_add_up_are_refused(chunks: bytes) -> None:
    pieces = [chunks[at : at + 60_000] for at in range(0, len(chunks), 60_000)]
    with pytest.raises(http.client.HTTPException):
        read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *pieces)


@pytest.mark.parametrize("line", [b"SSH-2.0", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 20\r\n\r\n", b"HTTP/1.1 +20\r\n\r\n"])
def test_what_does_not_begin_like_an_answer_is_refused_without_waiting_for_more(line: bytes) -> None:
    with pytest.raises(http.client.BadStatusLine):
        read(line)


def test_who_says_two_ends_is_not_asked_again_on_the_same_connection() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = read(head + chunked(GOOD, [], extension=b"", trailer=b""))
    assert (answer.body, answer.kept) == (GOOD, False)


@pytest.mark.parametrize("status", [b"204", b"304"])
def test_an_answer_that_has_no_body_ends_with_its_head_whatever_length_it_names(status: bytes) -> None:
    answer = read(b"HTTP/1.1 " + status + b"\r\nContent-Length: 29\r\n\r\n")
    assert (answer.status, answer.body, answer.kept) == (int(status), b"", True)


def test_hints_before_the_answer_are_passed_over() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    answer = read(hints, hints + b"HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n" + GOOD)
    assert (answer.status, answer.body, answer.kept) == (200, GOOD, True)


def test_a_compressed_body_that_is_cut_short_or_goes_on_is_refused() -> None:
    packed = gzip.compress(GOOD * 10, mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    with pytest.raises(http.client.IncompleteRead):
        read(head % (len(packed) - 9) + packed[:-9])
    with pytest.raises(http.client.HTTPException):
        read(head % (2 * len(packed)) + packed + packed)
    with pytest.raises(zlib.error):
        read(head % len(packed) + packed[:-8] + b"\0" * 8)


def test_an_answer_counts_as_begun_with_its_first_byte() -> None:
    line = Line()
    sock: Any = Wire(b"H")
    with pytest.raises(http.client.IncompleteRead):
        receive(sock, line)
    assert line.answered
    nothing: Any = Wire()
    line = Line()
    with pytest.raises(http.client.RemoteDisconnected):
        receive(nothing, line)
    assert not line.answered

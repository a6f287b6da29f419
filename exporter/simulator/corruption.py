"""What each fault does to an answer: a table from kind to the steps that go out in place of the honest ones.

Pure. Every kind writes what a real peer could write; nothing here raises or touches a socket.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from exporter.simulator.delivery import (
    Close,
    Draft,
    Pause,
    Reset,
    Silence,
    Step,
    Write,
    chunk,
    deliver,
    framed_body,
    framed_head,
    head,
    plain_draft,
)
from exporter.simulator.faults import Fault, FaultKind
from exporter.simulator.messages import JSON, Reply, json_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_PAGE: Final = (
    b"<!DOCTYPE html><html><head><title>Error</title></head>"
    b"<body><h1>The request could not be satisfied</h1></body></html>"
)
_PIECE: Final = 1 << 16
_ENVELOPE: Final = frozenset({"code", "msg", "timestamp", "success"})
_NO_MORE: Final[Mapping[str, object]] = MappingProxyType({})


def corrupt(draft: Draft, fault: Fault) -> Iterable[Step]:
    """Return the steps in which a faulty answer goes out; `draft` is what the honest one would have been."""
    return _KINDS[fault.kind](draft, fault)


def _sent(draft: Draft, reply: Reply) -> tuple[Step, ...]:
    return deliver(replace(draft, reply=reply))


def _code(draft: Draft, fault: Fault) -> Iterable[Step]:
    return _sent(draft, json_reply(_code_body(fault), headers=draft.reply.headers))


def _code_body(fault: Fault) -> dict[str, object]:
    inner = msgspec.json.encode({"Code": 101253, "Msg": fault.message}).decode()
    shapes: dict[str, dict[str, object]] = {
        "service": {"data": {}},
        "no_data": {"timestamp": 0},
        "data_null": {"data": None},
        "text_code": {"code": str(fault.code), "data": {}},
        "empty_message": {"msg": "", "data": {}},
        "inner_json": {"msg": inner, "data": {}},
        "success_false": {"timestamp": 0, "success": False},
        "debug_message": {"debugMsg": ""},
    }
    return {"code": fault.code, "msg": fault.message} | shapes[fault.shape]


def _status(draft: Draft, fault: Fault) -> Iterable[Step]:
    match fault.body:
        case "html":
            return _sent(draft, Reply(body=_PAGE, status=fault.status, content_type="text/html"))
        case "empty":
            return _sent(draft, Reply(body=b"", status=fault.status, content_type="text/plain"))
        case _:
            return _sent(draft, json_reply(_code_body(fault), status=fault.status))


def _html(draft: Draft, _: Fault) -> Iterable[Step]:
    return _sent(draft, Reply(body=_PAGE, content_type="text/html"))


def _empty(draft: Draft, _: Fault) -> Iterable[Step]:
    return _sent(draft, replace(draft.reply, body=b""))


def _cut(draft: Draft, _: Fault) -> Iterable[Step]:
    plain = plain_draft(draft)
    body = framed_body(plain)
    return Write(framed_head(plain) + body[: len(body) // 2]), Close()


def _cut_chunked(draft: Draft, _: Fault) -> Iterable[Step]:
    body = draft.reply.body
    return Write(head(draft.reply, "Transfer-Encoding: chunked") + chunk(body[: len(body) // 2 + 1])), Close()


def _not_json(draft: Draft, _: Fault) -> Iterable[Step]:
    body = draft.reply.body
    return _sent(draft, replace(draft.reply, body=body[: len(body) * 2 // 3]))


def _nul_bytes(draft: Draft, _: Fault) -> Iterable[Step]:
    body = draft.reply.body
    return _sent(draft, replace(draft.reply, body=b"\0" + body[:1] + b"\0\0" + body[1:] + b"\0"))


def _wrong_types(draft: Draft, _: Fault) -> Iterable[Step]:
    return _sent(draft, _with_data(draft.reply, _wrong))


def _infinite(draft: Draft, _: Fault) -> Iterable[Step]:
    return _sent(draft, _with_data(draft.reply, _endless))


def _new_field(draft: Draft, _: Fault) -> Iterable[Step]:
    return _sent(draft, _with_data(draft.reply, lambda value: value, more={"brandNew": "1"}))


def _with_data(reply: Reply, change: Callable[[object], object], *, more: Mapping[str, object] = _NO_MORE) -> Reply:
    if reply.content_type != JSON:
        return replace(reply, body=b"this is not a workbook")
    answer = msgspec.json.decode(reply.body)
    if "data" in answer:
        answer["data"] = _mapped(answer["data"], change, more)
    elif flat := {name: answer[name] for name in answer.keys() - _ENVELOPE}:
        answer |= {name: _mapped(value, change, more) for name, value in flat.items()} | dict(more)
    return replace(reply, body=msgspec.json.encode(answer))


def _mapped(value: object, change: Callable[[object], object], more: Mapping[str, object]) -> object:
    if isinstance(value, dict):
        return {name: _mapped(part, change, more) for name, part in value.items()} | dict(more)
    if isinstance(value, list):
        return [_mapped(part, change, more) for part in value]
    return change(value)


def _wrong(value: object) -> object:
    return [value] if isinstance(value, str) else {"value": value}


def _endless(value: object) -> object:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return "Infinity" if _is_decimal(value) else value
    return msgspec.Raw(b"1e999")


def _is_decimal(text: str) -> bool:
    return "." in text and text.lstrip("-").replace(".", "", 1).isdecimal()


def _huge(draft: Draft, fault: Fault) -> Iterator[Step]:
    yield Pause(0)
    yield Write(head(draft.reply, f"Content-Length: {fault.size}"))
    for start in range(0, fault.size, _PIECE):
        yield Write(b" " * min(_PIECE, fault.size - start))


def _gzip_bomb(draft: Draft, fault: Fault) -> Iterable[Step]:
    packer = zlib.compressobj(level=9, wbits=31)
    blank = b" " * _PIECE
    packed = [packer.compress(blank[: fault.size - start]) for start in range(0, fault.size, _PIECE)]
    body = b"".join(packed) + packer.flush()
    return (Write(head(draft.reply, "Content-Encoding: gzip", f"Content-Length: {len(body)}") + body),)


def _silent(_: Draft, __: Fault) -> Iterable[Step]:
    return (Silence(),)


def _slow_headers(draft: Draft, fault: Fault) -> Iterator[Step]:
    plain = plain_draft(draft)
    yield from _dripping(framed_head(plain), fault.milliseconds)
    yield Write(framed_body(plain))


def _slow_body(draft: Draft, fault: Fault) -> Iterator[Step]:
    plain = plain_draft(draft)
    yield Write(framed_head(plain))
    yield from _dripping(framed_body(plain), fault.milliseconds)


def _dripping(data: bytes, milliseconds: int) -> Iterator[Step]:
    for place in range(len(data)):
        yield Write(data[place : place + 1])
        yield Pause(milliseconds / 1000)


def _reset(_: Draft, __: Fault) -> Iterable[Step]:
    return (Reset(),)


def _delay(draft: Draft, fault: Fault) -> Iterable[Step]:
    return Pause(fault.milliseconds / 1000), *deliver(draft)


_KINDS: Final[Mapping[FaultKind, Callable[[Draft, Fault], Iterable[Step]]]] = {
    FaultKind.CODE: _code,
    FaultKind.STATUS: _status,
    FaultKind.HTML: _html,
    FaultKind.EMPTY: _empty,
    FaultKind.CUT: _cut,
    FaultKind.CUT_CHUNKED: _cut_chunked,
    FaultKind.NOT_JSON: _not_json,
    FaultKind.NUL_BYTES: _nul_bytes,
    FaultKind.WRONG_TYPES: _wrong_types,
    FaultKind.INFINITE: _infinite,
    FaultKind.NEW_FIELD: _new_field,
    FaultKind.HUGE: _huge,
    FaultKind.GZIP_BOMB: _gzip_bomb,
    FaultKind.SILENT: _silent,
    FaultKind.SLOW_HEADERS: _slow_headers,
    FaultKind.SLOW_BODY: _slow_body,
    FaultKind.RESET: _reset,
    FaultKind.DELAY: _delay,
}

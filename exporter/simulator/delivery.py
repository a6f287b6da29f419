"""How a reply travels: the bytes of its head and body, and the steps in which they go out.

Owns HTTP/1.1 framing and the vocabulary of steps that honest and faulty answers are written in. Sends nothing itself.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from exporter.simulator.messages import Reply, Request

_WORTH_PACKING: Final = 512


@dataclass(frozen=True, slots=True)
class Write:
    """Send bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection after what was written."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Drop the connection with a reset; what was written may be lost."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Say nothing more until the peer gives up."""


Step = Write | Pause | Close | Reset | Silence


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A reply before it is framed, with what the request says about framing it."""

    reply: Reply
    keep_alive: bool
    head_only: bool
    takes_gzip: bool


def draft(request: Request, reply: Reply) -> Draft:
    """Put a reply beside what its request wants: an open connection, no body, a packed one."""
    return Draft(
        reply=reply,
        keep_alive=request.keep_alive,
        head_only=request.method == "HEAD",
        takes_gzip="gzip" in request.headers.get("accept-encoding", ""),
    )


def deliver(draft: Draft) -> tuple[Step, ...]:
    """Return the steps of an honest answer: one write, and a close if the request asked for it."""
    framed = Write(framed_head(draft) + framed_body(draft))
    return (framed,) if draft.keep_alive else (framed, Close())


def framed_head(draft: Draft) -> bytes:
    """Return the head that announces exactly what `framed_body` returns."""
    body = draft.reply.body
    if _packed(draft):
        return head(draft.reply, "Content-Encoding: gzip", "Transfer-Encoding: chunked", *_connection(draft))
    return head(draft.reply, f"Content-Length: {len(body)}", *_connection(draft))


def framed_body(draft: Draft) -> bytes:
    """Return the body: packed and chunked if the peer takes gzip and it is worth it, else as it is."""
    if draft.head_only:
        return b""
    if _packed(draft):
        return chunk(gzip.compress(draft.reply.body, compresslevel=1, mtime=0)) + chunk(b"")
    return draft.reply.body


def head(reply: Reply, *lines: str) -> bytes:
    """Return status line and headers: those of every reply, the reply's own, and `lines`."""
    own = [f"{name}: {value}" for name, value in reply.headers.items()]
    first = f"HTTP/1.1 {reply.status} {_phrase(reply.status)}"
    return "\r\n".join([first, f"Content-Type: {reply.content_type}", *own, *lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Return a chunk of a chunked body; an empty one ends it."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def plain_draft(draft: Draft) -> Draft:
    """Return the draft as for a peer that does not take gzip."""
    return replace(draft, takes_gzip=False)


def _packed(draft: Draft) -> bool:
    return draft.takes_gzip and len(draft.reply.body) >= _WORTH_PACKING


def _connection(draft: Draft) -> tuple[str, ...]:
    return () if draft.keep_alive else ("Connection: close",)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"

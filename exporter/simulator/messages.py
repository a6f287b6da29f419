"""A request and a reply, as plain values: what the rules of the exchange see of HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; `query` is the raw text behind the `?`, header names are in lower case."""

    method: str
    path: str
    query: str = field(repr=False, default="")
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes = field(repr=False, default=b"")
    address: str = "127.0.0.1"
    keep_alive: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply; `headers` come on top of those that every reply has."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a reply whose body is `value` as JSON."""
    return Reply(body=msgspec.json.encode(value), status=status, headers=headers or {})

"""Guests at the door: real requests as aiohttp makes them, without a connection under them."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from aiohttp.http import HttpVersion11, RawRequestMessage
from multidict import CIMultiDict, CIMultiDictProxy
from support.clock import ManualClock
from yarl import URL

from exporter.web.access import Access

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "web"


class Wire:
    """What a request asks of its connection."""

    ssl_context = None
    peername = ("127.0.0.1", 1)
    sockname = ("127.0.0.1", 2)

    def __init__(self, certificate: dict[str, Any] | None) -> None:
        self.transport = self
        self._extra = {"peercert": certificate}

    def get_extra_info(self, name: str) -> object:
        return self._extra.get(name)


def request(
    path: str = "/metrics",
    *,
    authorization: Iterable[str] = (),
    certificate: dict[str, Any] | None = None,
) -> web.Request:
    headers = CIMultiDict([("Host", "localhost"), *(("Authorization", value) for value in authorization)])
    message = RawRequestMessage(
        method="GET",
        path=path,
        version=HttpVersion11,
        headers=CIMultiDictProxy(headers),
        raw_headers=(),
        should_close=False,
        compression=None,
        upgrade=False,
        chunked=False,
        url=URL(path),
    )
    nothing = cast("Any", None)
    wire = cast("Any", Wire(certificate))
    return web.Request(message, nothing, wire, nothing, nothing, asyncio.get_running_loop())


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Door:
    """An access with its file, its clock, and whoever knocks."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.path = folder / "web.yaml"
        self.clock = clock
        self.access = Access(self.path, now=clock.elapsed)

    def load(self, text: str) -> Door:
        self.path.write_text(filled(text, self.path.parent), encoding="utf-8")
        self.access.load()
        return self

    def rewrite(self, text: str) -> None:
        """Write the file anew and let the time pass after which it is looked at again."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(filled(text, self.path.parent), encoding="utf-8")
        fresh.rename(self.path)
        self.clock.advance(0.2)

    def knock(
        self,
        path: str = "/metrics",
        *,
        authorization: Iterable[str] = (),
        certificate: dict[str, Any] | None = None,
    ) -> web.Response | None:
        async def knock() -> web.Response | None:
            return await self.access.admit(request(path, authorization=authorization, certificate=certificate))

        return asyncio.run(knock())

    def status(
        self,
        path: str = "/metrics",
        *,
        authorization: Iterable[str] = (),
        certificate: dict[str, Any] | None = None,
    ) -> int:
        answer = self.knock(path, authorization=authorization, certificate=certificate)
        return 200 if answer is None else answer.status


def inner(access: Access) -> ssl.SSLContext:
    """Return the context that a connection of now gets."""
    assert access.context is not None
    return access.context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True).context


def fixture(case: str) -> str:
    return (FIXTURES / f"{case}.good.yaml").read_text(encoding="utf-8")


def filled(text: str, folder: Path) -> str:
    """Put the contents of files in the place of their names between at signs."""
    return re.sub(r"@([\w.-]+)@", lambda match: json.dumps((folder / match[1]).read_text()), text)

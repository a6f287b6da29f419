"""Who gets in: what the server asks of the web configuration, and how long a request may wait for its answer.

Knows nothing of passwords, certificates and files.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Final, Protocol

from aiohttp import web

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

SCRAPE_TIMEOUT: Final = "X-Prometheus-Scrape-Timeout-Seconds"


class Entry(Protocol):
    """What a web configuration decides; `exporter.web.access.Access` is one."""

    @property
    def tls(self) -> bool:
        """Whether TLS is spoken."""
        ...

    @property
    def context(self) -> ssl.SSLContext | None:
        """The context for all connections, if TLS is spoken."""
        ...

    async def admit(self, request: web.Request) -> web.Response | None:
        """Return nothing for who may enter, else the refusal to send."""
        ...

    def headers(self) -> Mapping[str, str]:
        """Return what to add to every answer."""
        ...


class OpenHouse:
    """The entry of a server without web configuration: plain HTTP, everybody may enter."""

    tls = False
    context: ssl.SSLContext | None = None

    async def admit(self, request: web.Request) -> None:
        """Let everybody in."""

    def headers(self) -> Mapping[str, str]:
        """Add nothing."""
        return {}


def seconds_left(scrape_timeout: str | None, *, offset: float) -> float | None:
    """Return how long a request may wait: what the scraper grants less `offset`, but at least half of it.

    Nothing or nonsense grants without end: the bounds on the connection hold anyway.
    """
    try:
        granted = float(scrape_timeout or "")
    except ValueError:
        return None
    if not (math.isfinite(granted) and granted > 0):
        return None
    return max(granted - offset, granted / 2)


async def refusal(entry: Entry, request: web.Request, *, offset: float) -> web.Response | None:
    """Return nothing for who may enter; 503 if that cannot be told before the scraper gives up."""
    try:
        async with asyncio.timeout(seconds_left(request.headers.get(SCRAPE_TIMEOUT), offset=offset)):
            return await entry.admit(request)
    except TimeoutError:
        text = "too many passwords are being checked to answer within the scrape timeout\n"
        return web.Response(status=503, text=text, headers={"Retry-After": "1"})

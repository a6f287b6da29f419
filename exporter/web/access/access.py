"""Who may enter: what the server asks of the web configuration, at each connection and at each request."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from aiohttp import web

from exporter.web.access.bucket import Bucket
from exporter.web.access.contexts import Newest
from exporter.web.access.credentials import basic, certified_names
from exporter.web.access.keeping import InForce, Keeper
from exporter.web.access.passwords import Passwords, TooManyWaitingError
from exporter.web.access.settings import Asking
from exporter.web.complaints import Complaints

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from exporter.web.access.settings import Rate, Users

_BUSY_SECONDS: Final = 1.0


class Access:
    """What the web configuration file says, re-read when it, or a file that it names, changes.

    `context` and `failing` may be asked from any thread, the rest belongs to the server's.
    """

    def __init__(self, path: Path | None, *, now: Callable[[], float]) -> None:
        """Keep to the file at `path`; without one there is no TLS, and everybody may enter.

        `now` are seconds that never go back.
        """
        self._keeper = None if path is None else Keeper(path, now=now)
        self._now = now
        self._context: ssl.SSLContext | None = None
        self._bucket: Bucket | None = None
        self._passwords = Passwords()
        self._complaints = Complaints(now)

    def load(self) -> None:
        """Read the file at start; raises `WebConfigError` if it, or what it names, cannot be used."""
        if self._keeper is not None and self._keeper.load().spoken is not None:
            self._context = Newest.of(self._newest_context)

    @property
    def tls(self) -> bool:
        """Whether TLS is spoken; that does not change after `load`."""
        return self._context is not None

    @property
    def context(self) -> ssl.SSLContext | None:
        """The context to listen with: each connection gets the newest certificates that can be used."""
        return self._context

    @property
    def failing(self) -> str | None:
        """Why the file on disk, or one that it names, cannot be used now; nothing if all is well, or there is none."""
        now = self._in_force()
        return now.refusing or now.keeping

    def headers(self) -> Mapping[str, str]:
        """Return the headers that the file adds to every answer."""
        return self._in_force().settings.headers

    async def admit(self, request: web.Request) -> web.Response | None:
        """Return the refusal to send, or `None` for a welcome guest."""
        now = self._in_force()
        if not _is_certified(request, now):
            return _refusal(403)
        if now.refusing is not None:
            self._complaints.tell("A request was refused for want of a web configuration", reason=now.refusing)
            return web.Response(status=500, text="the web configuration cannot be used\n")
        seconds = self._wait(now.settings.rate)
        if seconds:
            return _refusal(429, **_later(seconds))
        return await self._identify(request, now.settings.users)

    async def _identify(self, request: web.Request, users: Users | None) -> web.Response | None:
        if users is None:
            return None
        credentials = basic(request.headers.getall("Authorization", []))
        try:
            if credentials is not None and await self._passwords.fit(users, credentials):
                return None
        except TooManyWaitingError:
            self._complaints.tell("Too many passwords to compare: a request was refused")
            return _refusal(503, **_later(_BUSY_SECONDS))
        return _refusal(401, **{"WWW-Authenticate": "Basic"})

    def _wait(self, rate: Rate | None) -> float:
        if rate is None:
            self._bucket = None
            return 0.0
        if self._bucket is None or self._bucket.rate != rate:
            self._bucket = Bucket(rate, now=self._now)
        return self._bucket.take()

    def _in_force(self) -> InForce:
        return InForce() if self._keeper is None else self._keeper.newest()

    def _newest_context(self) -> ssl.SSLContext:
        spoken = self._in_force().spoken
        if spoken is None:  # pragma: no cover - once spoken, TLS stays
            message = "TLS is spoken without a context"
            raise RuntimeError(message)
        return spoken.context


def _is_certified(request: web.Request, now: InForce) -> bool:
    """Tell whether the client has shown a certificate that the settings of now let in."""
    if now.spoken is None or now.spoken.tls.asking is not Asking.REQUIRED:
        return True
    certificate = None if request.transport is None else request.transport.get_extra_info("peercert")
    if not certificate:
        return False
    allowed = now.spoken.tls.allowed_sans
    return not allowed or not allowed.isdisjoint(certified_names(certificate))


def _later(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def _refusal(status: int, **headers: str) -> web.Response:
    response = web.Response(status=status, headers=headers)
    response.text = f"{status} {response.reason}\n"
    return response

"""The HTTP server: a thread with an event loop of its own; no scrape waits for a poll, and no poll for a scrape."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from aiohttp import web
from isal import igzip

from exporter.logs import get_logger
from exporter.web.complaints import Complaints, PeerLog
from exporter.web.door import Door, Patience
from exporter.web.negotiation import accepts_gzip, choose

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from aiohttp.typedefs import Handler, Middleware

_LAST_ANSWERS_SECONDS: Final = 0.3
_UNWANTED_BODY_SECONDS: Final = 1.0
_BACKLOG: Final = 256
_LONGEST_LINE: Final = 8190
_MOST_HEADERS: Final = 64
_WORTH_COMPRESSING: Final = 512
_FASTEST: Final = 1
_LAST_PORT: Final = 65535
_SAFE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


class ListenError(Exception):
    """An address cannot be listened on; the message names it and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is served: `metrics` by content type (the first is the fallback), and the state of the process.

    `ready` returns nothing when ready, else what is still awaited; `healthy` nothing while alive, else what is broken.
    """

    metrics: Mapping[str, Callable[[], bytes]]
    landing: Callable[[], str]
    healthy: Callable[[], str | None]
    ready: Callable[[], str | None]
    telemetry_path: str = "/metrics"


class WebServer:
    """Serves a site on one or more addresses until it is stopped."""

    def __init__(self, site: Site, *, addresses: Sequence[str], patience: Patience | None = None) -> None:
        """Serve on `addresses`, each `HOST:PORT`, `[IPV6]:PORT` or `:PORT`; port 0 takes a free one."""
        self._site = site
        self._patience = patience or Patience()
        self._addresses = tuple(addresses)
        self._sockets: list[socket.socket] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._serving = threading.Event()
        self._failure: Exception | None = None
        self._logger = get_logger(__name__)

    @property
    def urls(self) -> tuple[str, ...]:
        """Where it can be reached, once started."""
        return tuple(_url(one.getsockname()) for one in self._sockets)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def bind(self) -> None:
        """Take all addresses; raises `ListenError` and takes none if one of them fails."""
        try:
            for address in self._addresses:
                self._sockets.append(_bind(address))
        except ListenError:
            self._close()
            raise

    def start(self) -> None:
        """Begin to serve, on the addresses that `bind` has taken."""
        self._thread.start()
        self._serving.wait()
        if self._failure is not None:
            self._close()
            raise self._failure

    def stop(self, timeout: float) -> None:
        """Stop listening, let answers under way finish for a moment, and end the thread."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(timeout)
        self._close()

    def _close(self) -> None:
        for one in self._sockets:
            one.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # the boundary of a thread: whoever waits for the start is told
            self._failure = error
            self._logger.exception("The web server has ended")
        finally:
            self._serving.set()

    async def _serve(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        complaints = Complaints(loop.time)
        loop.set_exception_handler(complaints.of_the_loop)
        door = Door(self._patience, complaints=complaints, loop=loop)
        runner = self._runner(door, PeerLog(complaints))
        await runner.setup()
        http = cast("web.Server", runner.server)  # there since the set-up
        servers = [
            await loop.create_server(lambda: door.guard(http()), sock=one, backlog=_BACKLOG) for one in self._sockets
        ]
        self._serving.set()
        await self._ending.wait()
        # Accept no more, and let a peer that was just accepted get its transport: closing the server between the two
        # loses its socket. A closed transport lets go of its socket one turn of the loop later, too.
        for one in self._sockets:
            loop.remove_reader(one)
        await asyncio.sleep(0)
        for server in servers:
            server.close()
        await runner.cleanup()
        door.close()
        await asyncio.sleep(0)

    def _runner(self, door: Door, log: PeerLog) -> web.AppRunner:
        return web.AppRunner(
            _application(self._site, door),
            handle_signals=False,
            access_log=None,
            logger=log,
            keepalive_timeout=self._patience.idle_seconds,
            lingering_time=_UNWANTED_BODY_SECONDS,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
            max_headers=_MOST_HEADERS,
            shutdown_timeout=_LAST_ANSWERS_SECONDS,
        )


def _application(site: Site, door: Door) -> web.Application:
    application = web.Application(middlewares=[_attended(door), _finish])
    routes: dict[str, Callable[[web.Request], web.Response]] = {
        site.telemetry_path: lambda request: _metrics(site, request),
        "/": lambda _: web.Response(text=site.landing(), content_type="text/html"),
        "/-/healthy": lambda _: _state(site.healthy(), good="Healthy"),
        "/-/ready": lambda _: _state(site.ready(), good="Ready"),
    }
    for path, answer in routes.items():
        application.router.add_get(path, _handler(answer))
    return application


def _handler(answer: Callable[[web.Request], web.Response]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        return answer(request)

    return handle


def _attended(door: Door) -> Middleware:
    @web.middleware
    async def attend(request: web.Request, handler: Handler) -> web.StreamResponse:
        protocol: asyncio.BaseProtocol = request.protocol
        door.asked(protocol)
        try:
            return await handler(request)
        finally:
            door.answered(protocol)

    return attend


@web.middleware
async def _finish(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        allow = {"Allow": refusal.headers["Allow"]} if "Allow" in refusal.headers else {}
        response = web.Response(status=refusal.status, text=f"{refusal.status} {refusal.reason}\n", headers=allow)
    response.headers.update(_SAFE_HEADERS)
    return response


def _metrics(site: Site, request: web.Request) -> web.Response:
    content_type = choose(_joined(request, "Accept"), tuple(site.metrics))
    body = site.metrics[content_type]()
    headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
    if len(body) >= _WORTH_COMPRESSING and accepts_gzip(_joined(request, "Accept-Encoding")):
        headers["Content-Encoding"] = "gzip"
        body = igzip.compress(body, _FASTEST)
    return web.Response(body=body, headers=headers)


def _joined(request: web.Request, header: str) -> str | None:
    values = request.headers.getall(header, [])
    return ",".join(values) if values else None


def _state(problem: str | None, *, good: str) -> web.Response:
    if problem is None:
        return web.Response(text=good + "\n")
    return web.Response(status=503, text=problem + "\n")


def _bind(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host or not host else socket.AF_INET
    try:
        number = _port(port)
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(("", number), family=family, dualstack_ipv6=True, backlog=256)
        family = socket.AF_INET if not host else family
        return socket.create_server((host, number), family=family, backlog=256)
    except (OSError, ValueError) as error:
        message = f"cannot listen on {address!r}: {error}; choose another one with --web.listen-address"
        raise ListenError(message) from error


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _LAST_PORT):
        message = f"{text!r} is no port"
        raise ValueError(message)
    return int(text)


def _url(name: tuple[str, int] | tuple[str, int, int, int]) -> str:
    host, port = name[0], name[1]
    host = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}.get(host, host)  # noqa: S104 - how to reach, not where to bind
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

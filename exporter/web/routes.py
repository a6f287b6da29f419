"""From a request to its answer: the routes of a site, and what holds for every answer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from aiohttp import web

from exporter.web.discovery import target_groups
from exporter.web.entry import refusal
from exporter.web.errand import BusyError, Errand
from exporter.web.kept import Kept
from exporter.web.negotiation import accepts_gzip, choose
from exporter.web.pieces import Page, Parts
from exporter.web.press import Press
from exporter.web.site import UnavailableError, UnknownTargetError
from exporter.web.target import external_target, target_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from aiohttp.typedefs import Handler, Middleware

    from exporter.web.door import Door
    from exporter.web.entry import Entry
    from exporter.web.site import Block, Site

    Answer = Callable[[web.Request], web.Response]
    Make = Callable[[], Sequence[Block]]

_WORTH_COMPRESSING: Final = 512
_MOST_WAITING: Final = 4
_HEALTH: Final = ("/-/healthy", "/-/ready")
_SAFE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


def application(site: Site, *, door: Door, entry: Entry, timeout_offset: float) -> web.Application:
    """Return what answers the requests that come through `door`, for those whom `entry` lets in.

    `timeout_offset` is how many seconds before the end of its scrape timeout a scraper is told that it waits in vain.
    """
    middlewares = [_attended(door), _finish, _admitted(site, entry, timeout_offset)]
    app = web.Application(middlewares=middlewares)
    app.on_response_prepare.append(_headed(entry))
    for path, answer in _answers(site, door, secure=entry.tls).items():
        app.router.add_get(path, _handler(answer))
    if site.telemetry_path != "/":
        app.router.add_get(site.place.route("/"), _landing(site, door))
    if site.config is not None:
        app.router.add_get(site.place.route("/config"), _config(site.config))
    reload = _reload(site)
    for method in ("PUT", "POST"):
        app.router.add_route(method, site.place.route("/-/reload"), reload)
    return app


def _answers(site: Site, door: Door, *, secure: bool) -> Mapping[str, Answer]:
    press = Press()

    def page(request: web.Request, pages: Mapping[str, Make], press: Press) -> web.Response:
        protocol: asyncio.BaseProtocol = request.protocol
        answer = _page(request, pages, press, there=lambda: door.has(protocol))
        door.carries(protocol, answer.drop)
        return answer

    def one(request: web.Request, pages: Mapping[str, Callable[[], bytes]]) -> web.Response:
        return page(request, {name: _as_block(make) for name, make in pages.items()}, Press())

    below: dict[str, Answer] = {
        "/-/healthy": lambda _: _state(site.healthy(), good="Healthy"),
        "/-/ready": lambda _: _state(site.ready(), good="Ready"),
    }
    if (probe := site.probe) is not None:
        below["/probe"] = lambda request: _probe(
            request, lambda account: one(request, {name: partial(make, account) for name, make in probe.items()})
        )
    if site.discovery is not None:
        below["/sd"] = lambda request: _discovery(site, request, secure=secure)
    below[site.telemetry_path] = lambda request: page(request, site.metrics, press)
    routes = {site.place.route(path): answer for path, answer in below.items()}
    if site.place.prefix:
        routes["/"] = routes[site.place.prefix] = lambda _: _moved(site.place.link("/"))
    return routes


def _handler(answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        return answer(request)

    return handle


def _config(make: Callable[[], str]) -> Callable[[web.Request], Awaitable[web.Response]]:
    errand = Errand(make, name="config", most=_MOST_WAITING)

    async def config(_: web.Request) -> web.Response:
        try:
            return web.Response(text=await errand.run())
        except BusyError:
            return _busy("too many wait for the configuration")

    return config


def _landing(site: Site, door: Door) -> Callable[[web.Request], Awaitable[web.Response]]:
    kept = Kept(site.landing)

    async def landing(request: web.Request) -> web.Response:
        ready = await kept.get()
        protocol: asyncio.BaseProtocol = request.protocol
        compressed = accepts_gzip(_joined(request, "Accept-Encoding"))
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": ready.security_policy,
            "Vary": "Accept-Encoding",
            **({"Content-Encoding": "gzip"} if compressed else {}),
        }
        body = ready.compressed if compressed else ready.plain
        answer = Page((Parts(body),), headers=headers, there=lambda: door.has(protocol))
        door.carries(protocol, answer.drop)
        return answer

    return landing


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


def _admitted(site: Site, entry: Entry, timeout_offset: float) -> Middleware:
    exempt = () if site.health_needs_auth else tuple(site.place.route(path) for path in _HEALTH)

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in exempt and (refused := await refusal(entry, request, offset=timeout_offset)):
            return refused
        return await handler(request)

    return admit


@web.middleware
async def _finish(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as refused:
        allow = {"Allow": refused.headers["Allow"]} if "Allow" in refused.headers else {}
        return web.Response(status=refused.status, text=f"{refused.status} {refused.reason}\n", headers=allow)


def _headed(entry: Entry) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def add(_: web.Request, response: web.StreamResponse) -> None:
        for name, value in _SAFE_HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.update(entry.headers())

    return add


def _page(request: web.Request, pages: Mapping[str, Make], press: Press, *, there: Callable[[], bool]) -> Page:
    content_type = choose(_joined(request, "Accept"), tuple(pages))
    blocks = pages[content_type]()
    headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
    size = sum(block.size for block in blocks)
    if size >= _WORTH_COMPRESSING and accepts_gzip(_joined(request, "Accept-Encoding")):
        headers["Content-Encoding"] = "gzip"
        blocks = press.gzip(content_type, blocks)
    else:
        press.passed()
    return Page(blocks, headers=headers, there=there)


def _as_block(make: Callable[[], bytes]) -> Make:
    return lambda: (Parts(make()),)


def _probe(request: web.Request, page: Callable[[str], web.Response]) -> web.Response:
    accounts = request.query.getall("account", [])
    if len(accounts) != 1:
        return web.Response(status=400, text="name one account: /probe?account=NAME\n")
    try:
        return page(accounts[0])
    except UnknownTargetError as error:
        return web.Response(status=400, text=f"{error}\n")
    except UnavailableError as error:
        return web.Response(status=503, text=f"{error}\n")


def _discovery(site: Site, request: web.Request, *, secure: bool) -> web.Response:
    accounts = () if site.discovery is None else site.discovery()
    try:
        if site.place.external is not None:
            target, scheme = external_target(site.place.external)
            body = target_groups(accounts, target=target, place=site.place, scheme=scheme)
        else:
            target = target_of(_host(request), scheme="https" if secure else "http")
            body = target_groups(accounts, target=target, place=site.place, scheme="https" if secure else None)
    except ValueError as error:
        return web.Response(status=400, text=f"{error}\n")
    return web.Response(body=body, content_type="application/json")


def _host(request: web.Request) -> str:
    hosts = request.headers.getall("Host", [])
    if hosts:
        return hosts[0] if len(hosts) == 1 else ""
    name = request.transport.get_extra_info("sockname") if request.transport is not None else None
    if not isinstance(name, tuple):
        return ""
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


def _reload(site: Site) -> Callable[[web.Request], Awaitable[web.Response]]:
    errand = None if site.reload is None else Errand(site.reload, name="reload", most=_MOST_WAITING)

    async def reload(_: web.Request) -> web.Response:
        if errand is None:
            text = "reloading over HTTP is switched off; switch it on by --web.enable-lifecycle, or send SIGHUP\n"
            return web.Response(status=403, text=text)
        try:
            problem = await errand.run()
        except BusyError:
            return _busy("too many reloads are waiting")
        if problem is not None:
            return web.Response(status=500, text=problem + "\n")
        return web.Response(text="Reloaded\n")

    return reload


def _joined(request: web.Request, header: str) -> str | None:
    values = request.headers.getall(header, [])
    return ",".join(values) if values else None


def _busy(why: str) -> web.Response:
    return web.Response(status=503, text=f"{why}\n", headers={"Retry-After": "5"})


def _moved(to: str) -> web.Response:
    return web.Response(status=302, text=to + "\n", headers={"Location": to})


def _state(problem: str | None, *, good: str) -> web.Response:
    if problem is None:
        return web.Response(text=good + "\n")
    return web.Response(status=503, text=problem + "\n")

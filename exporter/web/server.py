"""The HTTP server: a thread with an event loop of its own; no scrape waits for a poll, and no poll for a scrape."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Final, cast

from aiohttp import web

from exporter.logs import get_logger
from exporter.web.complaints import Complaints, PeerLog
from exporter.web.door import Door, Patience, Peer
from exporter.web.entry import Entry, OpenHouse
from exporter.web.listening import BACKLOG, ListenError, bound, systemd_sockets, url_of
from exporter.web.routes import application
from exporter.web.site import Site
from exporter.web.tunnel import Terms, TlsPeer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

__all__ = ["ListenError", "Site", "WebServer"]

_LAST_ANSWERS_SECONDS: Final = 0.3
_UNWANTED_BODY_SECONDS: Final = 1.0
_LONGEST_LINE: Final = 8190
_MOST_HEADERS: Final = 64


class WebServer:
    """Serves a site on one or more addresses until it is stopped."""

    def __init__(
        self,
        site: Site,
        *,
        addresses: Sequence[str] = (),
        systemd: bool = False,
        access: Entry | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Serve on `addresses`, each `HOST:PORT`, `[IPV6]:PORT` or `:PORT`, where port 0 takes a free one.

        With `systemd`, serve on the sockets that it hands over, and on no address. `access` says who may enter, and
        whether TLS is spoken; without it everybody may, over plain HTTP.
        """
        self._site = site
        self._patience = patience or Patience()
        self._entry: Entry = OpenHouse() if access is None else access
        self._addresses = tuple(addresses)
        self._systemd = systemd
        self._sockets: list[socket.socket] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()
        self._thread = self._new_thread()
        self._stopping = False
        self._serving = threading.Event()
        self._failure: BaseException | None = None
        self._logger = get_logger(__name__)

    @property
    def urls(self) -> tuple[str, ...]:
        """Where it can be reached, once started."""
        scheme = "https" if self._entry.tls else "http"
        return tuple(url_of(one, scheme=scheme) for one in self._sockets)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def bind(self) -> None:
        """Take all addresses; raises `ListenError` and takes none if one of them fails."""
        self._sockets = systemd_sockets(os.environ) if self._systemd else bound(self._addresses)

    def start(self) -> None:
        """Begin to serve, on the addresses that `bind` has taken."""
        self._thread.start()
        self._serving.wait()
        if self._failure is not None:
            self._close()
            raise self._failure

    def restart(self) -> bool:
        """Serve again if the thread has died though nobody stopped it; return whether that was done.

        The addresses were never given up: who knocked meanwhile is answered now. False, too, where the machine gives
        no thread: ask again.
        """
        if self._stopping or self._thread.ident is None or self.alive:
            return False
        self._loop = None
        thread = self._new_thread()
        try:
            thread.start()
        except RuntimeError:
            self._logger.exception("The web server cannot be started again")
            return False
        self._thread = thread
        return True

    def stop(self, timeout: float) -> None:
        """Stop listening, let answers under way finish for a moment, and end the thread."""
        self._stopping = True
        if self._thread.is_alive():
            if (loop := self._loop) is not None:
                loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(timeout)
        self._close()

    def _close(self) -> None:
        for one in self._sockets:
            one.close()

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="web", daemon=True)

    def _run(self) -> None:
        listening = [one.dup() for one in self._sockets]
        try:
            asyncio.run(self._serve(listening))
        except BaseException as error:  # the boundary of a thread: whoever waits for the start is told
            self._logger.exception("The web server has ended")
            self._failure = error.with_traceback(None)  # which would keep what the thread had open
        finally:
            for one in listening:
                one.close()
            self._serving.set()

    async def _serve(self, listening: Sequence[socket.socket]) -> None:
        self._ending = asyncio.Event()
        self._loop = loop = asyncio.get_running_loop()
        complaints = Complaints(loop.time)
        loop.set_exception_handler(complaints.of_the_loop)
        patience, context = self._patience, self._entry.context
        most = patience.connections if context is None else patience.tls_connections
        door = Door(patience, most=most, complaints=complaints, loop=loop)
        runner = self._runner(door, PeerLog(complaints))
        await runner.setup()
        peer = self._reception(door, cast("web.Server", runner.server), loop)  # the server is there since the set-up
        servers = [await loop.create_server(peer, sock=one, backlog=BACKLOG) for one in listening]
        self._serving.set()
        if not self._stopping:
            await self._wait_for_end(door)
        # Accept no more, and let a peer that was just accepted get its transport: closing the server between the two
        # loses its socket. A closed transport lets go of its socket one turn of the loop later, too.
        for one in listening:
            loop.remove_reader(one)
        await asyncio.sleep(0)
        for server in servers:
            server.close()
        await runner.cleanup()
        door.close()
        await asyncio.sleep(0)

    async def _wait_for_end(self, door: Door) -> None:
        try:
            await self._ending.wait()
        except BaseException:
            # Killed: nobody else closes the connections, and whoever waits for an answer should know at once.
            door.close()
            await asyncio.sleep(0)
            raise

    def _reception(self, door: Door, http: web.Server, loop: asyncio.AbstractEventLoop) -> Callable[[], Peer]:
        context, patience = self._entry.context, self._patience
        if context is None:
            return lambda: Peer(door, http(), now=loop.time)
        terms = Terms(
            context=context, handshake_seconds=patience.request_seconds, farewell_seconds=patience.answer_seconds
        )
        return lambda: TlsPeer(door, http(), loop=loop, terms=terms)

    def _runner(self, door: Door, log: PeerLog) -> web.AppRunner:
        return web.AppRunner(
            application(self._site, door=door, entry=self._entry, timeout_offset=self._patience.timeout_offset),
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

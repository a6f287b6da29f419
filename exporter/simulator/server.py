"""The simulated exchange as a server on a thread of its own.

Owns the socket, the thread and the event loop; everything of the exchange happens on that one thread.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import TYPE_CHECKING, Final, Self

from exporter.clock import SystemClock
from exporter.simulator.connection import Connection
from exporter.simulator.control import control, is_control
from exporter.simulator.delivery import deliver, draft
from exporter.simulator.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from exporter.clock import Clock
    from exporter.simulator.delivery import Step
    from exporter.simulator.messages import Request
    from exporter.simulator.options import Options, SimAccount

_log = logging.getLogger(__name__)

_BACKLOG: Final = 1_024
_PATIENCE_SECONDS: Final = 10.0


class Simulator:
    """An exchange to talk to; use it as a context manager, or call `start` and `stop`."""

    def __init__(self, options: Options, *, clock: Clock | None = None) -> None:
        self._options = options
        self._exchange = Exchange(options, clock or SystemClock())
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._address: tuple[str, int] | None = None

    def start(self) -> None:
        """Listen and serve; raises `OSError` if the address cannot be had, `RuntimeError` if it runs already."""
        if self._thread is not None:
            message = "the simulated exchange runs already"
            raise RuntimeError(message)
        listener = _listener(self._options.host, self._options.port)
        self._address = listener.getsockname()[:2]
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(listener, ready), name="simulated-exchange", daemon=True
        )
        self._thread.start()
        if not ready.wait(_PATIENCE_SECONDS):  # pragma: no cover - only where no event loop can be made at all
            message = "the simulated exchange did not start; the log says why"
            raise RuntimeError(message)
        _log.info("simulated exchange listens on %s", self.url)

    def stop(self) -> None:
        """Drop every connection and end; does nothing if it does not run."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stopped is None:
            return
        self._loop.call_soon_threadsafe(self._stopped.set)
        thread.join(_PATIENCE_SECONDS)

    @property
    def url(self) -> str:
        """Return the base URL; raises `RuntimeError` before the start."""
        if self._address is None:
            message = "the simulated exchange has not been started"
            raise RuntimeError(message)
        host, port = self._address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def accounts(self) -> tuple[SimAccount, ...]:
        """Return what one needs to log in, a line for each key; after a reset with another seed they are others."""
        return self._exchange.accounts()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answer(self, request: Request) -> Iterable[Step]:
        if is_control(request):
            return deliver(draft(request, control(self._exchange, request)))
        return self._exchange.answer(request)

    def _run(self, listener: socket.socket, ready: threading.Event) -> None:
        asyncio.run(self._serve(listener, ready))

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        peers: set[Connection] = set()
        server = await self._loop.create_server(
            lambda: Connection(self._answer, peers), sock=listener, backlog=_BACKLOG
        )
        ready.set()
        await self._stopped.wait()
        # Accept no more, and let a peer that was just accepted get its transport, before the server closes.
        self._loop.remove_reader(listener)
        await asyncio.sleep(0)
        server.close()
        while peers:
            for peer in list(peers):
                peer.drop()
            await asyncio.sleep(0)


def _listener(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener

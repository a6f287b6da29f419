"""The page of a large desk behind a real port, in a process of its own: ours, or prometheus-client's of the same.

`serving` starts one and hands over its address and process; whatever else is to serve the same bytes can have them from
`Port.page`. Run by itself it is that process: it prints its address, and answers each line that it reads.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families

from bench.populated import Populated
from exporter.app.allowances import Budgets
from exporter.metrics import api
from exporter.metrics.page import Exposition
from exporter.metrics.render import Format
from exporter.web.server import Site, WebServer
from exporter.web.site import Document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.metrics_core import Metric

OURS: Final = "ours"
LIBRARY: Final = "library"
FILL: Final = "fill"
CHANGE_ONE: Final = "change one"
CHANGE_ALL: Final = "change all"
_PATIENCE_SECONDS: Final = 60.0
_FAREWELL_SECONDS: Final = 10.0
_READ_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Port:
    """A server at work: where it is, which process it is, and one connection to it that is kept."""

    url: str
    pid: int
    _orders: IO[str]
    _answers: IO[str]
    _connection: HTTPConnection

    def tell(self, order: str) -> None:
        """Have accounts shown or changed, and wait until they are."""
        self._orders.write(order + "\n")
        self._orders.flush()
        if self._answers.readline() != "done\n":
            message = f"the server did not {order}"
            raise RuntimeError(message)

    def page(self, exposition: Format = Format.TEXT, *, encoding: str = "identity") -> bytes:
        """Scrape, and return the bytes as they came."""
        pieces: list[bytes] = []
        self._scrape(exposition, encoding, lambda piece: pieces.append(bytes(piece)))
        return b"".join(pieces)

    def scrape(self, exposition: Format = Format.TEXT, *, encoding: str = "identity") -> int:
        """Scrape as a program that keeps nothing, and return how many bytes came."""
        sizes: list[int] = []
        self._scrape(exposition, encoding, lambda piece: sizes.append(len(piece)))
        return sum(sizes)

    def _scrape(self, exposition: Format, encoding: str, take: Callable[[memoryview], None]) -> None:
        headers = {"Accept": exposition.value, "Accept-Encoding": encoding}
        self._connection.request("GET", "/metrics", headers=headers)
        answer = self._connection.getresponse()
        if answer.status != 200:
            message = f"a scrape got {answer.status}"
            raise RuntimeError(message)
        buffer = memoryview(bytearray(_READ_BYTES))
        while count := answer.readinto(buffer):
            take(buffer[:count])


@contextmanager
def serving(kind: str = OURS, *, filled: bool = True) -> Iterator[Port]:
    """Run a server of that kind, at once with all accounts on its page, or else before there are any."""
    command = [sys.executable, "-m", "bench.serving", kind]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            connection = HTTPConnection(urlsplit(url).netloc, timeout=_PATIENCE_SECONDS)
            port = Port(url, process.pid, process.stdin, process.stdout, connection)
            if filled:
                port.tell(FILL)
            yield port
            connection.close()
            process.stdin.close()
            process.wait(_FAREWELL_SECONDS)
        finally:
            process.kill()


class _Static:
    """A collector with the samples of a page as they were when it was read."""

    def __init__(self) -> None:
        self.families: list[Metric] = []

    def collect(self) -> list[Metric]:
        return self.families


def _exposition(desk: Populated) -> Exposition:
    budgets = Budgets(desk.limits, desk.clock, desk.callers)
    return Exposition(desk.page, live=((api.BUDGET, budgets),), own=desk.own.render)


def _ours(desk: Populated) -> str:
    exposition = _exposition(desk)
    site = Site(
        metrics={one.value: partial(exposition.blocks, one) for one in Format},
        landing=lambda: Document(html=""),
        healthy=lambda: None,
        ready=lambda: None,
    )
    server = WebServer(site, addresses=["127.0.0.1:0"])
    server.bind()
    server.start()
    return server.urls[0]


def _serve(kind: str) -> None:
    desk, static = Populated(), _Static()
    if kind == OURS:
        say(_ours(desk))
    else:
        registry = CollectorRegistry()
        registry.register(static)
        server, _ = start_http_server(0, "127.0.0.1", registry=registry)
        say(f"http://127.0.0.1:{server.server_port}")
    for line in sys.stdin:
        order = line.strip()
        if order == FILL:
            desk.fill()
        else:
            for number in range(len(desk.names) if order == CHANGE_ALL else 1):
                desk.change(number)
        if kind == LIBRARY:
            static.families = list(text_string_to_metric_families(_exposition(desk)(Format.TEXT).decode()))
        say("done")


def say(line: str) -> None:
    """Tell who started this process."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])

"""The exporter's page behind its own web server, in a process of its own, with accounts made by arithmetic.

Owns that process, from both ends: `serve` starts it and tells it what to do, and run as a module it is that process.
Budgets are read and the exporter's own metrics rendered at each scrape, as always.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from bench.processes import program
from bench.references.server import Server, resident
from bench.samples import positions
from exporter.app.allowances import Allowances
from exporter.bingx.limits import Caller, Limits
from exporter.bingx.paths import Endpoint
from exporter.clock import SystemClock
from exporter.metrics import api
from exporter.metrics.own import OwnMetrics
from exporter.metrics.page import Exposition, Page
from exporter.metrics.position import POSITION
from exporter.metrics.render import Format
from exporter.web.server import Site, WebServer
from exporter.web.site import Document

if TYPE_CHECKING:
    from collections.abc import Iterator

POSITIONS: Final = 20
SAMPLES_PER_ACCOUNT: Final = POSITIONS * len(POSITION.families)
_POLLED: Final = (
    Endpoint.BALANCE,
    Endpoint.POSITIONS,
    Endpoint.INCOME,
    Endpoint.COMMISSION_RATE,
    Endpoint.PERMISSIONS,
)
_FILL: Final = "fill"
_CHANGE: Final = "change"


@dataclass(frozen=True, slots=True)
class Served:
    """A process that serves the page of many accounts."""

    server: Server
    _process: subprocess.Popen[bytes]

    def change(self) -> None:
        """Let the prices of one account move."""
        _tell(self._process, _CHANGE)


@contextmanager
def serve(accounts: int) -> Iterator[Served]:
    """Serve the page of so many accounts until the end of the block."""
    command = [sys.executable, "-m", __name__, str(accounts)]
    with program(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        url = _answer(process)
        empty_mib = resident(process.pid)
        _tell(process, _FILL)
        yield Served(Server(url=url, pid=process.pid, empty_mib=empty_mib), process)


def _tell(process: subprocess.Popen[bytes], what: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{what}\n".encode())
    process.stdin.flush()
    if _answer(process) != what:
        message = f"the page does not {what}"
        raise RuntimeError(message)


def _answer(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


class _Populated:
    """The page, and the budgets beside it."""

    def __init__(self, accounts: int) -> None:
        self._names = tuple(f"account-{number:04d}" for number in range(accounts))
        self._callers = [(Caller(user=name, address="default", account=name), _POLLED) for name in self._names]
        self._clock = SystemClock()
        self._limits = Limits()
        self._page = Page((POSITION,), clock=self._clock)
        self._page.arrange(self._names)
        self._turn = 0

    def fill(self) -> None:
        """Show every account."""
        for name in self._names:
            self._page.put(POSITION, name, positions(POSITIONS))

    def change(self) -> None:
        """Show other prices of one account, another one each time."""
        self._turn += 1
        name = self._names[self._turn % len(self._names)]
        self._page.put(POSITION, name, positions(POSITIONS, turn=self._turn % 1000))

    def site(self) -> Site:
        """Return what the web server is to serve."""
        own = OwnMetrics(version="", revision="", endpoints=Endpoint)
        live = ((api.BUDGET, Allowances(self._limits, self._clock, lambda: self._callers)),)
        exposition = Exposition(self._page, live=live, own=own.render)
        return Site(
            metrics={format_.value: partial(exposition.blocks, format_) for format_ in Format},
            landing=lambda: Document(html=""),
            healthy=lambda: None,
            ready=lambda: None,
        )


def main() -> None:
    """Serve as many accounts as the command line says, and obey until there is nothing more to read."""
    populated = _Populated(int(sys.argv[1]))
    web = WebServer(populated.site(), addresses=("127.0.0.1:0",))
    web.bind()
    web.start()
    print(f"{web.urls[0]}/metrics", flush=True)
    for line in sys.stdin:
        order = line.strip()
        {_FILL: populated.fill, _CHANGE: populated.change}[order]()
        print(order, flush=True)
    web.stop(1)


if __name__ == "__main__":
    main()

"""What a scrape over HTTP costs the server, beside other servers with the same samples.

Owns which of them there are and what is asked of each; all are checked to say the same before anything is measured.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from bench import served
from bench.measure import UNKNOWN, Absent, Benchmark, Case
from bench.references import client, nginx, node_exporter, pushgateway
from bench.references.server import Scraper, Server, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

_ACCOUNTS: Final = 500
_SAMPLES: Final = _ACCOUNTS * served.SAMPLES_PER_ACCOUNT
_OF_POSITIONS: Final = b"bingx_position_"
OURS: Final = "bingx-exporter"
NGINX: Final = "nginx, the page as a file"
NODE_EXPORTER: Final = "node-exporter, textfile collector"
PUSHGATEWAY: Final = "pushgateway, the page pushed"
GAUGES: Final = "prometheus-client, labelled gauges"
COLLECTOR: Final = "prometheus-client, custom collector"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reference:
    """A server, the program that it needs, and how many scrapes make a figure."""

    name: str
    program: str | None
    serve: Callable[[bytes, Path], AbstractContextManager[Server]]
    scrapes: int


_REFERENCES: Final = (
    _Reference(name=NGINX, program=nginx.PROGRAM, serve=nginx.serve, scrapes=10),
    _Reference(name=NODE_EXPORTER, program=node_exporter.PROGRAM, serve=node_exporter.serve, scrapes=1),
    _Reference(name=PUSHGATEWAY, program=pushgateway.PROGRAM, serve=pushgateway.serve, scrapes=1),
    _Reference(name=GAUGES, program=None, serve=client.serve("gauges"), scrapes=1),
    _Reference(name=COLLECTOR, program=None, serve=client.serve("collector"), scrapes=1),
)


@contextmanager
def _cases() -> Iterator[tuple[Case | Absent, ...]]:
    with ExitStack() as parts:
        ours = parts.enter_context(served.serve(_ACCOUNTS))
        whole = _page(ours.server)
        page = _positions_of(whole)
        samples = _samples(page)
        cost = partial(_cost, ours.server, size_mib=len(whole) / 2**20, scrapes=10, change=ours.change)
        yield (Case(name=OURS, cost=cost), *(_case(one, page, samples, parts) for one in _REFERENCES))


def _case(one: _Reference, page: bytes, samples: dict[bytes, float], parts: ExitStack) -> Case | Absent:
    if one.program is not None and shutil.which(one.program) is None:
        return Absent(name=one.name, why="is not installed (`make bench` does that on Debian, as root)")
    folder = parts.enter_context(TemporaryDirectory(prefix="bingx-exporter-bench-"))
    server = parts.enter_context(one.serve(page, Path(folder)))
    if _samples(_page(server)) != samples:
        message = f"{one.name} does not say the same"
        raise RuntimeError(message)
    cost = partial(_cost, server, size_mib=len(page) / 2**20, scrapes=one.scrapes)
    return Case(name=one.name, cost=cost, beside=OURS)


def _page(server: Server) -> bytes:
    scraper = Scraper(server.url)
    plain, packed = scraper.scrape(gzip=False), unpacked(scraper.scrape(gzip=True))
    scraper.close()
    if _positions_of(packed) != _positions_of(plain):
        message = f"{server.url} says something else in gzip"
        raise RuntimeError(message)
    return plain


def _samples(page: bytes) -> dict[bytes, float]:
    """Return a value for each position's series; the order of labels, and the text of a number, are free.

    Every server has metrics of its own besides, which change.
    """
    found = {}
    for line in page.splitlines():
        if line.startswith(_OF_POSITIONS):
            series, _, value = line.rpartition(b" ")
            name, _, labels = series.rstrip(b"}").partition(b"{")
            foreign = (b'instance=""', b'job="bingx"')  # which the pushgateway adds
            found[b",".join((name, *sorted(set(labels.split(b",")) - set(foreign))))] = float(value)
    if len(found) != _SAMPLES:
        message = f"{len(found)} samples are not {_SAMPLES}"
        raise RuntimeError(message)
    return found


def _positions_of(page: bytes) -> bytes:
    """Return the families that all servers can show: with the exporter's own ones some would have two of a name."""
    ours = (_OF_POSITIONS, b"# HELP " + _OF_POSITIONS, b"# TYPE " + _OF_POSITIONS)
    return b"".join(line for line in page.splitlines(keepends=True) if line.startswith(ours))


def _cost(
    server: Server, *, size_mib: float, scrapes: int, change: Callable[[], None] | None = None
) -> tuple[float, ...]:
    scraper = Scraper(server.url)
    plain = sum(_scrape(server, scraper, gzip=False, change=change) for _ in range(scrapes)) / scrapes
    gzip = sum(_scrape(server, scraper, gzip=True, change=change) for _ in range(scrapes)) / scrapes
    again = UNKNOWN
    if change is not None:
        again = sum(_scrape(server, scraper, gzip=True, change=None) for _ in range(scrapes)) / scrapes
    scraper.close()
    return plain * 1000, gzip * 1000, again * 1000, (server.resident_mib - server.empty_mib) / size_mib


def _scrape(server: Server, scraper: Scraper, *, gzip: bool, change: Callable[[], None] | None) -> float:
    if change is not None:
        change()
    return server.cpu_of(lambda: scraper.scrape(gzip=gzip))


BENCHMARK: Final = Benchmark(
    name="peers",
    title="Scrape over HTTP, beside other servers",
    text=f"""\
{_ACCOUNTS} accounts with {served.POSITIONS} positions each, {_SAMPLES:,} samples in the text format, over HTTP on
loopback: the CPU time of each server's process, and the memory that it holds more than before it had the page. One
account changes before each scrape of the exporter (but in the column of the unchanged page), which besides reads the
budgets of all accounts and renders its own metrics at each. nginx sends a file, and packs it anew with zlib's level 1.
node-exporter reads its text file at each scrape; the pushgateway has it read. The reference servers have only the
positions.""",
    quantities=("plain, CPU ms", "gzip, CPU ms", "gzip, unchanged, CPU ms", "memory, in pages"),
    warm=False,  # the comparison has warmed them
    ratio="times bingx-exporter",
    cases=_cases,
)

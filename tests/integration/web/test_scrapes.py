"""A large page that changes, over real HTTP: every client reads in gzip what others read plain."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

import pytest
import urllib3
from integration.web.peers import site, started
from support.clock import ManualClock

from exporter.metrics.family import Family, Subject
from exporter.metrics.page import Exposition, Page
from exporter.metrics.render import END_OF_OPENMETRICS, Format
from exporter.web.server import WebServer
from exporter.web.site import Site

ACCOUNTS = [f"account-{number:03d}" for number in range(60)]
Rows = tuple[tuple[str, float], ...]


def labelled(rows: Rows) -> list[tuple[tuple[str], float]]:
    return [((symbol,), value) for symbol, value in rows]


POSITIONS: Subject[Rows, float] = Subject(
    name="positions",
    labels=("symbol",),
    rows=labelled,
    families=tuple(Family(name=f"test_{name}", help="A test.", value=float) for name in ("amount", "price", "margin")),
)


def rows(turn: int) -> Rows:
    return tuple((f"COIN{number}-USDT", number * 1.7 + turn) for number in range(40))


@dataclass
class Desk:
    """A page over HTTP, whose tail is another one at every scrape."""

    page: Page
    server: WebServer
    scrapes: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.server.urls[0]}/metrics"

    def change(self, account: str, turn: int) -> None:
        self.page.put(POSITIONS, account, rows(turn))

    def expected(self, exposition: Format) -> bytes:
        end = END_OF_OPENMETRICS if exposition is Format.OPENMETRICS else b""
        return self.page.body(exposition) + b"test_scrapes %d\n" % len(self.scrapes) + end


@pytest.fixture
def desk() -> Iterator[Desk]:
    page = Page((POSITIONS,), clock=ManualClock())
    page.arrange(ACCOUNTS)
    scrapes: list[int] = []

    def own(_: Format) -> bytes:
        scrapes.append(len(scrapes))
        return b"test_scrapes %d\n" % len(scrapes)

    exposition = Exposition(page, live=(), own=own)
    base = site()
    server = started(
        Site(
            metrics={one.value: partial(exposition.blocks, one) for one in Format},
            landing=base.landing,
            healthy=base.healthy,
            ready=base.ready,
        )
    )
    desk = Desk(page, server, scrapes)
    for account in ACCOUNTS:
        desk.change(account, 0)
    yield desk
    server.stop(2)


def one_member(body: bytes) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    text = reader.decompress(body)
    assert reader.eof
    assert reader.unused_data == b""
    return text


@pytest.mark.parametrize("exposition", Format)
def test_each_of_many_scrapes_is_the_page_of_its_moment(desk: Desk, exposition: Format) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(desk.url).port, timeout=5)
    for turn in range(12):
        if turn % 3:
            desk.change(ACCOUNTS[turn * 7 % len(ACCOUNTS)], turn)
        connection.request("GET", "/metrics", headers={"Accept": exposition.value, "Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers["Content-Length"]) == len(body)
        assert one_member(body) == desk.expected(exposition)
        connection.request("GET", "/metrics", headers={"Accept": exposition.value})
        answer = connection.getresponse()
        body = answer.read()
        assert int(answer.headers["Content-Length"]) == len(body)
        assert body == desk.expected(exposition)
    connection.close()


def test_urllib3_reads_it(desk: Desk) -> None:
    with urllib3.PoolManager() as pool:
        for turn in range(3):
            desk.change(ACCOUNTS[turn], turn + 1)
            answer = pool.request("GET", desk.url, headers={"Accept-Encoding": "gzip"})
            assert answer.headers["Content-Encoding"] == "gzip"
            assert answer.data == desk.expected(Format.TEXT)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_reads_it(desk: Desk) -> None:
    for turn in range(3):
        desk.change(ACCOUNTS[turn], turn + 1)
        command = ["curl", "--silent", "--fail", "--compressed", "--noproxy", "*", desk.url]
        assert subprocess.run(command, check=True, capture_output=True).stdout == desk.expected(Format.TEXT)


def test_a_head_request_names_the_size_and_has_no_body(desk: Desk) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(desk.url).port, timeout=5)
    connection.request("HEAD", "/metrics")
    answer = connection.getresponse()

    assert answer.read() == b""
    assert int(answer.headers["Content-Length"]) == len(desk.expected(Format.TEXT))
    connection.close()

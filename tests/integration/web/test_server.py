"""The port, over real HTTP."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from exporter.web.pieces import Parts
from exporter.web.server import ListenError, Site, WebServer
from exporter.web.site import Document

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PAGE = b'bingx_up{account="main"} 1\n' * 100


class State:
    healthy: str | None = None
    ready: str | None = None


@pytest.fixture
def state() -> State:
    return State()


def site(state: State) -> Site:
    return Site(
        metrics={TEXT: lambda: (Parts(PAGE),), OPENMETRICS: lambda: (Parts(PAGE, b"# EOF\n"),)},
        landing=lambda: Document(html="<!DOCTYPE html>höhe" * 100, security_policy="default-src 'none'; img-src data:"),
        healthy=lambda: state.healthy,
        ready=lambda: state.ready,
    )


@pytest.fixture
def server(state: State) -> Iterator[WebServer]:
    server = WebServer(site(state), addresses=["127.0.0.1:0"])
    server.bind()
    server.start()
    yield server
    server.stop(2)


@contextmanager
def asked(server: WebServer, method: str, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
    parts = urlsplit(server.urls[0])
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        yield connection.getresponse()
    finally:
        connection.close()


def test_metrics_are_text_unless_asked_otherwise(server: WebServer) -> None:
    with asked(server, "GET", "/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == TEXT
        assert answer.headers["Content-Encoding"] is None
        assert answer.read() == PAGE


def test_metrics_are_openmetrics_for_those_who_ask(server: WebServer) -> None:
    with asked(server, "GET", "/metrics", Accept="application/openmetrics-text") as answer:
        assert answer.headers["Content-Type"] == OPENMETRICS
        assert answer.read().endswith(b"# EOF\n")


def test_metrics_are_compressed_for_those_who_take_it(server: WebServer) -> None:
    with asked(server, "GET", "/metrics", Accept_Encoding="gzip") as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.read()) == PAGE


def test_head_answers_with_the_headers_alone(server: WebServer) -> None:
    for path in ("/", "/metrics", "/-/healthy", "/-/ready"):
        with asked(server, "HEAD", path) as answer:
            assert answer.status == 200
            assert int(answer.headers["Content-Length"]) > 0
            assert answer.read() == b""


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/metrics/", "/metricsx", "//metrics", "/-/", "/-/healthy/x", "/%2e%2e/metrics"]
)
def test_other_paths_are_not_found(server: WebServer, path: str) -> None:
    with asked(server, "GET", path) as answer:
        assert answer.status == 404
        assert b"bingx_up" not in answer.read()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused_with_those_allowed(server: WebServer, method: str) -> None:
    with asked(server, method, "/metrics") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET,HEAD"


def test_health_and_readiness_say_what_is_wrong(server: WebServer, state: State) -> None:
    with asked(server, "GET", "/-/ready") as answer:
        assert (answer.status, answer.read()) == (200, b"Ready\n")

    state.ready, state.healthy = "waiting for main/balance", "the scheduler has died"

    with asked(server, "GET", "/-/ready") as answer:
        assert (answer.status, answer.read()) == (503, b"waiting for main/balance\n")
    with asked(server, "GET", "/-/healthy") as answer:
        assert (answer.status, answer.read()) == (503, b"the scheduler has died\n")


def test_the_page_at_the_root_brings_what_its_browser_may_run(server: WebServer) -> None:
    with asked(server, "GET", "/") as answer:
        page = answer.read().decode()
    with asked(server, "GET", "/", Accept_Encoding="gzip") as answer:
        compressed = answer.read()
    with asked(server, "HEAD", "/") as answer:
        headers, nothing = answer.headers, answer.read()

    assert page == "<!DOCTYPE html>höhe" * 100 == gzip.decompress(compressed).decode()
    assert nothing == b""
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Security-Policy"] == "default-src 'none'; img-src data:"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_at_the_root_that_takes_its_time_holds_up_nobody(state: State) -> None:
    going = threading.Event()

    def slow() -> Document:
        going.wait(5)
        return Document(html="at last")

    server = WebServer(replace(site(state), landing=slow), addresses=["127.0.0.1:0"])
    server.bind()
    server.start()
    try:
        with closing(http.client.HTTPConnection(urlsplit(server.urls[0]).netloc, timeout=5)) as waiting:
            waiting.request("GET", "/")
            with asked(server, "GET", "/metrics") as answer:
                assert answer.read() == PAGE
            going.set()
            assert waiting.getresponse().read() == b"at last"
    finally:
        server.stop(2)


def test_every_address_is_served(state: State) -> None:
    server = WebServer(site(state), addresses=["127.0.0.1:0", "[::1]:0", ":0"])
    server.bind()
    server.start()
    try:
        for url in server.urls:
            parts = urlsplit(url)
            with socket.create_connection((parts.hostname, parts.port), 5):
                pass
    finally:
        server.stop(2)


@pytest.mark.parametrize("address", ["127.0.0.1:99999", "127.0.0.1:http", "127.0.0.1", "203.0.113.1:0"])
def test_an_address_that_cannot_be_bound_is_named(state: State, address: str) -> None:
    server = WebServer(site(state), addresses=["127.0.0.1:0", address])

    with pytest.raises(ListenError, match="cannot listen on") as caught:
        server.bind()

    assert address in str(caught.value)
    assert "--web.listen-address" in str(caught.value)
    server.stop(1)


def test_a_port_that_is_taken_is_named(state: State, server: WebServer) -> None:
    address = server.urls[0].removeprefix("http://")

    with pytest.raises(ListenError, match="Address already in use"):
        WebServer(site(state), addresses=[address]).bind()


def test_stopping_closes_the_port_at_once(state: State) -> None:
    server = WebServer(site(state), addresses=["127.0.0.1:0"])
    server.bind()
    server.start()
    parts = urlsplit(server.urls[0])
    with socket.create_connection((parts.hostname, parts.port), 5):
        server.stop(2)

    assert not server.alive
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((parts.hostname, parts.port), 5)

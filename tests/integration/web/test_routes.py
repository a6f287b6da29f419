"""The optional routes, who may enter, and where the site stands."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from integration.web.peers import TEXT, Crowd, site, started

from exporter.web.place import placed
from exporter.web.server import WebServer
from exporter.web.site import Site, UnavailableError, UnknownTargetError

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def serving(access: Any = None, **parts: Any) -> Iterator[WebServer]:  # noqa: ANN401 - whatever a site may have
    base = site(lambda: b"page")
    fields = {name: getattr(base, name) for name in ("metrics", "landing", "healthy", "ready")}
    server = started(Site(**{**fields, **parts}), access=access)
    try:
        yield server
    finally:
        server.stop(2)


def ask(server: WebServer, method: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.urls[0]).port, timeout=5)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/config", "/probe?account=main", "/sd"])
def test_what_is_not_given_is_not_found(path: str) -> None:
    with serving() as server:
        assert ask(server, "GET", path).status == 404


def test_the_configuration_is_text() -> None:
    with serving(config=lambda: "accounts: [höhe]\n") as server:
        answer = ask(server, "GET", "/config")
        assert (answer.status, answer.body.decode()) == (200, "accounts: [höhe]\n")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert ask(server, "HEAD", "/config").body == b""


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_reload_says_whether_it_worked(method: str) -> None:
    outcomes: list[str | None] = [None, "line 3: unknown key"]
    with serving(reload=lambda: outcomes.pop(0)) as server:
        assert (good := ask(server, method, "/-/reload")).status == 200
        assert good.body == b"Reloaded\n"
        bad = ask(server, method, "/-/reload")
        assert (bad.status, bad.body) == (500, b"line 3: unknown key\n")


def test_a_reload_is_not_got() -> None:
    for reload in (None, lambda: None):
        with serving(reload=reload) as server:
            answer = ask(server, "GET", "/-/reload")
            assert answer.status == 405
            assert answer.headers["allow"] == "POST,PUT"


def test_a_reload_that_is_switched_off_names_the_switch() -> None:
    with serving() as server:
        answer = ask(server, "POST", "/-/reload")
        assert answer.status == 403
        assert b"--web.enable-lifecycle" in answer.body


@dataclass
class Slow:
    """What takes until it is let go."""

    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    go: threading.Event = field(default_factory=threading.Event)
    now: int = 0
    most: int = 0

    def __call__(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        self.begun.release()
        assert self.go.wait(10)
        self.now -= 1

    def text(self) -> str:
        self()
        return "text"


@pytest.mark.parametrize(("method", "path"), [("POST", "/-/reload"), ("GET", "/config")])
def test_a_scrape_is_answered_during_what_takes_long_and_that_is_done_in_turn_or_refused(
    method: str, path: str
) -> None:
    slow = Slow()
    answers: list[Answer] = []
    with serving(reload=slow, config=slow.text) as server:
        threads = [threading.Thread(target=lambda: answers.append(ask(server, method, path))) for _ in range(6)]
        for thread in threads:
            thread.start()
        assert slow.begun.acquire(timeout=5)
        assert ask(server, "GET", "/metrics").body == b"page"
        while len(answers) < 2:
            assert ask(server, "GET", "/-/healthy").status == 200
        slow.go.set()
        for thread in threads:
            thread.join(5)
    assert sorted(answer.status for answer in answers) == [200] * 4 + [503] * 2
    assert [answer.headers["retry-after"] for answer in answers if answer.status == 503] == ["5", "5"]
    assert slow.most == 1


def test_stopping_does_not_wait_for_a_reload() -> None:
    slow = Slow()
    with serving(reload=slow) as server, Crowd(server.urls[0]) as crowd:
        crowd.call(b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert slow.begun.acquire(timeout=5)
        begun = perf_counter()
        server.stop(2)
        assert perf_counter() - begun < 2
        assert not server.alive
        slow.go.set()


def test_a_reload_that_raises_is_a_fault_of_ours() -> None:
    def broken() -> None:
        raise LookupError

    with serving(reload=broken) as server:
        answer = ask(server, "POST", "/-/reload")
        assert answer.status == 500
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert ask(server, "POST", "/-/reload").status == 500


def probes() -> dict[str, Callable[[str], bytes]]:
    def page(account: str) -> bytes:
        if account == "sick":
            message = "sick has no data"
            raise UnavailableError(message)
        if account != "main":
            message = f"there is no account {account!r}"
            raise UnknownTargetError(message)
        return b"bingx_up 1\n" * 100

    return {TEXT: page, OPENMETRICS: lambda account: page(account) + b"# EOF\n"}


def test_a_probe_is_the_page_of_one_account_in_the_format_asked_for() -> None:
    with serving(probe=probes()) as server:
        plain = ask(server, "GET", "/probe?account=main")
        other = ask(
            server, "GET", "/probe?account=main", {"Accept": "application/openmetrics-text", "Accept-Encoding": "gzip"}
        )
        head = ask(server, "HEAD", "/probe?account=main")
    assert (plain.status, plain.headers["content-type"]) == (200, TEXT)
    assert other.headers["content-type"] == OPENMETRICS
    assert gzip.decompress(other.body).endswith(b"# EOF\n")
    assert (head.body, head.headers["content-length"]) == (b"", str(len(plain.body)))


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("", 400, "name one account"),
        ("?account=main&account=main", 400, "name one account"),
        ("?account=x", 400, "there is no account 'x'"),
        ("?account=", 400, "there is no account ''"),
        ("?account=sick", 503, "sick has no data"),
    ],
)
def test_a_probe_that_cannot_be_answered_says_why(query: str, status: int, text: str) -> None:
    with serving(probe=probes()) as server:
        answer = ask(server, "GET", "/probe" + query)
        assert answer.status == status
        assert text in answer.body.decode()
        assert answer.headers["content-type"].startswith("text/plain")


def groups(server: WebServer, headers: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    answer = ask(server, "GET", "/sd", headers)
    assert answer.headers["content-type"].startswith("application/json")
    found: list[dict[str, Any]] = json.loads(answer.body)
    return found


def test_discovery_names_the_host_that_was_asked() -> None:
    with serving(discovery=lambda: ["main", "second"]) as server:
        found = groups(server, {"Host": "exporter.example:10066", "X-Forwarded-Host": "evil.example"})
        assert [group["targets"] for group in found] == [["exporter.example:10066"]] * 2
        assert [group["labels"] for group in found] == [
            {"__metrics_path__": "/probe", "__param_account": name, "instance": f"exporter.example:10066/{name}"}
            for name in ("main", "second")
        ]


def test_discovery_names_the_socket_to_who_names_no_host() -> None:
    with serving(discovery=lambda: ["main"]) as server, Crowd(server.urls[0]) as crowd:
        answer = crowd.call(b"GET /sd HTTP/1.0\r\n\r\n").recv(4096)
        assert f'"127.0.0.1:{crowd.address[1]}"'.encode() in answer


def test_discovery_names_the_external_url() -> None:
    place = placed(external_url="https://monitoring.example/exporter")
    with serving(discovery=lambda: ["main"], place=place) as server:
        answer = ask(server, "GET", "/exporter/sd")
        (group,) = json.loads(answer.body)
        assert group["targets"] == ["monitoring.example:443"]
        assert group["labels"]["__scheme__"] == "https"
        assert group["labels"]["__metrics_path__"] == "/exporter/probe"


@pytest.mark.parametrize("host", [b"a b", b"evil/x", b"x:99999", b"x\r\nHost: y", b""])
def test_discovery_refuses_a_host_that_is_none(host: bytes) -> None:
    with serving(discovery=lambda: ["main"]) as server, Crowd(server.urls[0]) as crowd:
        answer = crowd.call(b"GET /sd HTTP/1.1\r\nHost: " + host + b"\r\n\r\n").recv(4096)
        assert answer.split()[1] == b"400"


def test_nothing_to_discover_is_an_empty_list() -> None:
    with serving(discovery=list) as server:
        assert groups(server) == []


def test_all_routes_live_below_the_prefix() -> None:
    with serving(place=placed(route_prefix="/exporter"), config=lambda: "x") as server:
        for path in ("/", "/metrics", "/-/healthy", "/-/ready", "/config"):
            assert ask(server, "GET", "/exporter" + path).status == 200
            assert ask(server, "GET", path).status == (302 if path == "/" else 404)
        assert ask(server, "POST", "/exporter/-/reload").status == 403
        for path in ("/", "/exporter"):
            assert ask(server, "GET", path).headers["location"] == "/exporter/"


def test_metrics_may_stand_at_the_root() -> None:
    with serving(telemetry_path="/") as server:
        assert ask(server, "GET", "/").body == b"page"


class Guard:
    """An entry that asks for a word, and thinks about it as long as it is told to."""

    tls = False
    context = None

    def __init__(self, *, seconds: float = 0) -> None:
        self.seconds = seconds

    async def admit(self, request: web.Request) -> web.Response | None:
        if self.seconds:
            await asyncio.sleep(self.seconds)
        return None if request.headers.get("Authorization") == "word" else web.Response(status=401, text="no\n")

    def headers(self) -> Mapping[str, str]:
        return {"X-Frame-Options": "deny", "Content-Security-Policy": "default-src 'self'"}


@pytest.mark.parametrize("path", ["/metrics", "/", "/config", "/probe?account=main", "/sd", "/nothing", "/-/healthyx"])
def test_nobody_gets_anything_without_being_admitted(path: str) -> None:
    with serving(Guard(), config=lambda: "x", probe=probes(), discovery=lambda: ["main"]) as server:
        refused = ask(server, "GET", path)
        assert (refused.status, refused.body) == (401, b"no\n")
        assert ask(server, "GET", path, {"Authorization": "word"}).status in {200, 404}


def test_nobody_reloads_without_being_admitted() -> None:
    with serving(Guard(), reload=lambda: pytest.fail("reloaded")) as server:
        assert ask(server, "POST", "/-/reload").status == 401


@pytest.mark.parametrize(("needed", "status"), [(False, 200), (True, 401)])
def test_health_is_open_unless_told_otherwise(needed: bool, status: int) -> None:
    with serving(Guard(), health_needs_auth=needed, place=placed(route_prefix="/x")) as server:
        for path in ("/x/-/healthy", "/x/-/ready"):
            assert ask(server, "GET", path).status == status
        assert ask(server, "GET", "/-/healthy").status == 401


def test_every_answer_has_the_headers() -> None:
    def broken() -> bytes:
        raise LookupError

    with serving(Guard(), metrics={TEXT: broken}) as server:
        for path, word, status in (("/", "word", 200), ("/x", "word", 404), ("/", "", 401), ("/metrics", "word", 500)):
            answer = ask(server, "GET", path, {"Authorization": word})
            assert answer.status == status
            assert answer.headers["x-frame-options"] == "deny"
            assert answer.headers["content-security-policy"] == "default-src 'self'"
            assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_scrape_that_would_be_let_in_too_late_is_told_in_time() -> None:
    with serving(Guard(seconds=3)) as server:
        begun = perf_counter()
        answer = ask(server, "GET", "/metrics", {"X-Prometheus-Scrape-Timeout-Seconds": "1"})
        assert 0.4 < perf_counter() - begun < 2.5
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert b"scrape timeout" in answer.body

"""Connections by a way out that is used no more: how many are kept, and when they go, counted in descriptors."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from integration.bingx.loopback import Exchange, Peer, answer, call
from support.processes import eventually

from exporter.bingx.endpoints import Endpoint
from exporter.bingx.errors import ConnectionFailed, InvalidKey
from exporter.bingx.transport import RequestsTransport, Route
from exporter.model import Secret

Start = Callable[..., Exchange]

NOWHERE = "http://nowhere.test"


def friendly(peer: Peer) -> None:
    while peer.hear():
        peer.say(answer(b"{}"))


def sockets() -> int:
    found = 0
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are all that is wanted
        try:
            found += Path(f"/proc/self/fd/{name}").readlink().name.startswith("socket:")
        except OSError:
            continue
    return found


class Bench:
    """A proxy, which answers all by itself, and users of it with a password each."""

    def __init__(self, proxy: Exchange, transport: RequestsTransport) -> None:
        self.proxy = proxy
        self.url = proxy.url
        self.transport = transport
        self.idle = sockets()

    def route(self, password: int | str) -> Route:
        return Route(proxy=self.url.replace("//", f"//user:word-{password}@"))

    def send(self, route: Route) -> None:
        url = self.url if route.proxy is None else NOWHERE
        self.transport.send(call(url, endpoint=Endpoint.SERVER_TIME, route=route))

    def open(self) -> int:
        """Count the connections: each has both its ends in this process."""
        return (sockets() - self.idle) // 2

    def keeps(self, connections: int) -> bool:
        return eventually(lambda: self.open() == connections, seconds=5, what=f"there are {connections} connections")


@pytest.fixture
def bench(exchange: Start, transport: RequestsTransport) -> Bench:
    return Bench(exchange(friendly), transport)


def known(transport: RequestsTransport) -> str:
    adapter = transport._adapter
    return f"{list(adapter._doors)} {list(adapter.proxy_manager)} {adapter.poolmanager.pools.keys()}"


def test_ways_that_are_not_in_use_any_more_are_left_at_once(bench: Bench) -> None:
    old, new = bench.route("old"), bench.route("new")
    elsewhere, direct = Route(source_address="127.0.0.7"), Route()
    bench.transport.keep([(NOWHERE, old), (bench.url, elsewhere), (bench.url, direct)])
    for route in (old, elsewhere, direct):
        bench.send(route)
    assert bench.keeps(3)
    assert "word-old@" in known(bench.transport)

    bench.transport.keep([(NOWHERE, new), (bench.url, direct)])

    assert bench.keeps(1)
    assert "word-old@" not in known(bench.transport)


def test_a_host_that_is_not_in_use_any_more_is_left(bench: Bench) -> None:
    bench.send(Route())
    bench.transport.keep([(NOWHERE, Route())])
    assert bench.keeps(0)


def test_a_call_that_is_under_way_when_its_way_is_left_ends_well(exchange: Start, transport: RequestsTransport) -> None:
    asked, left = Event(), Event()

    def script(peer: Peer) -> None:
        peer.hear()
        asked.set()
        left.wait(5)
        peer.say(answer(b"{}"))
        peer.hear()

    bench = Bench(exchange(script), transport)
    with ThreadPoolExecutor(1) as thread:
        sent = thread.submit(bench.send, Route())
        assert asked.wait(5)
        transport.keep([])
        left.set()
        sent.result()
    assert bench.keeps(0)


def test_a_way_by_which_a_call_had_failed_is_left_at_once_too(exchange: Start, transport: RequestsTransport) -> None:
    def script(peer: Peer) -> None:
        while peer.hear():
            peer.say(answer(b"{}"))
            if peer.number == 1:
                peer.hear()
                return

    bench = Bench(exchange(script), transport)
    gc.disable()  # what a failure leaves behind is in circles
    try:
        bench.send(Route())
        with pytest.raises(ConnectionFailed):
            bench.send(Route())
        bench.send(Route())
        bench.transport.keep([])
        assert bench.keeps(0)
    finally:
        gc.enable()


def test_a_late_call_that_cannot_be_made_leaves_nothing_behind(bench: Bench) -> None:
    bench.transport.keep([(bench.url, Route())])
    late = replace(call(NOWHERE, route=bench.route("late")), api_key=Secret(""))
    with pytest.raises(InvalidKey):
        bench.transport.send(late)
    assert "word-late@" not in known(bench.transport)


def test_as_many_ways_as_are_in_use_keep_their_connections(bench: Bench) -> None:
    escaped = bench.route("a%2fb")  # requests knows it as %2F
    routes = [*map(bench.route, range(100)), escaped, Route(), Route(source_address="127.0.0.7")]
    ways = [(bench.url if route.proxy is None else NOWHERE, route) for route in routes]
    for route in routes:
        bench.send(route)

    bench.transport.keep([*ways, (NOWHERE, bench.route("two"))])
    for route in routes:
        bench.send(route)

    assert bench.proxy.connections == len(routes)
    assert bench.keeps(len(routes))


def test_a_call_that_is_late_for_a_way_already_left_leaves_nothing_behind(bench: Bench) -> None:
    bench.transport.keep([(bench.url, Route())])
    bench.send(Route())

    bench.send(bench.route("late"))

    assert bench.keeps(1)
    assert "word-late@" not in known(bench.transport)


def test_without_a_word_about_the_ways_in_use_all_are_kept(bench: Bench) -> None:
    for route in (bench.route("one"), Route(), bench.route("two"), Route()):
        bench.send(route)
    assert bench.keeps(3)

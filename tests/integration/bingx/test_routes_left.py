"""Connections by a way out that is used no more: how many are kept, and when they go, counted in descriptors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from integration.bingx.loopback import Exchange, Peer, answer, call
from support.processes import eventually

from exporter.bingx.endpoints import Endpoint
from exporter.bingx.transport import RequestsTransport, Route

Start = Callable[..., Exchange]

NOWHERE = "http://nowhere.test"
MOST = 64


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


@pytest.fixture
def threads() -> Iterator[tuple[ThreadPoolExecutor, ThreadPoolExecutor]]:
    with ExitStack() as stack:
        yield stack.enter_context(ThreadPoolExecutor(1)), stack.enter_context(ThreadPoolExecutor(1))


def known(transport: RequestsTransport) -> str:
    adapters = tuple(transport._adapters)
    behind_doors = (proxy or "" for adapter in adapters for _, proxy, _ in adapter._doors)
    return "".join((*(proxy for adapter in adapters for proxy in adapter.proxy_manager), *behind_doors))


def test_a_thread_holds_connections_by_a_bounded_number_of_proxies(bench: Bench) -> None:
    for password in range(MOST):
        bench.send(bench.route(password))
    bench.send(bench.route(0))
    assert bench.keeps(MOST)

    for password in range(MOST, MOST + 20):
        bench.send(bench.route(password))

    assert bench.keeps(MOST)
    passwords = known(bench.transport)
    assert "word-0@" in passwords, "it was used again"
    assert "word-1@" not in passwords


def test_each_thread_leaves_the_ways_that_are_not_in_use_at_its_next_call(
    bench: Bench, threads: tuple[ThreadPoolExecutor, ThreadPoolExecutor]
) -> None:
    old, new = bench.route("old"), bench.route("new")
    elsewhere, direct = Route(source_address="127.0.0.7"), Route()
    bench.transport.keep([old, elsewhere, direct])
    for thread in threads:
        for route in (old, elsewhere, direct):
            thread.submit(bench.send, route).result()
    assert bench.keeps(6)

    bench.transport.keep([new, direct])

    assert bench.keeps(6), "nobody has made a call"
    threads[0].submit(bench.send, new).result()
    assert bench.keeps(1 + 1 + 3)
    threads[1].submit(bench.send, direct).result()
    assert bench.keeps(1 + 1 + 1)
    assert "word-old@" not in known(bench.transport)


def test_a_way_that_stays_keeps_its_connection(bench: Bench) -> None:
    escaped = bench.route("a%2fb")  # is known as %2F
    routes = [bench.route("one"), escaped, Route(), Route(source_address="127.0.0.7")]
    for route in routes:
        bench.send(route)

    bench.transport.keep([*routes, bench.route("two")])
    for route in routes:
        bench.send(route)

    assert bench.proxy.connections == 4
    assert bench.keeps(4)


def test_a_call_that_is_late_for_a_way_already_left_leaves_nothing_for_good(bench: Bench) -> None:
    bench.transport.keep([Route()])
    bench.send(bench.route("late"))
    assert bench.keeps(1)

    bench.send(Route())

    assert bench.keeps(1)
    assert known(bench.transport) == ""


def test_without_a_word_about_the_ways_in_use_all_are_kept(bench: Bench) -> None:
    for route in (bench.route("one"), Route(), bench.route("two"), Route()):
        bench.send(route)
    assert bench.keeps(3)

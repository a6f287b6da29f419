"""Which connection a call goes out on: one that is kept and good, or a new one; never one with foreign bytes in it."""

from __future__ import annotations

import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from integration.bingx.loopback import Exchange, Peer, answer, call
from integration.bingx.test_transport import CLOCK, GOOD, SHORT, fails_in_time, failure, friendly
from support.clock import ManualClock
from support.processes import eventually

from exporter.bingx.adapter import IDLE_SECONDS
from exporter.bingx.errors import CallTimeout, ConnectionFailed
from exporter.bingx.transport import RequestsTransport, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    Start = Callable[..., Exchange]


def test_a_connection_is_kept_between_calls(exchange: Start, transport: RequestsTransport) -> None:
    server = exchange(friendly)
    for _ in range(3):
        transport.send(call(server.url))
    assert (server.connections, len(server.requests)) == (1, 3)


def test_after_a_close_the_next_call_opens_a_connection(exchange: Start, transport: RequestsTransport) -> None:
    server = exchange(friendly)
    for connections in (1, 2):
        assert transport.send(call(server.url)).body == GOOD
        assert server.connections == connections
        transport.close()


def test_what_comes_behind_an_answer_is_not_the_answer_to_the_next_call(
    exchange: Start, transport: RequestsTransport
) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(answer(GOOD) + (answer(b"of another account") if peer.number == 1 else b""))
        peer.hear()

    server = exchange(script)
    assert [transport.send(call(server.url)).body for _ in range(2)] == [GOOD, GOOD]
    assert server.connections == 2


def test_a_connection_is_not_used_again_if_the_answer_says_so(exchange: Start, transport: RequestsTransport) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(answer(GOOD, "Connection: close"))
        peer.hear()

    server = exchange(script)
    assert [transport.send(call(server.url)).body for _ in range(2)] == [GOOD, GOOD]
    assert server.connections == 2


def test_a_thread_takes_over_the_connection_that_another_has_done_with(
    exchange: Start, transport: RequestsTransport
) -> None:
    server = exchange(friendly)
    transport.send(call(server.url))
    other = threading.Thread(target=transport.send, args=(call(server.url),))
    other.start()
    other.join()
    assert (server.connections, len(server.requests)) == (1, 2)


def test_calls_at_once_have_a_connection_and_a_deadline_each(exchange: Start, transport: RequestsTransport) -> None:
    failed = threading.Event()

    def script(peer: Peer) -> None:
        peer.hear()
        if peer.number == 1:
            peer.drip(answer(GOOD), 0.05)  # so that it looks again and again at the time that is left
        else:
            failed.wait(5)
            peer.say(answer(GOOD))
        peer.hear()

    server = exchange(script)
    with ThreadPoolExecutor(2) as threads:
        short = threads.submit(fails_in_time, transport, call(server.url, timeout=SHORT))
        assert eventually(lambda: server.connections == 1, seconds=5, what="the first call is out")
        long = threads.submit(transport.send, call(server.url, timeout=5))
        short.result()
        failed.set()
        assert long.result().body == GOOD


def test_a_connection_that_was_idle_for_half_a_minute_serves_nobody(
    exchange: Start, plain_context: ssl.SSLContext
) -> None:
    over, clock = threading.Semaphore(0), ManualClock()

    def script(peer: Peer) -> None:
        friendly(peer)
        over.release()

    first, second = exchange(script), exchange(friendly)
    transport = RequestsTransport(clock, ssl_context=plain_context)
    transport.send(call(first.url))
    clock.advance(IDLE_SECONDS)
    transport.send(call(first.url))
    assert first.connections == 1

    clock.advance(IDLE_SECONDS + 1)
    transport.send(call(second.url))
    assert over.acquire(timeout=5), "whatever host is called"
    transport.send(call(first.url))
    assert first.connections == 2
    transport.close()


def two_idle(exchange: Start, transport: RequestsTransport, then: Callable[[Peer], object]) -> Exchange:
    """Leave two connections idle, on each of which the exchange does no more than `then`."""
    both = threading.Barrier(2)

    def script(peer: Peer) -> None:
        peer.hear()
        if peer.number <= 2:
            both.wait(5)
        peer.say(answer(GOOD))
        then(peer)

    server = exchange(script)
    with ThreadPoolExecutor(2) as threads:
        for sent in [threads.submit(transport.send, call(server.url)) for _ in range(2)]:
            sent.result()
    assert server.connections == 2
    return server


def test_what_was_idle_beside_a_connection_without_answer_is_not_tried(
    exchange: Start, transport: RequestsTransport
) -> None:
    server = two_idle(exchange, transport, Peer.wait)  # as behind a router that has forgotten
    assert isinstance(failure(transport, call(server.url, timeout=SHORT)), CallTimeout)
    assert transport.send(call(server.url)).body == GOOD
    assert server.connections == 3


def test_what_was_idle_beside_a_stale_connection_is_not_tried(exchange: Start, transport: RequestsTransport) -> None:
    server = two_idle(exchange, transport, Peer.hear)  # and then it hangs up without a word
    stale = failure(transport, call(server.url))
    assert isinstance(stale, ConnectionFailed)
    assert stale.stale
    assert transport.send(call(server.url)).body == GOOD
    assert server.connections == 3


def test_a_kept_connection_that_was_closed_meanwhile_is_told_as_stale_and_replaced_by_the_next_call(
    exchange: Start, transport: RequestsTransport
) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(answer(GOOD))
        if peer.number == 1:
            peer.hear()  # takes the second request and hangs up without a word

    server = exchange(script)
    assert transport.send(call(server.url)).body == GOOD
    stale = failure(transport, call(server.url))
    assert isinstance(stale, ConnectionFailed)
    assert stale.stale
    assert (server.connections, len(server.requests)) == (1, 2)
    assert transport.send(call(server.url)).body == GOOD
    assert (server.connections, len(server.requests)) == (2, 3)


def tls_within_tls(peer: Peer, context: ssl.SSLContext) -> None:
    """Be a proxy and the exchange behind it, who sends an answer too many with its first one."""
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    inner = context.wrap_bio(inward, outward, server_side=True)

    def until_done(step: Callable[[], object]) -> object:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                if outward.pending:
                    peer.say(outward.read())
                if not inward.write(peer.connection.recv(65536)):
                    raise ConnectionError from None

    peer.hear()
    peer.say(b"HTTP/1.1 200 OK\r\n\r\n")
    until_done(inner.do_handshake)
    number = 0
    while until_done(partial(inner.read, 65536)):
        number += 1
        inner.write(answer(b"own %d" % peer.number))
        if number == 1:
            inner.write(answer(b"nobody's"))
        peer.say(outward.read())


def test_an_answer_too_many_reaches_no_other_call_through_an_https_proxy(
    exchange: Start, server_context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    proxy = exchange(partial(tls_within_tls, context=server_context), server_context)
    transport = RequestsTransport(CLOCK, ssl_context=trusting)
    sent = call("https://127.0.0.1:9", route=Route(proxy=proxy.url))
    assert [transport.send(sent).body for _ in range(2)] == [b"own 1", b"own 2"]
    transport.close()

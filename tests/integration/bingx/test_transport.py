from __future__ import annotations

import gc
import gzip
import logging
import socket
import ssl
import struct
import threading
import traceback
import weakref
from typing import TYPE_CHECKING

import pytest
from integration.bingx.loopback import KEY, QUERY, Exchange, Peer, answer, call

from bench.ports import free_port
from exporter.bingx.endpoints import ENDPOINTS, Endpoint
from exporter.bingx.errors import (
    BingxError,
    CallTimeout,
    ConnectionFailed,
    InvalidKey,
    MalformedResponse,
    NameNotResolved,
    TlsFailed,
    TooLarge,
    Truncated,
)
from exporter.bingx.signing import signed_query
from exporter.bingx.transport import Call, Reply, RequestsTransport, Route
from exporter.clock import SystemClock
from exporter.model import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    Start = Callable[..., Exchange]

GOOD = b'{"code":0,"msg":"","data":[]}'
SHORT = 0.4
CLOCK = SystemClock()


def friendly(peer: Peer) -> None:
    while peer.hear():
        peer.say(answer(GOOD))


def failure(transport: RequestsTransport, wanted: Call) -> BingxError:
    with pytest.raises(BingxError) as raised:
        transport.send(wanted)
    assert raised.value.endpoint is wanted.endpoint
    return raised.value


def fails_in_time(transport: RequestsTransport, wanted: Call) -> BingxError:
    began = CLOCK.elapsed()
    error = failure(transport, wanted)
    assert CLOCK.elapsed() - began < wanted.timeout + 0.3
    return error


def test_a_failed_call_leaves_nothing_for_the_collector_of_garbage(transport: RequestsTransport) -> None:
    left: list[weakref.ref[BingxError]] = []
    gc.disable()
    try:
        for _ in range(2):
            try:
                transport.send(call(f"http://127.0.0.1:{free_port()}"))
            except ConnectionFailed as error:
                left.append(weakref.ref(error))
        assert [ref() for ref in left] == [None, None]
    finally:
        gc.enable()


def test_an_answer_comes_back_whole(exchange: Start, transport: RequestsTransport) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(answer(GOOD, "X-RateLimit-Requests-Remain: 4", status="503 Odd"))

    reply = transport.send(call(exchange(script).url))
    assert (reply.status, reply.body) == (503, GOOD)
    assert reply.headers["x-ratelimit-requests-remain"] == "4"
    assert reply.sent_at <= reply.answered_at <= CLOCK.elapsed()


def test_a_request_is_a_plain_get_with_the_key_in_its_header(exchange: Start, transport: RequestsTransport) -> None:
    server = exchange(friendly)
    transport.send(call(server.url))
    lines = server.requests[0].decode().split("\r\n")
    assert lines[0] == f"GET /openApi/swap/v3/user/balance?{QUERY} HTTP/1.1"
    assert f"X-BX-APIKEY: {KEY}" in lines
    assert not any(line.lower().startswith(("cookie", "authorization", "content-")) for line in lines)


def test_a_request_has_these_five_lines_and_no_other(exchange: Start, transport: RequestsTransport) -> None:
    server = exchange(friendly)
    transport.send(call(f"{server.url}/behind/"))
    assert server.requests[0].decode().split("\r\n") == [
        f"GET /behind/openApi/swap/v3/user/balance?{QUERY} HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "Accept-Encoding: gzip",
        "User-Agent: bingx-exporter",
        f"X-BX-APIKEY: {KEY}",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("http://Open.Test", "open.test"),
        ("http://open.test:80/", "open.test"),
        ("http://open.test.:8080", "open.test:8080"),
        ("http://user:word@open.test/a", "open.test"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://b\xfccher.test", "xn--bcher-kva.test"),
    ],
)
def test_a_proxy_is_told_the_whole_url_and_the_host_and_no_user(
    exchange: Start, transport: RequestsTransport, base_url: str, host: str
) -> None:
    proxy = exchange(friendly)
    route = Route(proxy=proxy.url.replace("//", "//user:pass@"))
    transport.send(call(base_url, route=route))
    first, *lines = proxy.requests[0].decode().split("\r\n")
    assert first.startswith("GET http://")
    assert first.endswith(f"/openApi/swap/v3/user/balance?{QUERY} HTTP/1.1")
    assert "word" not in first
    assert lines[0] == f"Host: {host}"
    assert "Proxy-Authorization: Basic dXNlcjpwYXNz" in lines


def test_only_the_seven_known_paths_can_leave(exchange: Start, transport: RequestsTransport) -> None:
    server = exchange(friendly)
    for endpoint in ENDPOINTS:
        transport.send(call(server.url, endpoint=endpoint))
    assert {request.split(b"?")[0].split(b" HTTP")[0].decode() for request in server.requests} == {
        "GET /openApi/swap/v3/user/balance",
        "GET /openApi/swap/v2/user/positions",
        "GET /openApi/swap/v2/user/income",
        "GET /openApi/swap/v2/user/income/export",
        "GET /openApi/swap/v2/user/commissionRate",
        "GET /openApi/v1/account/apiPermissions",
        "GET /openApi/swap/v2/server/time",
    }
    assert b"X-BX-APIKEY" not in server.requests[-1]  # the server's time is asked for by nobody


def test_what_was_signed_is_what_arrives(exchange: Start, transport: RequestsTransport) -> None:
    query = signed_query([("symbol", "MØTH-USDT"), ("note", "a b+c/d~%&=")], Secret("s"))
    server = exchange(friendly)
    transport.send(
        Call(endpoint=Endpoint.INCOME, query=query, base_url=server.url, api_key=Secret(KEY), route=Route(), timeout=2)
    )
    assert server.requests[0].split(b" ")[1].split(b"?")[1].decode() == query
    assert "M%C3%98TH-USDT&note=a%20b%2Bc%2Fd~%25%26%3D&signature=" in query


def test_a_call_is_not_repeated_once_an_answer_has_begun(exchange: Start, transport: RequestsTransport) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(answer(GOOD))
        peer.hear()
        peer.say(b"HTTP/1.1 200 OK\r\nContent-")
        reset(peer)

    server = exchange(script)
    transport.send(call(server.url))
    failure(transport, call(server.url))
    assert len(server.requests) == 2


def reset(peer: Peer) -> None:
    peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.connection.close()


def hang_up(peer: Peer) -> None:
    peer.hear()


def reset_at_once(peer: Peer) -> None:
    peer.hear()
    reset(peer)


@pytest.mark.parametrize("script", [hang_up, reset_at_once])
def test_a_fresh_connection_that_breaks_fails_at_once(
    exchange: Start, transport: RequestsTransport, script: Callable[[Peer], None]
) -> None:
    server = exchange(script)
    assert isinstance(failure(transport, call(server.url)), ConnectionFailed)
    assert server.connections == 1


def test_a_refused_connection_is_one(transport: RequestsTransport) -> None:
    error = failure(transport, call(f"http://127.0.0.1:{free_port()}"))
    assert isinstance(error, ConnectionFailed)
    assert "refused" in error.detail


def test_a_name_that_does_not_resolve_is_told_as_such(transport: RequestsTransport) -> None:
    assert isinstance(failure(transport, call("https://nosuch.invalid")), NameNotResolved)
    assert isinstance(failure(transport, call("https://" + "x" * 70 + ".invalid")), NameNotResolved)


def silent(peer: Peer) -> None:
    peer.hear()
    peer.wait()


def drips_its_headers(peer: Peer) -> None:
    peer.hear()
    peer.drip(answer(GOOD, "X-Long: " + "x" * 200), 0.05)


def drips_its_body(peer: Peer) -> None:
    peer.hear()
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    peer.drip(b"x" * 1000, 0.05)


def drips_its_chunks(peer: Peer) -> None:
    peer.hear()
    peer.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    peer.drip(b"1\r\nx\r\n" * 100, 0.02)


def drips_early_hints(peer: Peer) -> None:
    peer.hear()
    peer.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0.005)


@pytest.mark.parametrize("script", [silent, drips_its_headers, drips_its_body, drips_its_chunks, drips_early_hints])
def test_a_slow_answer_ends_at_the_total_timeout(
    exchange: Start, transport: RequestsTransport, script: Callable[[Peer], None]
) -> None:
    assert isinstance(fails_in_time(transport, call(exchange(script).url, timeout=SHORT)), CallTimeout)


def test_a_slow_answer_over_tls_ends_at_the_total_timeout(
    exchange: Start, server_context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    transport = RequestsTransport(CLOCK, ssl_context=trusting)
    for script in (drips_its_headers, drips_its_body):
        server = exchange(script, server_context)
        assert isinstance(fails_in_time(transport, call(server.url, timeout=SHORT)), CallTimeout)
    transport.close()


def test_a_handshake_that_never_ends_ends_at_the_total_timeout(exchange: Start, transport: RequestsTransport) -> None:
    def script(peer: Peer) -> None:
        peer.connection.recv(4096)
        peer.drip(b"\x16\x03\x03\x40\x00" + b"\x02" * 200, 0.05)

    server = exchange(script)
    url = server.url.replace("http:", "https:")
    assert isinstance(fails_in_time(transport, call(url, timeout=SHORT)), CallTimeout)


def test_a_connection_that_is_never_accepted_ends_at_the_total_timeout(transport: RequestsTransport) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert isinstance(fails_in_time(transport, call(url, timeout=SHORT)), CallTimeout)
        for filler in fillers:
            filler.close()


def test_an_address_that_does_not_answer_leaves_time_for_the_next_one(
    exchange: Start, transport: RequestsTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(answer(GOOD))

    server = exchange(script)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        addresses = [deaf.getsockname(), ("127.0.0.1", server.port)]
        monkeypatch.setattr("exporter.bingx.connection._addresses", lambda *_: addresses)

        assert transport.send(call(server.url, timeout=2.0)).body == GOOD

        for filler in fillers:
            filler.close()


def test_a_call_counts_as_sent_when_it_goes_out_and_not_while_its_host_is_looked_up(
    exchange: Start, transport: RequestsTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(answer(GOOD))

    server = exchange(script)

    def slow(host: str, port: int) -> list[tuple[str, int]]:
        threading.Event().wait(0.3)
        return [(host, port)]

    monkeypatch.setattr("exporter.bingx.connection._addresses", slow)
    began = CLOCK.elapsed()
    reply = transport.send(call(server.url))

    assert reply.sent_at - began >= 0.3
    assert reply.sent_at <= reply.answered_at


def test_tls_is_checked_against_the_trusted_authorities(
    exchange: Start, server_context: ssl.SSLContext, transport: RequestsTransport, trusting: ssl.SSLContext
) -> None:
    server = exchange(friendly, server_context)
    error = failure(transport, call(server.url))
    assert isinstance(error, TlsFailed)
    assert "unable to get local issuer certificate" in error.detail
    known = RequestsTransport(CLOCK, ssl_context=trusting)
    assert known.send(call(server.url)).body == GOOD
    known.close()


def test_a_certificate_of_another_host_is_refused(
    exchange: Start, server_context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    transport = RequestsTransport(CLOCK, ssl_context=trusting)
    url = exchange(friendly, server_context).url.replace("127.0.0.1", "localhost")
    assert isinstance(failure(transport, call(url)), TlsFailed)
    transport.close()


def test_no_tls_where_tls_is_expected_is_told_as_such(exchange: Start, transport: RequestsTransport) -> None:
    def script(peer: Peer) -> None:
        peer.connection.recv(4096)
        peer.say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        peer.wait()

    url = exchange(script).url.replace("http:", "https:")
    assert isinstance(failure(transport, call(url)), TlsFailed)


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + GOOD,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + GOOD[:5],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + GOOD[:5] + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n" + gzip.compress(GOOD, mtime=0)[:20],
    ],
)
def test_an_answer_cut_short_is_not_taken_for_whole(exchange: Start, transport: RequestsTransport, text: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(text)

    assert isinstance(failure(transport, call(exchange(script).url)), Truncated)


def test_a_cut_answer_over_tls_is_not_taken_for_whole(
    exchange: Start, server_context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + GOOD)

    transport = RequestsTransport(CLOCK, ssl_context=trusting)
    assert isinstance(failure(transport, call(exchange(script, server_context).url)), Truncated)
    transport.close()


@pytest.mark.parametrize(
    "text",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!",
    ],
)
def test_what_is_no_http_is_malformed(exchange: Start, transport: RequestsTransport, text: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(text)
        peer.wait()

    assert isinstance(failure(transport, call(exchange(script).url)), MalformedResponse)


@pytest.mark.parametrize("body", [b"", b"<html>maintenance</html>"])
def test_an_empty_or_html_body_is_handed_on_for_the_reader_to_judge(
    exchange: Start, transport: RequestsTransport, body: bytes
) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(answer(body))

    assert transport.send(call(exchange(script).url)).body == body


def test_a_compressed_answer_is_unpacked(exchange: Start, transport: RequestsTransport) -> None:
    def script(peer: Peer) -> None:
        while peer.hear():
            peer.say(answer(gzip.compress(GOOD * 1000, mtime=0), "Content-Encoding: gzip"))

    server = exchange(script)
    assert transport.send(call(server.url)).body == GOOD * 1000
    assert transport.send(call(server.url)).body == GOOD * 1000
    assert server.connections == 1


def endless(peer: Peer) -> None:
    peer.hear()
    peer.say(b"HTTP/1.1 200 OK\r\n\r\n")
    while not peer.exchange.over.is_set():
        peer.say(b"x" * 65536)


def bomb(peer: Peer) -> None:
    peer.hear()
    peer.say(answer(gzip.compress(b"0" * 200_000_000, 9, mtime=0), "Content-Encoding: gzip"))


def bombs_in_chain(peer: Peer) -> None:
    peer.hear()
    peer.say(answer(gzip.compress(gzip.compress(b"0" * 50_000_000, mtime=0)), "Content-Encoding: gzip, gzip"))


@pytest.mark.parametrize("script", [endless, bomb, bombs_in_chain])
def test_an_answer_without_end_is_left_at_the_bound(
    exchange: Start, transport: RequestsTransport, script: Callable[[Peer], None]
) -> None:
    error = failure(transport, call(exchange(script).url, timeout=10))
    assert isinstance(error, TooLarge)
    assert "1000000 bytes" in error.detail


def test_a_redirect_is_not_followed(exchange: Start, transport: RequestsTransport) -> None:
    elsewhere = exchange(friendly)

    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(answer(b"", f"Location: {elsewhere.url}/openApi/swap/v2/trade/order", status="302 Found"))

    assert transport.send(call(exchange(script).url)).status == 302
    assert elsewhere.requests == []


def test_the_environment_has_no_say(
    exchange: Start, transport: RequestsTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = exchange(friendly)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, elsewhere.url)
    server = exchange(friendly)
    transport.send(call(server.url))
    assert (len(server.requests), len(elsewhere.requests)) == (1, 0)


def test_a_cookie_is_not_sent_back(exchange: Start, transport: RequestsTransport) -> None:
    def script(peer: Peer) -> None:
        while peer.hear():
            peer.say(answer(GOOD, "Set-Cookie: mark=1; Path=/"))

    server = exchange(script)
    transport.send(call(server.url))
    transport.send(call(server.url))
    assert b"mark" not in server.requests[1]


def pipe(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(4096):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def tunnel(peer: Peer) -> None:
    head = peer.hear()
    host, _, port = head.split()[1].decode().partition(":")
    with socket.create_connection((host, int(port))) as inner:
        inner.settimeout(5)
        peer.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=pipe, args=(inner, peer.connection))
        back.start()
        pipe(peer.connection, inner)
        back.join()


def test_a_call_leaves_through_its_proxy(
    exchange: Start, server_context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    server = exchange(friendly, server_context)
    proxy = exchange(tunnel)
    transport = RequestsTransport(CLOCK, ssl_context=trusting)
    route = Route(proxy=proxy.url.replace("//", "//user:pass@"))
    for _ in range(2):
        assert transport.send(call(server.url, route=route)).body == GOOD
    assert proxy.requests[0].startswith(b"CONNECT 127.0.0.1:")
    assert b"Proxy-Authorization: Basic" in proxy.requests[0]
    assert (len(proxy.requests), len(server.requests)) == (1, 2)
    assert b"Proxy-Authorization" not in server.requests[0]
    transport.send(call(server.url))
    assert len(proxy.requests) == 1
    transport.close()


def test_a_proxy_that_refuses_is_a_failed_connection(exchange: Start, transport: RequestsTransport) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(answer(b"", status="407 Proxy Authentication Required"))

    route = Route(proxy=exchange(script).url)
    error = failure(transport, call("https://127.0.0.1:9", route=route))
    assert isinstance(error, ConnectionFailed)


def test_a_proxy_that_drips_ends_at_the_total_timeout(exchange: Start, transport: RequestsTransport) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.drip(b"HTTP/1.1 200 Connection established\r\nX: " + b"x" * 200, 0.05)

    route = Route(proxy=exchange(script).url)
    assert isinstance(fails_in_time(transport, call("https://127.0.0.1:9", route=route, timeout=SHORT)), CallTimeout)


def test_a_slow_proxy_and_a_slow_handshake_share_one_timeout(exchange: Start, transport: RequestsTransport) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.exchange.over.wait(0.7)
        peer.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
        peer.wait()

    route = Route(proxy=exchange(script).url)
    assert isinstance(fails_in_time(transport, call("https://127.0.0.1:9", route=route, timeout=0.8)), CallTimeout)


def test_a_proxy_of_another_kind_is_refused_rather_than_passed_by() -> None:
    with pytest.raises(ValueError, match="proxy"):
        Route(proxy="socks5://127.0.0.1:1080")


def test_a_call_leaves_from_its_source_address(exchange: Start, transport: RequestsTransport) -> None:
    seen: list[str] = []

    def script(peer: Peer) -> None:
        seen.append(peer.connection.getpeername()[0])
        friendly(peer)

    server = exchange(script)
    transport.send(call(server.url))
    transport.send(call(server.url, route=Route(source_address="127.0.0.7")))
    transport.send(call(server.url))
    assert seen == ["127.0.0.1", "127.0.0.7"]


@pytest.mark.parametrize("key", ["", " ", "ab\r\nX-Evil: 1", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_an_invalid_key(
    exchange: Start, transport: RequestsTransport, key: str
) -> None:
    wanted = Call(
        endpoint=Endpoint.BALANCE,
        query=QUERY,
        base_url=exchange(friendly).url,
        api_key=Secret(key),
        route=Route(),
        timeout=1,
    )
    assert isinstance(failure(transport, wanted), InvalidKey)


@pytest.mark.parametrize("base_url", ["nonsense", "ftp://127.0.0.1", "http://127.0.0.1:99999", "http://[::1"])
def test_a_base_url_that_is_none_fails_as_one_of_ours(transport: RequestsTransport, base_url: str) -> None:
    failure(transport, call(base_url))


def test_nothing_secret_is_in_an_error_its_traceback_or_a_log(
    exchange: Start, transport: RequestsTransport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    signature = QUERY.rpartition("=")[2]
    urls = [exchange(script).url for script in (hang_up, reset_at_once, silent, bomb)]
    for url in [*urls, "https://nosuch.invalid", "ftp://127.0.0.1"]:
        wanted = call(url, timeout=SHORT)
        error = failure(transport, wanted)
        chain = [error.__cause__, error.__context__]
        shown = "".join([*traceback.format_exception(error), str(error), repr(error), repr(wanted), caplog.text])
        assert signature not in shown
        assert KEY not in shown
        assert chain == [None, None]


def test_a_reply_does_not_show_its_body() -> None:
    assert "secret" not in repr(Reply(status=200, headers={}, body=b"secret", sent_at=0, answered_at=0))

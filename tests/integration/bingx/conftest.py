from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme
from integration.bingx.loopback import Exchange, Peer

from exporter.bingx.transport import RequestsTransport
from exporter.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def exchange() -> Iterator[Callable[..., Exchange]]:
    """Start servers that end with the test."""
    started: list[Exchange] = []

    def start(script: Callable[[Peer], None], context: ssl.SSLContext | None = None) -> Exchange:
        started.append(Exchange(script, context))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="session")
def plain_context() -> ssl.SSLContext:
    return ssl.create_default_context()


@pytest.fixture
def transport(plain_context: ssl.SSLContext) -> Iterator[RequestsTransport]:
    transport = RequestsTransport(SystemClock(), max_body=1_000_000, ssl_context=plain_context)
    yield transport
    transport.close()

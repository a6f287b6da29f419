from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from integration.web.peers import Crowd, site, started

from exporter.web.server import WebServer

PAGE = b'bingx_up{account="main"} 1\n' * 4_000


@pytest.fixture
def page() -> bytes:
    return PAGE


@pytest.fixture
def exporter(page: bytes) -> Iterator[WebServer]:
    server = started(site(lambda: page))
    yield server
    server.stop(2)


@pytest.fixture
def crowd(exporter: WebServer) -> Iterator[Crowd]:
    crowd = Crowd(exporter.urls[0])
    yield crowd
    crowd.disperse()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def pem(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """What a client needs to speak to it."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context

from __future__ import annotations

from collections.abc import Iterator

import pytest
from integration.web.peers import Crowd, started

from exporter.web.server import WebServer

PAGE = b'bingx_up{account="main"} 1\n' * 4_000


@pytest.fixture
def page() -> bytes:
    return PAGE


@pytest.fixture
def exporter(page: bytes) -> Iterator[WebServer]:
    server = started(lambda: page)
    yield server
    server.stop(2)


@pytest.fixture
def crowd(exporter: WebServer) -> Iterator[Crowd]:
    crowd = Crowd(exporter)
    yield crowd
    crowd.disperse()

"""Those who connect to the exporter's port: one who scrapes and reads what comes, and one without manners.

Owns requests and pages as they come over the wire, strictly read. Must not know what a page ought to say.
"""

from __future__ import annotations

import gzip
import socket
import struct
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from support.exposition import Series, samples

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from prometheus_client.metrics_core import Metric

    from exporter.clock import Clock

SCRAPE_TIMEOUT_SECONDS: Final = 10.0
_OPENMETRICS: Final = "application/openmetrics-text"
_ACCEPTED: Final = (
    "text/plain;version=0.0.4",
    f"{_OPENMETRICS};version=1.0.0",
    f"{_OPENMETRICS};version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.3",
    "*/*",
)
_ENCODINGS: Final = ("gzip", "identity")
_COUNTING: Final = frozenset({"counter", "histogram", "summary"})
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_MOST_IDLE: Final = 20


class BadPageError(Exception):
    """A page of metrics that does not come, or cannot be read; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of metrics: when it was asked for, how long it took, every sample, and which of them only count up."""

    asked_at: datetime
    seconds: float
    samples: Mapping[Series, float]
    counters: frozenset[Series]


def scrape(url: str, clock: Clock, chance: random.Random) -> Page:
    """Scrape in a format by chance; raises `BadPageError` if no page comes that a strict parser reads."""
    asked_at, began = clock.now(), clock.elapsed()
    wanted = {"Accept": chance.choice(_ACCEPTED), "Accept-Encoding": chance.choice(_ENCODINGS)}
    try:
        status, headers, body = fetch(f"{url}/metrics", wanted)
        if status != 200:
            message = f"status {status}"
            raise BadPageError(message)
        seconds = clock.elapsed() - began
        text = (gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body).decode()
        found = _families(text, headers["content-type"])
        return Page(asked_at=asked_at, seconds=seconds, samples=samples(found), counters=_counters(found.values()))
    except (AssertionError, ValueError, LookupError, EOFError, OSError, HTTPException) as error:
        message = f"{type(error).__name__}: {error}"
        raise BadPageError(message) from error


def fetch(url: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
    """Return status, headers (names in lower case) and body; raises `OSError` and `HTTPException`."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=SCRAPE_TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def _families(text: str, content_type: str) -> dict[str, Metric]:
    """Read strictly; raises `ValueError`, also for a family that stands there twice."""
    if content_type.startswith(_OPENMETRICS):
        found = list(openmetrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]  # the library's
    else:
        found = list(text_string_to_metric_families(text))
    by_name = {family.name: family for family in found}
    if len(by_name) < len(found):
        message = "a family stands there twice"
        raise ValueError(message)
    return by_name


def _counters(families: Iterable[Metric]) -> frozenset[Series]:
    return frozenset(
        (one.name, frozenset(one.labels.items()))
        for family in families
        if family.type in _COUNTING
        for one in family.samples
        if not one.name.endswith("_created")
    )


class Lout:
    """Connects and breaks off, asks half a question, talks nonsense, or stays and says nothing."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._idle: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave(0)

    def bother(self, url: str) -> None:
        """Misbehave once, in a way by chance; what the exporter does about it is its affair."""
        parts = urlsplit(url)
        try:
            peer = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=SCRAPE_TIMEOUT_SECONDS)
        except OSError:
            return
        way = self._chance.choice((self._abort, self._half, self._nonsense, self._stay))
        try:
            way(peer)
        except OSError:
            peer.close()

    @staticmethod
    def _abort(peer: socket.socket) -> None:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n")
        peer.recv(100)
        peer.close()

    @staticmethod
    def _half(peer: socket.socket) -> None:
        peer.sendall(b"GET /metr")
        peer.close()

    def _nonsense(self, peer: socket.socket) -> None:
        peer.sendall(self._chance.randbytes(self._chance.randrange(1, 5000)) + b"\r\n\r\n")
        peer.recv(1000)
        peer.close()

    def _stay(self, peer: socket.socket) -> None:
        self._idle.append(peer)
        self._leave(_MOST_IDLE)

    def _leave(self, remaining: int) -> None:
        while len(self._idle) > remaining:
            self._idle.pop(0).close()

"""A server that shows a page, and how to ask it.

Owns the handle, the wait until it answers, and a client that reads whole answers over one kept connection.
"""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bench.processes import cpu_seconds, resident_mib

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE_SECONDS: Final = 120.0
_LOOK_AGAIN_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A process that answers at `url`; it held `empty_mib` before it had the page."""

    url: str
    pid: int
    empty_mib: float

    @property
    def resident_mib(self) -> float:
        """What it holds now."""
        return resident(self.pid)

    def cpu_of(self, act: Callable[[], object]) -> float:
        """Return the CPU seconds that the process spends while `act` runs."""
        before = cpu_seconds(self.pid)
        act()
        return cpu_seconds(self.pid) - before


def resident(pid: int) -> float:
    """Return the MiB of memory that a process holds."""
    return resident_mib(Path(f"/proc/{pid}/status").read_text())


class Scraper:
    """Asks for a page as Prometheus does; the connection is kept where the server keeps it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._path = parts.path
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE_SECONDS)

    def scrape(self, *, gzip: bool) -> bytes:
        """Return the body as it came; raises `RuntimeError` for a bad status, or an encoding that was not asked for."""
        headers = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "gzip" if gzip else "identity"}
        self._connection.request("GET", self._path, headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200 or (answer.headers["Content-Encoding"] == "gzip") is not gzip:
            message = f"{self._path} answers {answer.status} {answer.headers}"
            raise RuntimeError(message)
        return body

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def scrape_times(url: str, seconds: float, *, gzip: bool, every: float) -> list[float]:
    """Scrape a page every so many seconds, or as often as it answers if that is less; return the seconds each took."""
    scraper, took, still = Scraper(url), list[float](), Event()
    scraper.scrape(gzip=gzip)  # builds what is kept for the next ones
    ends = time.perf_counter() + seconds
    while (began := time.perf_counter()) < ends:
        scraper.scrape(gzip=gzip)
        took.append(time.perf_counter() - began)
        still.wait(max(every - took[-1], 0.0))
    scraper.close()
    return took


def unpacked(body: bytes) -> bytes:
    """Return what one gzip member holds; raises `RuntimeError` if there is more, or less."""
    reader = zlib.decompressobj(wbits=31)
    page = reader.decompress(body)
    if not reader.eof or reader.unused_data:
        message = "this is not one whole gzip member"
        raise RuntimeError(message)
    return page


def await_answer(url: str) -> None:
    """Wait until a server answers with any status; raises `TimeoutError` if it does not."""
    ends = time.perf_counter() + _PATIENCE_SECONDS
    while not _answers(url):
        if time.perf_counter() > ends:
            message = f"nothing answers at {url}"
            raise TimeoutError(message)
        Event().wait(_LOOK_AGAIN_SECONDS)


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", parts.path)
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True

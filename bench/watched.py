"""An exporter at work, watched from outside: how many calls it makes, and what they cost it.

Owns the changes to the usual configuration that a benchmark asks for, and the look at one stretch of time.
"""

from __future__ import annotations

import re
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from threading import Event
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import yaml

from bench.ports import free_port
from bench.processes import COMMAND, Setting, cpu_seconds, program
from bench.references.server import resident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_PATIENCE_SECONDS: Final = 300.0
_LOOK_AGAIN_SECONDS: Final = 0.05
_CALLS: Final = re.compile(r'^bingx_api_requests_total\{endpoint="(\w+)"\} (\S+)$', re.MULTILINE)
_FAILURES: Final = re.compile(r"^bingx_collector_failures_total\{.*\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What happened in some seconds: CPU seconds spent, and calls by endpoint."""

    cpu: float
    calls: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Watched:
    """An exporter whose collectors have all tried once."""

    url: str
    pid: int

    @property
    def resident_mib(self) -> float:
        """What it holds now."""
        return resident(self.pid)

    def watch(self, seconds: float) -> Stretch:
        """Look on for a while; raises `RuntimeError` if a poll has failed by then."""
        calls, cpu = self._calls(), cpu_seconds(self.pid)
        Event().wait(seconds)
        spent = cpu_seconds(self.pid) - cpu
        return Stretch(cpu=spent, calls={name: count - calls.get(name, 0) for name, count in self._calls().items()})

    def _calls(self) -> dict[str, float]:
        page = _get(f"{self.url}/metrics")[1]
        if any(float(count) for count in _FAILURES.findall(page)):
            message = f"polls fail: {[line for line in page.splitlines() if 'failures_total{' in line][:5]}"
            raise RuntimeError(message)
        return {name: float(count) for name, count in _CALLS.findall(page)}


def adjusted(
    setting: Setting,
    collectors: Mapping[str, Mapping[str, object]],
    way_of: Callable[[int], Mapping[str, str]] | None = None,
) -> Setting:
    """Change the collectors of all accounts, and the way out of each by its number; returns the same setting."""
    document: dict[str, Any] = yaml.safe_load(setting.path.read_text())
    known = document["defaults"]["collectors"]
    for name, changes in collectors.items():
        known[name] = {**known.get(name, {}), **changes}
    if way_of is not None:
        for number, account in enumerate(document["accounts"]):
            account.update(way_of(number))
    setting.path.write_text(yaml.safe_dump(document))
    return setting


@contextmanager
def watched(setting: Setting) -> Iterator[Watched]:
    """Run `bingx-exporter` until the end of the block, which begins when it says that it is ready."""
    with begun(setting, (COMMAND,)) as (url, process):
        yield Watched(url, process.pid)


@contextmanager
def begun(
    setting: Setting,
    command: Sequence[str | Path],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run an exporter by a command of its own until the end of the block, which begins when it says that it is ready.

    Raises `RuntimeError` if it never does.
    """
    address = f"127.0.0.1:{free_port()}"
    flags = (f"--config.file={setting.path}", f"--web.listen-address={address}")
    with (
        (setting.path.parent / "log").open("wb") as log,
        program((*command, *flags), stdin=stdin, stdout=stdout, stderr=log, environ=setting.environ) as it,
    ):
        ends = time.perf_counter() + _PATIENCE_SECONDS
        while not _is_ready(f"http://{address}/-/ready"):
            if it.poll() is not None or time.perf_counter() > ends:
                message = f"it is not ready: {(setting.path.parent / 'log').read_text()[-2000:]}"
                raise RuntimeError(message)
            Event().wait(_LOOK_AGAIN_SECONDS)
        yield f"http://{address}", it


def _is_ready(url: str) -> bool:
    try:
        return _get(url)[0] == 200
    except ConnectionRefusedError:
        return False


def _get(url: str) -> tuple[int, str]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()

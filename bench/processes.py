"""Programs that are measured from outside: the exchange, the exporter, a bare interpreter.

Owns their start, their end, and what the system says of them. Everything runs on loopback and is gone at the end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import yaml

from bench.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

COMMAND: Final = Path(sys.executable).parent / "bingx-exporter"
IMPORTS: Final = "import requests, prometheus_client"
_ROOT: Final = Path(__file__).resolve().parent.parent
_GAUGES: Final = ("bingx_account_equity", "bingx_position_mark_price", "bingx_commission_rate")
_INCOME: Final = "bingx_income_complete"
_AS_PROMETHEUS: Final = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
_PATIENCE_SECONDS: Final = 60.0
_LOOK_AGAIN_SECONDS: Final = 0.02  # often enough to measure by, and too seldom to be what is measured
_FAREWELL_SECONDS: Final = 10.0
_CPU_CLOCK: Final = 2


@dataclass(frozen=True, slots=True)
class Exchange:
    """A simulated exchange in a process of its own, and the keys to it."""

    url: str
    accounts: tuple[Mapping[str, str], ...]

    def tell(self, call: str, **body: object) -> Any:  # noqa: ANN401 - JSON
        """Make a control call."""
        status, answer = _ask("POST", f"{self.url}/_sim/{call}", json.dumps(body))
        if status != 200:
            message = f"the simulated exchange refuses {call}: {answer}"
            raise RuntimeError(message)
        return json.loads(answer)


@contextmanager
def exchange(**options: object) -> Iterator[Exchange]:
    """Run `bingx-exporter simulate` with those options; every account may read its income."""
    with program([COMMAND, "simulate", "--log.level=error"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().rpartition(" ")[2].strip()
        if not url:
            message = "the simulated exchange did not start"
            raise RuntimeError(message)
        accounts = Exchange(url, ()).tell("reset", **options)["accounts"]
        running = Exchange(url, tuple(accounts))
        for account in accounts:
            running.tell("rights", account=account["name"], read=True, trade=True)
        yield running


@dataclass(frozen=True, slots=True)
class Setting:
    """A configuration file, and the environment with the keys that it names."""

    path: Path
    environ: Mapping[str, str]
    names: tuple[str, ...]


def configuration(running: Exchange, folder: Path, *, accounts: int) -> Setting:
    """Write a configuration of the exchange's first accounts, all defaults but a single day of income history."""
    chosen = running.accounts[:accounts]
    document = {
        "ledger": {"url": f"sqlite:///{folder / 'ledger.db'}"},
        "defaults": {"collectors": {"income": {"since": "1d"}}},
        "accounts": [
            {
                "name": account["name"],
                "api_key": "${" + f"KEY_{number}" + "}",
                "api_secret": "${" + f"SECRET_{number}" + "}",
                "base_url": running.url,
            }
            for number, account in enumerate(chosen)
        ],
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document))
    environ = {f"KEY_{number}": account["api_key"] for number, account in enumerate(chosen)}
    environ |= {f"SECRET_{number}": account["api_secret"] for number, account in enumerate(chosen)}
    return Setting(path, environ, tuple(account["name"] for account in chosen))


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """An exporter that runs; seconds from its start to the first page with all gauges, and to one with the income."""

    pid: int
    gauges_after: float
    income_after: float


@contextmanager
def exporter(setting: Setting, *, complete: bool = True, patience: float = _PATIENCE_SECONDS) -> Iterator[Started]:
    """Run `bingx-exporter` until it is ready and its first complete page has been read.

    Not `complete`, the page is read as soon as every collector has tried. Either takes at most `patience` seconds.
    """
    address = f"127.0.0.1:{free_port()}"
    command: list[str | Path] = [COMMAND, f"--config.file={setting.path}", f"--web.listen-address={address}"]
    names = setting.names if complete else ()
    began = time.perf_counter()
    ends = began + patience
    with (setting.path.parent / "log").open("wb") as log, program(command, stderr=log, environ=setting.environ) as it:
        gauges = _await(it, setting, lambda: _shows(f"http://{address}", names, _GAUGES), ends)
        income = _await(it, setting, lambda: _is_complete(f"http://{address}", names), ends)
        yield Started(pid=it.pid, gauges_after=gauges - began, income_after=income - began)


def _await(process: subprocess.Popen[bytes], setting: Setting, is_there: Callable[[], bool], ends: float) -> float:
    while not is_there():
        if process.poll() is not None or time.perf_counter() > ends:
            message = f"no complete page: {(setting.path.parent / 'log').read_text()[-2000:]}"
            raise RuntimeError(message)
        Event().wait(_LOOK_AGAIN_SECONDS)
    return time.perf_counter()


def _is_complete(url: str, names: Sequence[str]) -> bool:
    return _ask("GET", f"{url}/-/ready")[0] == 200 and _shows(url, names, (*_GAUGES, _INCOME))


def _shows(url: str, names: Sequence[str], families: Sequence[str]) -> bool:
    try:
        page = _ask("GET", f"{url}/metrics", accept=_AS_PROMETHEUS)[1]
    except ConnectionRefusedError:
        return False
    return all(f'{family}{{account="{name}"' in page for name in names for family in families)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that all threads of a living process have used, on the clock that Linux keeps of it."""
    return time.clock_gettime(~pid << 3 | _CPU_CLOCK)


def resident_mib(status: str) -> float:
    """Return the resident memory that a text of /proc/PID/status names."""
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kib) / 1024


def _ask(method: str, url: str, body: str | None = None, *, accept: str = "*/*") -> tuple[int, str]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request(method, parts.path, body, {"Accept": accept})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@contextmanager
def program(
    command: Sequence[str | Path],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stderr: Any = None,  # noqa: ANN401 - whatever Popen takes
    environ: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program from the root of the tree until the end of the block."""
    environment = {**os.environ, **(environ or {})}
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, env=environment, cwd=_ROOT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for end in (process.stdin, process.stdout):
            if end is not None:
                end.close()

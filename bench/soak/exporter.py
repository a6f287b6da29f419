"""The exporter that is soaked: the installed command in a process of its own, and what the system says of it.

Owns its configuration, start, signals and end. Linux only.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from dataclasses import dataclass
from itertools import cycle
from threading import Event
from typing import TYPE_CHECKING, Final

import yaml

from bench.processes import COMMAND, Exchange, cpu_seconds, resident_mib

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from exporter.clock import Clock

_PATIENCE_SECONDS: Final = 60.0
_LOOK_AGAIN_SECONDS: Final = 0.05
_FAREWELL_SECONDS: Final = 10.0
_MIB: Final = 1 << 20
_TRACEBACK: Final = re.compile("Traceback")
_FEE_SECONDS: Final = (4.0, 3.95)
"""The intervals that an account's fee rates have by turns: so near each other that no age is good by one alone."""

_EXCERPT: Final = 200
_DEFAULTS: Final[Mapping[str, object]] = {
    "timeout": "2s",
    "collectors": {
        "balance": {"interval": "2s"},
        "positions": {"interval": "1s"},
        "income": {"interval": "2s", "since": "60d", "initial_zero": "5s"},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A reload that was asked for: when, and the interval of the fee rates that each account has in the new file."""

    at: datetime
    fee_seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """How the process is, so many seconds after the soak began."""

    at_seconds: float
    resident_mib: float
    threads: int
    descriptors: int
    cpu_seconds: float
    ledger_mib: float


class Exporter:
    """A running exporter; every start is a new process on a port of its own, with the same ledger."""

    def __init__(self, exchange: Exchange, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._exchange = exchange
        self._fee_seconds = {account["name"]: _FEE_SECONDS[0] for account in exchange.accounts}
        self._turns = cycle(self._fee_seconds)
        self._config = folder / "config.yaml"
        self._environ = _written(self._config, exchange, self._fee_seconds)
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.order: Order | None = None

    def start(self) -> None:
        """Start it and wait until it listens; raises `RuntimeError` if it does not."""
        self._starts += 1
        command: list[str | Path] = [COMMAND, f"--config.file={self._config}", "--web.listen-address=127.0.0.1:0"]
        with self._log_path.open("wb") as log:
            environ = {**os.environ, **self._environ}
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, env=environ)
        self.url = self._listening()

    def order_reload(self) -> None:
        """Give the next account another interval for its fee rates, and send a SIGHUP; `order` is what to expect."""
        name = next(self._turns)
        first, second = _FEE_SECONDS
        self._fee_seconds[name] = second if self._fee_seconds[name] == first else first
        fresh = self._config.with_suffix(".new")
        _written(fresh, self._exchange, self._fee_seconds)
        fresh.rename(self._config)
        self.order = Order(at=self._clock.now(), fee_seconds=dict(self._fee_seconds))
        self.hang_up()

    def hang_up(self) -> None:
        """Send it a SIGHUP."""
        self._running.send_signal(signal.SIGHUP)

    def end(self) -> tuple[int, float]:
        """Ask it to end, and return exit code and seconds; killed, and so a code below 0, if it does not."""
        began = self._clock.elapsed()
        self._running.terminate()
        try:
            code = self._running.wait(_FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            self._running.kill()
            code = self._running.wait()
        return code, self._clock.elapsed() - began

    def close(self) -> None:
        """Leave no process behind, whatever has happened."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def alive(self) -> bool:
        """Tell whether it has not ended by itself."""
        return self._running.poll() is None

    def tracebacks(self) -> list[str]:
        """Return how every line goes that has a traceback in it, in what all starts have logged."""
        texts = [path.read_text(errors="replace") for path in sorted(self._folder.glob("log-*"))]
        return [_excerpt(text, found.start()) for text in texts for found in _TRACEBACK.finditer(text)]

    def vitals(self, *, at_seconds: float) -> Vitals:
        """Ask the system how it is; raises `OSError` if it is no more."""
        process = f"/proc/{self._running.pid}"
        with open(f"{process}/status", encoding="utf-8") as file:  # noqa: PTH123 - no path, a window into the kernel
            status = file.read()
        threads = next(line.split()[1] for line in status.splitlines() if line.startswith("Threads:"))
        return Vitals(
            at_seconds=at_seconds,
            resident_mib=resident_mib(status),
            threads=int(threads),
            descriptors=len(os.listdir(f"{process}/fd")),  # noqa: PTH208 - the same
            cpu_seconds=cpu_seconds(self._running.pid),
            ledger_mib=sum(path.stat().st_size for path in self._folder.glob("ledger.db*")) / _MIB,
        )

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            message = "the exporter was never started"
            raise RuntimeError(message)
        return self._process

    @property
    def _log_path(self) -> Path:
        return self._folder / f"log-{self._starts}"

    def _listening(self) -> str:
        ends = self._clock.elapsed() + _PATIENCE_SECONDS
        while self.alive() and self._clock.elapsed() < ends:
            for line in self._log_path.read_text().splitlines():
                if 'msg="Listening on"' in line:
                    return line.rpartition("url=")[2].removesuffix("/metrics")
            Event().wait(_LOOK_AGAIN_SECONDS)
        message = f"the exporter does not listen: {self._log_path.read_text()[-2000:]}"
        raise RuntimeError(message)


def _excerpt(text: str, at: int) -> str:
    """Return the line before a traceback at `at`, or how the traceback itself goes on if it begins the line."""
    return text[:at].rpartition("\n")[2] or text[at : at + _EXCERPT]


def _written(path: Path, exchange: Exchange, fee_seconds: Mapping[str, float]) -> dict[str, str]:
    """Write a configuration of all accounts, and return the environment with the keys that it names."""
    environ: dict[str, str] = {}
    accounts = []
    for number, account in enumerate(exchange.accounts):
        environ |= {f"KEY_{number}": account["api_key"], f"SECRET_{number}": account["api_secret"]}
        keys = {"api_key": "${" + f"KEY_{number}" + "}", "api_secret": "${" + f"SECRET_{number}" + "}"}
        interval = f"{1000 * fee_seconds[account['name']]:.0f}ms"
        collectors = {"commission_rate": {"interval": interval}}
        accounts.append({"name": account["name"], "base_url": exchange.url, **keys, "collectors": collectors})
    document = {
        "ledger": {"url": f"sqlite:///{path.parent / 'ledger.db'}"},
        "defaults": dict(_DEFAULTS),
        "accounts": accounts,
    }
    path.write_text(yaml.safe_dump(document))
    return environ

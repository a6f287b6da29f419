"""How much memory the exporter holds once its pages are complete, beside an interpreter that only imports.

Owns nothing else: the processes are those of `processes`, and what speaks TLS for the exchange is `tls`.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from bench.measure import Benchmark, Case
from bench.processes import IMPORTS, configuration, exchange, exporter, resident_mib
from bench.tls import secured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.processes import Exchange

_POSITIONS: Final = 20
_MANY: Final = 50
_VERY_MANY: Final = 1000
_PATIENCE_SECONDS: Final = 600.0
_REFERENCE: Final = f"an interpreter after `{IMPORTS}`"
_STATUS: Final = "print(open('/proc/self/status').read())"


@contextmanager
def _cases() -> Iterator[tuple[Case, ...]]:
    with _exchange(accounts=_MANY) as few, secured(few) as (secure, trust):
        resident = partial(_exporter, few, secure, trust)
        yield (
            Case(name=_REFERENCE, cost=_imports),
            Case(name=f"1 account of {_POSITIONS} positions", cost=partial(resident, accounts=1), beside=_REFERENCE),
            Case(name=f"{_MANY} accounts", cost=partial(resident, accounts=_MANY), beside=_REFERENCE),
            Case(name=f"{_VERY_MANY} accounts, measured once", cost=cache(_very_many), beside=_REFERENCE),
        )


_exchange = partial(exchange, positions=_POSITIONS, history_days=1, funding_interval=0, trade_interval=0)


def _exporter(running: Exchange, secure: Exchange, trust: Mapping[str, str], *, accounts: int) -> tuple[float]:
    running.tell("limits")  # forgets the calls of the exporter before
    with TemporaryDirectory(prefix="bingx-exporter-bench-") as folder:
        setting = configuration(secure, Path(folder), accounts=accounts)
        with exporter(replace(setting, environ={**setting.environ, **trust})) as started:
            return (_resident(started.pid),)


def _very_many() -> tuple[float]:
    """Wait only until all collectors have tried: the limits of the exchange do not let all pages be fresh at once."""
    with (
        TemporaryDirectory(prefix="bingx-exporter-bench-") as folder,
        _exchange(accounts=_VERY_MANY) as running,
        secured(running) as (secure, trust),
    ):
        setting = configuration(secure, Path(folder), accounts=_VERY_MANY)
        setting = replace(setting, environ={**setting.environ, **trust})
        with exporter(setting, complete=False, patience=_PATIENCE_SECONDS) as started:
            return (_resident(started.pid),)


def _resident(pid: int) -> float:
    return resident_mib(Path(f"/proc/{pid}/status").read_text())


def _imports() -> tuple[float]:
    command = [sys.executable, "-c", f"{IMPORTS}\n{_STATUS}"]
    return (resident_mib(subprocess.run(command, check=True, capture_output=True, text=True).stdout),)


BENCHMARK: Final = Benchmark(
    name="footprint",
    title="Footprint",
    text="""\
Resident memory (`VmRSS`) when the pages of all accounts are complete and have been scraped once, in OpenMetrics as by
Prometheus; the calls to the exchange go over TLS. The income history is one day; the ledger keeps entries on disk and
only totals in memory.""",
    quantities=("resident, MiB",),
    cases=_cases,
)

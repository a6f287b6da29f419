"""How long the exporter takes from its start to the first complete page, beside an interpreter that only imports.

Owns nothing else: the processes are those of `processes`.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from bench.measure import UNKNOWN, Benchmark, Case
from bench.processes import IMPORTS, Exchange, configuration, cpu_seconds, exchange, exporter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MANY: Final = 50
_REFERENCE: Final = f'`python -c "{IMPORTS}"`, to its end'


@contextmanager
def _cases() -> Iterator[tuple[Case, ...]]:
    with (
        TemporaryDirectory(prefix="bingx-exporter-bench-") as bytecode,
        exchange(accounts=_MANY, history_days=1, funding_interval=0, trade_interval=0) as running,
    ):
        # As it is installed: what is imported has been compiled, here in the round that does not count.
        environ = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
        first_page = partial(_first_page, running, environ)
        yield (
            Case(name=_REFERENCE, cost=partial(_imports, environ)),
            Case(name="1 account", cost=partial(first_page, accounts=1), beside=_REFERENCE),
            Case(name=f"{_MANY} accounts", cost=partial(first_page, accounts=_MANY), beside=_REFERENCE),
        )


def _first_page(running: Exchange, environ: Mapping[str, str], *, accounts: int) -> tuple[float, ...]:
    running.tell("limits")  # forgets the calls of the exporter before
    with ExitStack() as parts:
        folder = Path(parts.enter_context(TemporaryDirectory(prefix="bingx-exporter-bench-")))
        setting = configuration(running, folder, accounts=accounts)
        setting = replace(setting, environ={**setting.environ, **environ})
        started = parts.enter_context(exporter(setting))
        return cpu_seconds(started.pid), started.gauges_after, started.income_after


def _imports(environ: Mapping[str, str]) -> tuple[float, ...]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True, env={**os.environ, **environ})
    ended, after = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, ended - began, UNKNOWN


BENCHMARK: Final = Benchmark(
    name="start",
    title="Start",
    text="""\
From the start of the command `bingx-exporter` until a page with the gauges of all accounts has been read, and until it
is ready and one with their income has been read as well; the CPU time is that of all of it. The ledger is new, and
holds one day of income; five positions an account. The limits of the exchange are in force, and its answers take no
time on the way.""",
    quantities=("CPU, s", "gauges, s", "income, s"),
    cases=_cases,
)

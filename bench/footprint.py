"""How much memory the exporter holds once its pages are complete, beside an interpreter that only imports.

Owns nothing else: the processes are those of `processes`.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from bench.measure import Benchmark, Case
from bench.processes import IMPORTS, Exchange, configuration, exchange, exporter, resident_mib

if TYPE_CHECKING:
    from collections.abc import Iterator

_ACCOUNTS: Final = 50
_REFERENCE: Final = f"an interpreter after `{IMPORTS}`"
_STATUS: Final = "print(open('/proc/self/status').read())"


@contextmanager
def _cases() -> Iterator[tuple[Case, ...]]:
    with _exchange(positions=5) as few, _exchange(positions=20) as many:
        yield (
            Case(name=_REFERENCE, cost=_imports),
            Case(name="50 accounts with 5 positions each", cost=partial(_exporter, few), beside=_REFERENCE),
            Case(name="50 accounts with 20 positions each", cost=partial(_exporter, many), beside=_REFERENCE),
        )


_exchange = partial(exchange, accounts=_ACCOUNTS, history_days=1, funding_interval=0, trade_interval=0)


def _exporter(running: Exchange) -> tuple[float]:
    running.tell("limits")  # forgets the calls of the exporter before
    with TemporaryDirectory(prefix="bingx-exporter-bench-") as folder:
        setting = configuration(running, Path(folder), accounts=_ACCOUNTS)
        with exporter(setting) as pid:
            return (resident_mib(Path(f"/proc/{pid}/status").read_text()),)


def _imports() -> tuple[float]:
    command = [sys.executable, "-c", f"{IMPORTS}\n{_STATUS}"]
    return (resident_mib(subprocess.run(command, check=True, capture_output=True, text=True).stdout),)


BENCHMARK: Final = Benchmark(
    name="footprint",
    title="Footprint",
    text="""\
Resident memory (`VmRSS`) when the pages of all accounts are complete and have been scraped once. The income history is
one day; the ledger keeps entries on disk and only totals in memory.""",
    quantities=("resident, MiB",),
    cases=_cases,
)

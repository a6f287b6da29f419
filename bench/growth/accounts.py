"""What an account costs where there are many.

Owns exporters with more and more accounts, watched from outside; they leave from as many addresses as the limits ask.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from bench.growth import sizes
from bench.measure import UNKNOWN, Benchmark, Case
from bench.processes import Exchange, configuration, exchange
from bench.watched import adjusted, watched

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTERVALS: Final = {1: "1s", 10: "1s", 100: "3s", 1000: "30s"}
_PER_ADDRESS: Final = 50
_REFRESH: Final = ("balance", "positions", "income")
_WATCHED_SECONDS: Final = 6.0


@dataclass(slots=True)
class _Crowd:
    """Exporters of more and more accounts, one after the other."""

    running: Exchange
    alone_mib: float = field(default=UNKNOWN)

    def cost(self, accounts: int) -> tuple[float, float, float]:
        """Return CPU ms a refresh, MiB in all, and KiB for each account beyond the first."""
        if accounts > 1 and isnan(self.alone_mib):
            self.cost(1)
        self.running.tell("limits")  # forgets the calls of the exporter before
        every = {name: {"interval": _INTERVALS[accounts]} for name in _REFRESH}
        with TemporaryDirectory(prefix="bingx-exporter-bench-") as folder:
            setting = configuration(self.running, Path(folder), accounts=accounts)
            with watched(adjusted(setting, every, _way_of)) as exporter:
                stretch = exporter.watch(_WATCHED_SECONDS)
                mib = exporter.resident_mib
        if accounts == 1:
            self.alone_mib = mib
        refreshes = sum(stretch.calls[name] for name in _REFRESH) / len(_REFRESH)
        more = (mib - self.alone_mib) * 1024 / (accounts - 1) if accounts > 1 else UNKNOWN
        return stretch.cpu * 1000 / refreshes, mib, more


def _way_of(number: int) -> dict[str, str]:
    return {"source_address": f"127.0.1.{1 + number // _PER_ADDRESS}"}


@contextmanager
def _crowds() -> Iterator[tuple[Case, ...]]:
    with exchange(accounts=max(_INTERVALS), positions=5, history_days=0, funding_interval=0, trade_interval=0) as it:
        crowd = _Crowd(it)
        yield tuple(
            Case(
                name=sizes.accounts(size),
                cost=partial(crowd.cost, size),
                beside=None if size == sizes.REFERENCE else sizes.accounts(sizes.REFERENCE),
                large=size >= sizes.LARGE,
            )
            for size in _INTERVALS
        )


BENCHMARK: Final = Benchmark(
    name="growth-accounts",
    title="Growth: accounts",
    text=f"""\
More and more accounts of five positions in one exporter, which is watched from outside for {_WATCHED_SECONDS:.0f} s.
A refresh is a poll of balance, of positions and of income, with everything around it: schedule, threads, ledger, page.
The interval is 1 s for up to ten accounts, 3 s for 100 and 30 s for 1,000; {_PER_ADDRESS} accounts share an address.
The last column is what each account adds to the memory of an exporter of one.""",
    quantities=("CPU, ms a refresh", "resident, MiB", "KiB an account"),
    warm=False,
    ratio=f"beside {sizes.accounts(sizes.REFERENCE)}",
    plots=(
        sizes.line("CPU of a refresh", 0, _INTERVALS, along="accounts", name=sizes.accounts),
        sizes.line("Memory of an account", 2, _INTERVALS, along="accounts", name=sizes.accounts),
    ),
    cases=_crowds,
)

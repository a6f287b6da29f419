"""What it costs to keep an account on show, beside the loop with ccxt that people write themselves.

Owns nothing else: both are processes that are watched from outside, the loop is that of `references`.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from bench.measure import Absent, Benchmark, Case
from bench.processes import Exchange, configuration, cpu_seconds, exchange
from bench.references import ccxt_loop
from bench.references.peers import python_of_peers
from bench.references.server import resident
from bench.watched import Watched, adjusted, watched

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLENTY: Final = 1_000_000
_ACCOUNTS: Final = 4  # the fourth is the first that can hold any number of positions apart
_POSITIONS: Final = (5, 50)
_ROWS: Final = 100
_WATCHED_SECONDS: Final = 5.0
_TURNS: Final = 5
_REFRESH: Final = ("balance", "positions", "income")


@dataclass(frozen=True, slots=True)
class _Size:
    """How many positions the account has."""

    positions: int

    @property
    def ours(self) -> str:
        """Name the case of the exporter."""
        return f"bingx-exporter, {self.positions} positions"

    @property
    def theirs(self) -> str:
        """Name the case of the loop."""
        return f"ccxt in a loop, {self.positions} positions"


@contextmanager
def _cases() -> Iterator[tuple[Case | Absent, ...]]:
    with ExitStack() as parts:
        yield tuple(case for count in _POSITIONS for case in _pair(_Size(count), parts))


def _pair(size: _Size, parts: ExitStack) -> Iterator[Case | Absent]:
    running = parts.enter_context(_exchange(positions=size.positions))
    running.tell("limits", per_user=_PLENTY, per_address=_PLENTY)
    for number in range(_ROWS):
        running.tell(
            "income",
            account=running.accounts[-1]["name"],
            income_type="FUNDING_FEE",
            symbol="BTC-USDT",
            amount=f"{number - _ROWS // 2}.12345678",
            ago_seconds=1 + number,
        )
    yield _loop(size, running, parts)
    folder = Path(parts.enter_context(TemporaryDirectory(prefix="bingx-exporter-bench-")))
    last = Exchange(running.url, running.accounts[-1:])
    setting = adjusted(configuration(last, folder, accounts=1), {name: {"interval": "1s"} for name in _REFRESH})
    ours = parts.enter_context(watched(setting))
    yield Case(name=size.ours, cost=partial(_watched, ours), beside=size.theirs)


_exchange = partial(exchange, accounts=_ACCOUNTS, history_days=0, funding_interval=0, trade_interval=0)


def _loop(size: _Size, running: Exchange, parts: ExitStack) -> Case | Absent:
    python = python_of_peers()
    if python is None:
        return Absent(name=size.theirs, why="is not there without build/peers, which `make bench` fills")
    loop = parts.enter_context(ccxt_loop.serve(python, running.url, running.accounts[-1]))
    return Case(name=size.theirs, cost=partial(_turned, loop, size))


def _turned(loop: ccxt_loop.Loop, size: _Size) -> tuple[float, float]:
    before = cpu_seconds(loop.pid)
    positions, _ = loop.turn(_TURNS)
    spent = cpu_seconds(loop.pid) - before
    if positions != size.positions:
        message = f"the loop sees {positions} positions instead of {size.positions}"
        raise RuntimeError(message)
    return spent * 1000 / _TURNS, resident(loop.pid)


def _watched(ours: Watched) -> tuple[float, float]:
    stretch = ours.watch(_WATCHED_SECONDS)
    refreshes = sum(stretch.calls[name] for name in _REFRESH) / len(_REFRESH)
    return stretch.cpu * 1000 / refreshes, ours.resident_mib


BENCHMARK: Final = Benchmark(
    name="loops",
    title="A whole exporter, beside a loop with ccxt",
    text=f"""\
One account with {_ROWS} rows of income in the last minutes, refreshed every second: the CPU time of each process for a
refresh of balance, positions and the last ten minutes of income. The loop puts what ccxt returns into labelled gauges,
and keeps no ledger; nobody scrapes it. The exporter runs whole: schedule, threads, limits, ledger, page, port. The rows
leave the window ten minutes after the start of the benchmark.""",
    quantities=("CPU, ms a refresh", "resident, MiB"),
    cases=_cases,
)

"""How many calls get through as addresses are added: each has a budget of its own.

Owns nothing else. The exchange keeps to its limits for each address that calls; a call that it refuses ends the run.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from bench.measure import Absent, Benchmark, Case
from bench.processes import Exchange, configuration, exchange
from bench.references import tinyproxy
from bench.watched import adjusted, watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_COUNTS: Final = (1, 2, 4)
_MOST_PROXIES: Final = 4
_PER_ADDRESS: Final = 40
_SECONDS: Final = 10.0
_ALONE: Final = "1 source address"
_PROXIES: Final = f"{_MOST_PROXIES} proxies"
_COLLECTORS: Final[Mapping[str, Mapping[str, object]]] = {
    "balance": {"enabled": False},
    "positions": {"interval": "1s"},
    "income": {"enabled": False},
    "commission_rate": {"enabled": False},
}


@contextmanager
def _cases() -> Iterator[tuple[Case | Absent, ...]]:
    with ExitStack() as parts:
        running = parts.enter_context(_exchange())
        yield (*(_sources(running, count) for count in _COUNTS), _proxies(running, parts))


_exchange = partial(
    exchange,
    accounts=_PER_ADDRESS * max(_COUNTS),
    positions=1,
    history_days=0,
    funding_interval=0,
    trade_interval=0,
)


def _sources(running: Exchange, count: int) -> Case:
    ways = [{"source_address": f"127.0.2.{number + 1}"} for number in range(count)]
    name = _ALONE if count == 1 else f"{count} source addresses"
    return Case(name=name, cost=partial(_calls, running, ways), beside=None if count == 1 else _ALONE)


def _proxies(running: Exchange, parts: ExitStack) -> Case | Absent:
    if shutil.which(tinyproxy.PROGRAM) is None:
        return Absent(name=_PROXIES, why="need tinyproxy (`make bench` installs it on Debian, as root)")
    folder = Path(parts.enter_context(TemporaryDirectory(prefix="bingx-exporter-bench-")))
    addresses = (f"127.0.3.{number + 1}" for number in range(_MOST_PROXIES))
    ways = [{"proxy": parts.enter_context(tinyproxy.serve(address, folder))} for address in addresses]
    return Case(name=_PROXIES, cost=partial(_calls, running, ways), beside=_ALONE)


def _calls(running: Exchange, ways: Sequence[Mapping[str, str]]) -> tuple[float, float]:
    running.tell("limits")  # forgets the calls of the exporter before
    with TemporaryDirectory(prefix="bingx-exporter-bench-") as folder:
        setting = configuration(running, Path(folder), accounts=_PER_ADDRESS * len(ways))
        with watched(adjusted(setting, _COLLECTORS, lambda number: ways[number % len(ways)])) as exporter:
            stretch = exporter.watch(_SECONDS)
    calls = stretch.calls["positions"]
    return calls / _SECONDS, stretch.cpu * 1000 / calls


BENCHMARK: Final = Benchmark(
    name="egress",
    title="Egress addresses",
    text=f"""\
{_PER_ADDRESS} accounts for each address, every one to be polled once a second, which is more than the 30 calls a second
that the exchange allows an address: the calls that got through in {_SECONDS:.0f} s. None was refused.""",
    quantities=("calls a second", "CPU, ms a call"),
    warm=False,
    ratio="beside one address",
    cases=_cases,
)

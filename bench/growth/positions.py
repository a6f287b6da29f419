"""What a position costs at a poll where an account has many.

Owns nothing else: the exchange is `stand_in`, the exporter is watched from outside.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from bench import stand_in
from bench.growth import sizes
from bench.measure import Benchmark, Case
from bench.processes import Exchange, configuration
from bench.watched import adjusted, watched

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTERVALS: Final = {1: "1s", 10: "1s", 100: "1s", 1000: "1s", 10_000: "3s"}
_RARELY: Final = "1d"
_WATCHED_SECONDS: Final = 6.0


@contextmanager
def _portfolios() -> Iterator[tuple[Case, ...]]:
    with ExitStack() as parts:
        yield tuple(_portfolio(size, interval, parts) for size, interval in _INTERVALS.items())


def _portfolio(size: int, interval: str, parts: ExitStack) -> Case:
    running = parts.enter_context(stand_in.serve(size))
    return Case(
        name=sizes.positions(size),
        cost=partial(_polls, running, size, interval),
        beside=None if size == sizes.REFERENCE else sizes.positions(sizes.REFERENCE),
        large=size > sizes.LARGE,
    )


def _polls(running: Exchange, size: int, interval: str) -> tuple[float, float]:
    every: dict[str, dict[str, object]] = {
        "balance": {"interval": _RARELY},
        "positions": {"interval": interval, "position_id": True},
        "income": {"enabled": False},
        "commission_rate": {"enabled": False},
    }
    with TemporaryDirectory(prefix="bingx-exporter-bench-") as folder:
        setting = configuration(running, Path(folder), accounts=1)
        with watched(adjusted(setting, every)) as exporter:
            stretch = exporter.watch(_WATCHED_SECONDS)
    milliseconds = stretch.cpu * 1000 / stretch.calls["positions"]
    return milliseconds, milliseconds * 1000 / size


BENCHMARK: Final = Benchmark(
    name="growth-positions",
    title="Growth: positions",
    text=f"""\
One account with more and more positions, each with series of its own, whose prices move from poll to poll: the CPU time
of the whole exporter in {_WATCHED_SECONDS:.0f} s, for each poll of the positions, and for each of them. What the
exporter does beside polling is in it, and most of what a poll of a single position is told to cost.""",
    quantities=("CPU, ms a poll", "CPU, µs a position"),
    warm=False,
    ratio=f"beside {sizes.positions(sizes.REFERENCE)}",
    plots=(sizes.line("CPU of a position", 1, _INTERVALS, along="positions", name=sizes.positions),),
    cases=_portfolios,
)

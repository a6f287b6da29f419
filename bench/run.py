"""`python bench/run.py [NAME …]`: measure, each figure beside a reference in the same run. Linux only.

Owns the list of benchmarks. A run of all of them, in full size, writes docs/performance.md; any other only prints.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

# A script's first entry is its folder, where `scrape` and the like would be modules of their own.
_HERE: Final = Path(__file__).resolve().parent
if sys.path[0] == str(_HERE):
    sys.path[0] = str(_HERE.parent)

from bench import (  # noqa: E402 - after the path above
    budget,
    delay,
    egress,
    footprint,
    freshness,
    growth,
    ledger,
    loops,
    page,
    peers,
    poll,
    render,
    report,
    scrape,
    start,
)
from bench.measure import FEWEST_ROUNDS, Benchmark, measure  # noqa: E402 - the same
from exporter import logs  # noqa: E402 - the same

BENCHMARKS: Final[tuple[Benchmark, ...]] = (
    start.BENCHMARK,
    footprint.BENCHMARK,
    poll.BENCHMARK,
    loops.BENCHMARK,
    scrape.BENCHMARK,
    peers.BENCHMARK,
    render.BENCHMARK,
    ledger.HISTORY,
    ledger.OPENING,
    ledger.IDLE,
    egress.BENCHMARK,
    budget.BUDGET,
    budget.LATENESS,
    freshness.BENCHMARK,
    delay.BENCHMARK,
    page.BENCHMARK,
    page.DELAY,
    *growth.BENCHMARKS,
)


def main() -> int:
    """Run what the command line names, and return the exit code."""
    flags = _flags()
    logs.configure("error", "logfmt")
    chosen = [one for one in BENCHMARKS if one.name in (flags.names or _NAMES) and one.name not in flags.without]
    command = " ".join(("python", "bench/run.py", *sys.argv[1:]))
    print(report.machine(command=command), flush=True)
    results = []
    for benchmark in chosen:
        results.append(measure(benchmark, rounds=flags.rounds, small=flags.small))
        print(report.section(results[-1]), flush=True)
    print(report.summary(results), flush=True)
    if len(chosen) == len(BENCHMARKS) and not flags.small:
        report.PAGE.write_text(report.page(results, command=command))
    return 0


_NAMES: Final = tuple(benchmark.name for benchmark in BENCHMARKS)


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure, each figure beside a reference in the same run.")
    names = ", ".join(_NAMES)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{names} (default: all, and write docs/performance.md)"
    )
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="leave a benchmark out")
    parser.add_argument("--small", action="store_true", help="leave out what takes minutes, or gigabytes")
    parser.add_argument(
        "--rounds", type=int, default=FEWEST_ROUNDS, metavar="N", help="at least %(default)s, which is the default"
    )
    flags = parser.parse_args()
    if unknown := [name for name in (*flags.names, *flags.without) if name not in _NAMES]:
        parser.error(f"there is no {', '.join(unknown)}; there are {names}")
    if flags.rounds < FEWEST_ROUNDS:
        parser.error(f"a median of fewer than {FEWEST_ROUNDS} rounds says nothing")
    return flags


if __name__ == "__main__":
    sys.exit(main())

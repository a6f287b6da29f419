"""`python bench/run.py [NAME …] [--rounds N]`: measure, each figure beside a reference in the same run. Linux only.

Owns the list of benchmarks. A run of all of them writes docs/performance.md; a run of some only prints.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

# The first entry is this folder, where `scrape` and the like would be modules of their own: the tree's root instead.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import footprint, ledger, poll, render, report, scrape, start  # noqa: E402 - after the path above
from bench.measure import FEWEST_ROUNDS, measure  # noqa: E402 - the same
from exporter import logs  # noqa: E402 - the same

BENCHMARKS: Final = (
    start.BENCHMARK,
    footprint.BENCHMARK,
    poll.BENCHMARK,
    scrape.BENCHMARK,
    render.BENCHMARK,
    ledger.HISTORY,
    ledger.OPENING,
    ledger.IDLE,
)


def main() -> int:
    """Run what the command line names, and return the exit code."""
    flags = _flags()
    logs.configure("error", "logfmt")
    chosen = [benchmark for benchmark in BENCHMARKS if not flags.names or benchmark.name in flags.names]
    command = " ".join(("python bench/run.py", *flags.names, f"--rounds {flags.rounds}"))
    print(report.machine(command=command), flush=True)
    results = []
    for benchmark in chosen:
        results.append(measure(benchmark, rounds=flags.rounds))
        print(report.section(results[-1]), flush=True)
    if len(chosen) == len(BENCHMARKS):
        report.PAGE.write_text(report.page(results, command=command))
    return 0


def _flags() -> argparse.Namespace:
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(description="Measure, each figure beside a reference in the same run.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(names)} (default: all, and write the page)"
    )
    parser.add_argument(
        "--rounds", type=int, default=FEWEST_ROUNDS, metavar="N", help="at least %(default)s, which is the default"
    )
    flags = parser.parse_args()
    if unknown := [name for name in flags.names if name not in names]:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(names)}")
    if flags.rounds < FEWEST_ROUNDS:
        parser.error(f"a median of fewer than {FEWEST_ROUNDS} rounds says nothing")
    return flags


if __name__ == "__main__":
    sys.exit(main())

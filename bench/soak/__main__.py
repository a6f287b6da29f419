"""`python -m bench.soak`, from the root of the tree: soak the exporter and judge it. Linux only.

Owns the command line. Exit codes: 0 passed, 1 failed, 2 bad flags.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

# What a page has to say is worked out by the same code as in the tests: one oracle, which is not the exporter's.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from bench.soak import verdict
from bench.soak.exporter import Exporter
from bench.soak.soak import Plan, Soak
from bench.soak.world import simulated
from exporter.clock import SystemClock


def main() -> int:
    """Soak as the command line says, and return the exit code."""
    flags = _flags()
    plan = Plan(
        minutes=flags.minutes, seed=flags.seed, restarts=flags.restarts, patience_seconds=60 * flags.patience_minutes
    )
    clock, say = SystemClock(), partial(print, file=sys.stderr, flush=True)
    with ExitStack() as parts:
        folder = Path(parts.enter_context(TemporaryDirectory(prefix="bingx-exporter-soak-")))
        world = parts.enter_context(simulated(accounts=flags.accounts, seed=flags.seed, clock=clock))
        exporter = parts.enter_context(closing(Exporter(world.exchange, folder, clock)))
        say(f"{flags.accounts} accounts for {flags.minutes:g} min, seed {flags.seed}")
        evidence = Soak(plan, world, exporter, clock, say).run()
    found = verdict.checks(evidence)
    show = verdict.as_json if flags.format == "json" else verdict.table
    print(show(found, evidence))
    return 0 if verdict.passed(found) else 1


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Soak the exporter, and judge it.")
    parser.add_argument("--minutes", type=float, default=30.0, metavar="N", help="how long (default %(default)g)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all chance (default %(default)s)")
    parser.add_argument("--accounts", type=int, default=5, metavar="N", help="how many (default %(default)s)")
    parser.add_argument("--restarts", action="store_true", help="restart it now and then; growth is not judged then")
    parser.add_argument(
        "--patience-minutes", type=float, default=12.0, metavar="N", help="for healing (default %(default)g)"
    )
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: %(default)s")
    flags = parser.parse_args()
    if flags.minutes <= 0 or flags.accounts < 1:
        parser.error("a soak takes some time, and at least one account")
    return flags


if __name__ == "__main__":
    sys.exit(main())

"""The results as a table to read: on the terminal, and as docs/performance.md.

Owns the words and the layout; the figures come from `measure`, what was hoped for from `goals`.
"""

from __future__ import annotations

import math
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.goals import verdicts
from bench.references import versions
from exporter.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.goals import Verdict
    from bench.measure import Plot, Ratio, Result, Row

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
_PACKAGES: Final = (
    "bingx-exporter",
    "requests",
    "urllib3",
    "prometheus-client",
    "msgspec",
    "aiohttp",
    "isal",
)
_INTRODUCTION: Final = """\
# Performance

<!-- Written by bench/run.py; change the benchmarks instead. -->

Every figure stands beside a reference that was measured in the same run, in turns. Milliseconds belong to the machine
below; ratios carry over. Where the reference is another program, below 1 the exporter needs less than it does; where
something grows, the reference is a smaller size. To measure on your own machine:

```
make bench
```

Figures are medians; a ratio is the median of the ratios of the rounds, with the lowest and the highest in brackets.
"""


def page(results: Sequence[Result], *, command: str) -> str:
    """Return the whole page."""
    sections = "\n".join(section(result) for result in results)
    return f"{_INTRODUCTION}\n{machine(command=command)}\n{summary(results)}\n{sections}"


def summary(results: Sequence[Result]) -> str:
    """Return how many goals were reached, and which were not."""
    judged = [(result.benchmark.title, verdict) for result in results for verdict in verdicts(result)]
    reached = [verdict for _, verdict in judged if verdict.reached]
    missed = "".join(
        f"- {title}: {verdict.goal.text} ({_outcome(verdict)})\n" for title, verdict in judged if not verdict.reached
    )
    return (
        f"{len(reached)} of {len(judged)} goals are reached{'; these are not:' if missed else '.'}\n\n{missed}".rstrip()
        + "\n"
    )


def machine(*, command: str) -> str:
    """Return what was measured on, with what."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    facts = {
        "date": f"{SystemClock().now():%Y-%m-%d}",
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB, Linux {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": packages,
        "references": ", ".join(f"{name} {number}" for name, number in versions().items()) or "none is installed",
        "command": f"`{command}`",
    }
    return "".join(("| | |\n|---|---|\n", *(f"| {name} | {fact} |\n" for name, fact in facts.items())))


def section(result: Result) -> str:
    """Return the title, the text, the table, the plots and the goals of a benchmark."""
    benchmark = result.benchmark
    columns = [column for name in benchmark.quantities for column in (name, benchmark.ratio) if column is not None]
    head = f"| | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}\n"
    rows = "".join(
        f"| {' | '.join((row.case.name, *_cells(row, ratios=benchmark.ratio is not None)))} |\n" for row in result.rows
    )
    rounds = "Measured once" if benchmark.once else f"{result.rounds} rounds"
    title = f"## {benchmark.title}\n\n{benchmark.text} {rounds}.\n\n"
    return title + "\n".join((head + rows, *_absences(result), *_plots(result), *_goals(result)))


def _absences(result: Result) -> Iterator[str]:
    if result.absent:
        yield f"Not measured: {'; '.join(f'{one.name} {one.why}' for one in result.absent)}.\n"


def _plots(result: Result) -> Iterator[str]:
    for plot in result.benchmark.plots:
        yield _plot(plot, result)


def _plot(plot: Plot, result: Result) -> str:
    medians = {row.case.name: row.medians[plot.quantity] for row in result.rows}
    points = [
        (place, medians[name]) for place, name in plot.points if name in medians and not math.isnan(medians[name])
    ]
    places = ", ".join(f'"{place}"' for place, _ in points)
    values = ", ".join(_three_digits(value) for _, value in points)
    top = _three_digits(max((value for _, value in points), default=1) * 1.2)
    return f"""\
```mermaid
xychart-beta
    title "{plot.title}"
    x-axis "{plot.along}" [{places}]
    y-axis "{result.benchmark.quantities[plot.quantity]}" 0 --> {top}
    line [{values}]
```
"""


def _goals(result: Result) -> Iterator[str]:
    judged = verdicts(result)
    if judged:
        rows = "".join(f"| {one.goal.text} | {_outcome(one)} |\n" for one in judged)
        yield f"| goal | |\n|---|---|\n{rows}"


def _outcome(verdict: Verdict) -> str:
    if verdict.measured is None:
        return "not measured"
    return f"{'reached' if verdict.reached else '**not reached**'}: {_three_digits(verdict.measured)}"


def _cells(row: Row, *, ratios: bool) -> Iterator[str]:
    for index, value in enumerate(row.medians):
        yield _three_digits(value)
        if ratios:
            yield _ratio(row.ratios[index]) if row.ratios else "-" if row.case.beside or math.isnan(value) else "1"


def _ratio(ratio: Ratio) -> str:
    if math.isnan(ratio.median):
        return "-"
    return f"{_three_digits(ratio.median)} ({_three_digits(ratio.lowest)} to {_three_digits(ratio.highest)})"


def _three_digits(value: float) -> str:
    if math.isnan(value):
        return "-"
    # Fixed notation: `1e-05` is not for reading.
    return f"{value:.0f}" if value >= 100 else f"{float(f'{value:.3g}'):.6f}".rstrip("0").rstrip(".")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _memory_gib() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30

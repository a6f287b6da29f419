"""The results as a table to read: on the terminal, and as docs/performance.md.

Owns the words and the layout; the figures come from `measure`.
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from exporter.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.measure import Ratio, Result, Row

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
_PACKAGES: Final = (
    "bingx-exporter",
    "requests",
    "urllib3",
    "prometheus-client",
    "msgspec",
    "SQLAlchemy",
    "aiohttp",
    "isal",
)
_INTRODUCTION: Final = """\
# Performance

<!-- Written by bench/run.py; change the benchmarks instead. -->

Every figure stands beside a reference that was measured in the same run, in turns. Milliseconds belong to the machine
below; ratios carry over. Below 1, the exporter needs less than the reference does. To measure on your own machine:

```
make bench
```

Figures are medians; a ratio is the median of the ratios of the rounds, with the lowest and the highest in brackets.
"""


def page(results: Sequence[Result], *, command: str) -> str:
    """Return the whole page."""
    sections = "\n".join(section(result) for result in results)
    return f"{_INTRODUCTION}\n{machine(command=command)}\n{sections}"


def machine(*, command: str) -> str:
    """Return what was measured on, with what."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    facts = {
        "date": f"{SystemClock().now():%Y-%m-%d}",
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB, Linux {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": packages,
        "command": f"`{command}`",
    }
    return "".join(("| | |\n|---|---|\n", *(f"| {name} | {fact} |\n" for name, fact in facts.items())))


def section(result: Result) -> str:
    """Return the title, the text and the table of a benchmark."""
    benchmark = result.benchmark
    columns = [column for name in benchmark.quantities for column in (name, "beside the reference")]
    head = f"| | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}\n"
    rows = "".join(f"| {' | '.join((row.case.name, *_cells(row)))} |\n" for row in result.rows)
    return f"## {benchmark.title}\n\n{benchmark.text} {result.rounds} rounds.\n\n{head}{rows}"


def _cells(row: Row) -> Iterator[str]:
    for index, value in enumerate(row.medians):
        yield _three_digits(value)
        yield _ratio(row.ratios[index]) if row.ratios else "1"


def _ratio(ratio: Ratio) -> str:
    return f"{_three_digits(ratio.median)} ({_three_digits(ratio.lowest)} to {_three_digits(ratio.highest)})"


def _three_digits(value: float) -> str:
    # Fixed notation: `1e-05` is not for reading.
    return f"{value:.0f}" if value >= 100 else f"{float(f'{value:.3g}'):.6f}".rstrip("0").rstrip(".")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _memory_gib() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30

"""What the system says of this process, in the families that Prometheus' clients have of it.

They are those of prometheus-client's own collector, for fewer calls of the system. That one lists a directory with an
entry for each connection, and lets other threads run at each: beside polls a scrape then waits for several of them.
"""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

_PROC: Final = Path("/proc")
_BOOTED: Final = b"btime "
_STAT_BYTES: Final = 4096
_USER_TICKS, _SYSTEM_TICKS, _START_TICKS, _VIRTUAL_BYTES, _RESIDENT_PAGES = 11, 12, 19, 20, 21
"""Where they stand in proc_pid_stat(5), counted from the state of the process, which follows its name."""


class ProcessMetrics:
    """CPU time, memory, age and open files; on a system without procfs there is none of them."""

    def __init__(self, proc: Path = _PROC) -> None:
        """Read from the procfs at `proc`."""
        self._stat = proc / "self" / "stat"
        self._descriptors = proc / "self" / "fd"
        self._booted_at = _booted_at(proc / "stat")
        self._ticks: int = os.sysconf("SC_CLK_TCK")
        self._page_bytes: int = os.sysconf("SC_PAGE_SIZE")

    def collect(self) -> Iterator[Metric]:
        """Return the samples as they are now."""
        if self._booted_at is None:
            return
        with suppress(OSError):
            yield from self._life(_read(self._stat), self._booted_at)
        with suppress(OSError):
            yield from _files(self._descriptors)

    def _life(self, stat: bytes, booted_at: float) -> Iterator[Metric]:
        fields = stat.rpartition(b")")[2].split()  # the name, in brackets, may have blanks and brackets of its own
        ticks = int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])
        yield _gauge("virtual_memory_bytes", "Virtual memory size in bytes.", int(fields[_VIRTUAL_BYTES]))
        resident = int(fields[_RESIDENT_PAGES]) * self._page_bytes
        yield _gauge("resident_memory_bytes", "Resident memory size in bytes.", resident)
        started = booted_at + int(fields[_START_TICKS]) / self._ticks
        yield _gauge("start_time_seconds", "Start time of the process since unix epoch in seconds.", started)
        yield CounterMetricFamily(
            "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", value=ticks / self._ticks
        )


def _files(descriptors: Path) -> Iterator[Metric]:
    yield _gauge("open_fds", "Number of open file descriptors.", open_files(descriptors))
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)  # a number: Linux takes no infinite one for files
    yield _gauge("max_fds", "Maximum number of open file descriptors.", most)


def open_files(descriptors: Path) -> int:
    """Return how many files are open, by the directory of them in procfs; raises `OSError` where there is none.

    Linux tells it as the size of the directory since 6.2; before that it is 0, and they are counted, without the one
    that counting opens. Source: `Documentation/filesystems/proc.rst` of the kernel, section 3.13.
    """
    return descriptors.stat().st_size or sum(1 for _ in descriptors.iterdir()) - 1


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"process_{name}", text, value=value)


def _booted_at(path: Path) -> float | None:
    """Return when the system was started, in seconds since 1970; `None` if it does not say."""
    with suppress(OSError):
        for line in path.read_bytes().splitlines():
            if line.startswith(_BOOTED):
                return float(line.removeprefix(_BOOTED))
    return None


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # `open` would ask the system more about it
    try:
        return os.read(descriptor, _STAT_BYTES)
    finally:
        os.close(descriptor)

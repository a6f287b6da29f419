"""The `process_*` families are prometheus-client's own, in name and in value, for fewer calls of the system."""

from __future__ import annotations

import gc
import os
import resource
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector

from exporter.metrics.process import ProcessMetrics, open_files

OWN = Path("/proc/self/fd")


@pytest.fixture(autouse=True)
def _nothing_left_over() -> None:
    """Close what earlier tests have left to the collector of garbage before anything is counted."""
    gc.collect()


def values(metrics: Iterable[Metric]) -> dict[str, float]:
    return {sample.name: sample.value for metric in metrics for sample in metric.samples}


@contextmanager
def files(number: int) -> Iterator[None]:
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(number)]
    try:
        yield
    finally:
        for descriptor in opened:
            os.close(descriptor)


@contextmanager
def limit(most: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_families_are_those_of_the_library() -> None:
    def described(metrics: Iterable[Metric]) -> set[tuple[str, str, str]]:
        return {(metric.name, metric.type, metric.documentation) for metric in metrics}

    assert described(ProcessMetrics().collect()) == described(ProcessCollector(registry=None).collect())


def test_values_are_those_of_the_library() -> None:
    ours, theirs = values(ProcessMetrics().collect()), values(ProcessCollector(registry=None).collect())

    for name in ("process_start_time_seconds", "process_max_fds"):
        assert ours[name] == theirs[name]
    assert ours["process_open_fds"] == theirs["process_open_fds"] - 1  # it lists a directory, and counts that as well
    assert theirs["process_cpu_seconds_total"] - 1 < ours["process_cpu_seconds_total"] <= time.process_time() + 0.05
    for name in ("process_virtual_memory_bytes", "process_resident_memory_bytes"):
        assert ours[name] == pytest.approx(theirs[name], abs=16 << 20)


def test_files_are_counted_as_they_are_opened_and_closed() -> None:
    process = ProcessMetrics()
    before = values(process.collect())["process_open_fds"]
    with files(7):
        assert values(process.collect())["process_open_fds"] == before + 7
    assert values(process.collect())["process_open_fds"] == before


def test_where_the_system_does_not_say_how_many_files_are_open_they_are_counted() -> None:
    as_before_linux_6_2 = Path("/proc/self/fdinfo")
    assert as_before_linux_6_2.stat().st_size == 0
    with files(5):
        assert open_files(as_before_linux_6_2) == sum(1 for _ in OWN.iterdir()) - 1


def test_the_limit_is_the_one_in_force() -> None:
    with limit(777):
        assert values(ProcessMetrics().collect())["process_max_fds"] == 777


def test_a_name_with_blanks_and_brackets_moves_no_field(tmp_path: Path) -> None:
    """The process is called what its main thread is called, and that may be anything."""
    (tmp_path / "stat").write_text("cpu 1 2 3\nbtime 1700000000\nprocesses 9\n")
    (tmp_path / "self").mkdir()
    fields = " ".join(str(number) for number in range(3, 53))
    (tmp_path / "self" / "stat").write_text(f"42 (a) R 1 (b c) S {fields.removeprefix('3 ')}\n")
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")

    assert values(ProcessMetrics(tmp_path).collect()) == {
        "process_virtual_memory_bytes": 23,
        "process_resident_memory_bytes": 24 * page,
        "process_start_time_seconds": 1700000000 + 22 / ticks,
        "process_cpu_seconds_total": (14 + 15) / ticks,
    }


@pytest.mark.parametrize(
    ("there", "shown"),
    [
        ((), set()),
        (("stat",), {"virtual_memory_bytes", "resident_memory_bytes", "start_time_seconds", "cpu_seconds_total"}),
        (("fd",), {"open_fds", "max_fds"}),
    ],
)
def test_what_cannot_be_read_is_absent_and_the_rest_is_there(
    tmp_path: Path, there: tuple[str, ...], shown: set[str]
) -> None:
    (tmp_path / "stat").write_text("btime 1700000000\n")
    (tmp_path / "self").mkdir()
    for name in there:
        (tmp_path / "self" / name).symlink_to(Path("/proc/self") / name)

    assert set(values(ProcessMetrics(tmp_path).collect())) == {f"process_{name}" for name in shown}


def test_without_procfs_there_is_nothing(tmp_path: Path) -> None:
    assert list(ProcessMetrics(tmp_path).collect()) == []


def test_no_file_stays_open() -> None:
    process = ProcessMetrics()
    before = open_files(OWN)
    threads = [threading.Thread(target=lambda: list(process.collect())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert open_files(OWN) == before

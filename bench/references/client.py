"""prometheus-client with the samples of the page, behind its own HTTP server.

Owns the process, from both ends: `serve` starts it, and run as a module it is that process. It holds the samples as
`gauges`, as most exporters do, or makes them at each scrape as a custom `collector`.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from bench.processes import program
from bench.references.server import Server, resident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from prometheus_client.metrics_core import Metric

_Samples = dict[str, list[tuple[tuple[str, ...], float]]]


class _Collector:
    """Makes a family for each name at every scrape."""

    def __init__(self, families: Mapping[str, Sequence[str]], samples: _Samples) -> None:
        self._families, self._samples = families, samples

    def collect(self) -> Iterator[Metric]:
        """Yield every family with all its samples."""
        for name, labels in self._families.items():
            family = GaugeMetricFamily(name, name, labels=labels)
            for values, value in self._samples[name]:
                family.add_metric(values, value)
            yield family


def serve(kind: str) -> Callable[[bytes, Path], AbstractContextManager[Server]]:
    """Return what serves a page with `gauges` or by a `collector`."""
    return partial(_serve, kind)


@contextmanager
def _serve(kind: str, page: bytes, folder: Path) -> Iterator[Server]:
    path = folder / "page"
    path.write_bytes(page)
    command: list[str | Path] = [sys.executable, "-m", __name__, kind, path]
    with program(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        url = process.stdout.readline().decode().strip()
        empty_mib = resident(process.pid)
        process.stdin.write(b"go\n")
        process.stdin.flush()
        if process.stdout.readline() != b"ready\n":
            message = "prometheus-client does not hold the page"
            raise RuntimeError(message)
        yield Server(url=url, pid=process.pid, empty_mib=empty_mib)


def _hold(kind: str, path: Path, registry: CollectorRegistry) -> None:
    families: dict[str, tuple[str, ...]] = {}
    samples: _Samples = {}
    for family in text_string_to_metric_families(path.read_text()):
        for sample in family.samples:
            labels = families.setdefault(sample.name, tuple(sample.labels))
            samples.setdefault(sample.name, []).append((tuple(sample.labels[name] for name in labels), sample.value))
    if kind == "collector":
        registry.register(_Collector(families, samples))
        return
    for name, labels in families.items():
        gauge = Gauge(name, name, labels, registry=registry)
        for values, value in samples[name]:
            (gauge.labels(*values) if labels else gauge).set(value)


def main() -> None:
    """Serve what the command line names, once told to, until the end of the process."""
    kind, path = sys.argv[1], Path(sys.argv[2])
    registry = CollectorRegistry()
    server, _ = start_http_server(0, "127.0.0.1", registry)
    print(f"http://127.0.0.1:{server.server_port}/metrics", flush=True)
    sys.stdin.readline()
    _hold(kind, path, registry)
    print("ready", flush=True)
    Event().wait()


if __name__ == "__main__":
    main()

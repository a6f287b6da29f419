"""node-exporter with the page in its textfile collector: what the Go client library makes of it at every scrape."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bench.ports import free_port
from bench.processes import program
from bench.references.server import Server, await_answer, resident

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM: Final = "prometheus-node-exporter"


@contextmanager
def serve(page: bytes, folder: Path) -> Iterator[Server]:
    """Serve the page, and nothing else, until the end of the block."""
    address = f"127.0.0.1:{free_port()}"
    command = (
        PROGRAM,
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={folder}",
        "--web.disable-exporter-metrics",
        f"--web.listen-address={address}",
    )
    url = f"http://{address}/metrics"
    with program(command, stderr=subprocess.DEVNULL) as process:
        await_answer(url)
        empty_mib = resident(process.pid)
        (folder / "page.prom").write_bytes(page)
        yield Server(url=url, pid=process.pid, empty_mib=empty_mib)

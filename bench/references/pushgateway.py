"""A pushgateway to which the page was pushed: the Go client library with families that are already in memory."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bench.ports import free_port
from bench.processes import program
from bench.references.server import Server, await_answer, resident

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM: Final = "prometheus-pushgateway"
_PATIENCE_SECONDS: Final = 300.0


@contextmanager
def serve(page: bytes, folder: Path) -> Iterator[Server]:
    """Serve the page, with the gateway's own metrics, until the end of the block."""
    del folder  # it keeps nothing
    address = f"127.0.0.1:{free_port()}"
    url = f"http://{address}/metrics"
    with program((PROGRAM, f"--web.listen-address={address}"), stderr=subprocess.DEVNULL) as process:
        await_answer(url)
        empty_mib = resident(process.pid)
        _push(f"{url}/job/bingx", page)
        yield Server(url=url, pid=process.pid, empty_mib=empty_mib)


def _push(url: str, page: bytes) -> None:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("PUT", parts.path, page)
        answer = connection.getresponse()
        said = answer.read().decode()
    finally:
        connection.close()
    if answer.status != 200:
        message = f"the pushgateway does not take the page: {said[:500]}"
        raise RuntimeError(message)

"""tinyproxy as a way out: it listens on an address, and calls from the same one.

Owns its configuration. It is no yardstick: it gives the exporter an egress address, as a proxy elsewhere would.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from socket import create_connection
from threading import Event
from typing import TYPE_CHECKING, Final

from bench.ports import free_port
from bench.processes import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM: Final = "tinyproxy"
_PATIENCE_SECONDS: Final = 10.0
_CONFIGURATION: Final = """\
Port {port}
Listen {address}
Bind {address}
Timeout 60
MaxClients 500
LogLevel Critical
LogFile "{folder}/tinyproxy-{address}.log"
Allow 127.0.0.0/8
"""


@contextmanager
def serve(address: str, folder: Path) -> Iterator[str]:
    """Run a proxy at a loopback address until the end of the block, and hand over its URL."""
    port = free_port(address)
    path = folder / f"tinyproxy-{address}.conf"
    path.write_text(_CONFIGURATION.format(port=port, address=address, folder=folder))
    with program((PROGRAM, "-d", "-c", path)):
        _await_port(address, port)
        yield f"http://{address}:{port}"


def _await_port(address: str, port: int) -> None:
    ends = time.perf_counter() + _PATIENCE_SECONDS
    while True:
        try:
            create_connection((address, port)).close()
        except ConnectionRefusedError:
            if time.perf_counter() > ends:
                raise
            Event().wait(0.02)
        else:
            return

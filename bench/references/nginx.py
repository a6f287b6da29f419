"""nginx with the page as a file: as cheap as an answer of that size gets."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bench.ports import free_port
from bench.processes import program
from bench.references.server import Server, await_answer, resident

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM: Final = "nginx"
_TEMPORARY: Final = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_CONFIGURATION: Final = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{}}
http {{
    access_log off;
    sendfile on;
    gzip on;
    gzip_comp_level 1;
    gzip_types *;
    {temporary}
    server {{
        listen 127.0.0.1:{port};
        default_type "text/plain; version=0.0.4";
        location = /metrics {{ alias {folder}/page; }}
    }}
}}
"""


@contextmanager
def serve(page: bytes, folder: Path) -> Iterator[Server]:
    """Serve the page until the end of the block."""
    port = free_port()
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in _TEMPORARY)
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, port=port, temporary=temporary))
    command = [shutil.which(PROGRAM) or PROGRAM, "-e", "stderr", "-p", str(folder), "-c", str(configuration)]
    url = f"http://127.0.0.1:{port}/metrics"
    with program(command) as process:
        await_answer(url)
        empty_mib = resident(process.pid)
        (folder / "page").write_bytes(page)
        yield Server(url=url, pid=process.pid, empty_mib=empty_mib)

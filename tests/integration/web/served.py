"""A port in a process of its own, whose memory, threads and descriptors can be seen: `served.py BYTES [WEB_CONFIG]`.

Prints where it listens; then, for each line that it reads, how many tasks its event loop has. Ends with its input.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from exporter import logs
from exporter.clock import SystemClock
from exporter.web.access import Access
from exporter.web.door import Patience
from exporter.web.pieces import Parts
from exporter.web.server import Site, WebServer
from exporter.web.site import Document

LINE = b'bingx_up{account="main"} 1\n'


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(size: int, web_config: str | None = None) -> None:
    logs.configure("info", "logfmt")
    access = Access(None if web_config is None else Path(web_config), now=SystemClock().elapsed)
    access.load()
    site = Site(
        metrics={"text/plain; version=0.0.4; charset=utf-8": lambda: (Parts(LINE * (size // len(LINE))),)},
        landing=lambda: Document(html="landing"),
        healthy=lambda: None,
        ready=lambda: None,
    )
    server = WebServer(site, addresses=["127.0.0.1:0"], access=access, patience=Patience(idle_seconds=4))
    server.bind()
    server.start()
    say(server.urls[0])
    for _ in sys.stdin:
        assert server._loop is not None
        say(str(len(asyncio.all_tasks(server._loop))))
    server.stop(2)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])

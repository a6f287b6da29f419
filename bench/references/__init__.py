"""What the exporter is measured beside: servers and programs that others wrote, as their users run them.

Owns which there are and their versions. Each is a process of its own on loopback; one that is not installed is told.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from bench.references.peers import python_of_peers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SERVERS: Final = {
    "nginx": ("nginx", "-v"),
    "node-exporter": ("prometheus-node-exporter", "--version"),
    "pushgateway": ("prometheus-pushgateway", "--version"),
    "tinyproxy": ("tinyproxy", "-v"),
}
_NUMBER: Final = re.compile(r"(\d+(?:\.\d+)+)")
_GO: Final = re.compile(r"go version:\s+go([\d.]+)")
_OF_CCXT: Final = "import importlib.metadata as m; print(m.version('ccxt'))"


def versions() -> Mapping[str, str]:
    """Return the version of each reference that is installed."""
    return dict(_versions())


def _versions() -> Iterator[tuple[str, str]]:
    for name, command in _SERVERS.items():
        said = _said(command)
        if number := _NUMBER.search(said):
            go = _GO.search(said)
            yield name, f"{number[1]} (Go {go[1]})" if go else number[1]
    python = python_of_peers()
    if python is not None:
        yield "ccxt", _said((str(python), "-c", _OF_CCXT)).strip()


def _said(command: tuple[str, ...]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr

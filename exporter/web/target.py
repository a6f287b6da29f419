"""A host and its port, as a Host header or a URL names them; pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9.])?"
_HOST: Final = re.compile(rf"(?P<host>{_NAME}|\[[0-9A-Fa-f:.]{{2,45}}\])(?::(?P<port>[0-9]{{1,5}}))?\Z")
_LAST_PORT: Final = 65535
_USUAL_PORTS: Final = {"http": 80, "https": 443}


def target_of(host: str, *, scheme: str) -> str:
    """Return `HOST:PORT` of a Host header or of the authority of a URL, with the usual port of `scheme` if it has none.

    Raises `ValueError` for what names no host and port.
    """
    match = _HOST.match(host)
    if match is None or not 0 < int(match["port"] or _USUAL_PORTS[scheme]) <= _LAST_PORT:
        message = "the Host header names no host and port"
        raise ValueError(message)
    return f"{match['host']}:{match['port'] or _USUAL_PORTS[scheme]}"


def external_target(external: str) -> tuple[str, str]:
    """Return the target and the scheme of an external URL; raises `ValueError` if it names no host and port."""
    parts = urlsplit(external)
    return target_of(parts.netloc, scheme=parts.scheme), parts.scheme

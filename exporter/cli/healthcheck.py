"""`bingx-exporter healthcheck`: one question to a running exporter, one exit code."""

from __future__ import annotations

import sys
from http.client import HTTPException
from typing import Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

_SECONDS: Final = 2.0


def healthcheck(url: str) -> int:
    """Return 0 if `url` answers 200, else 1 with the reason on stderr."""
    # No proxy of the environment may answer for the exporter.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(url, timeout=_SECONDS) as answer:
            answer.read()
    except (HTTPException, URLError, OSError, ValueError) as error:
        print(f"unhealthy: {url}: {error}", file=sys.stderr)
        return 1
    return 0

"""`bingx-exporter healthcheck`: one question to a running exporter, one exit code."""

from __future__ import annotations

import json
import ssl
import sys
from http.client import HTTPException
from typing import Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

_OWN_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_SECONDS: Final = 2.0


def healthcheck(url: str, *, form: str = "text") -> int:
    """Return 0 if `url` answers 200, else 1; tell the reason on stderr, or as `form` json both on stdout."""
    error = _illness(url)
    if form == "json":
        print(json.dumps({"url": url, "healthy": error is None, "error": error}, indent=2))
    elif error is not None:
        print(f"unhealthy: {url}: {error}", file=sys.stderr)
    return 0 if error is None else 1


def _illness(url: str) -> str | None:
    try:
        # No proxy of the environment may answer for the exporter.
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=_context(url)))
        with opener.open(url, timeout=_SECONDS) as answer:
            answer.read()
    except (HTTPException, URLError, OSError, ValueError) as error:
        return str(error)
    return None


def _context(url: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if urlsplit(url).hostname in _OWN_HOSTS:
        # A question within the machine, with nothing secret in it: certificates are made out for other names.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context

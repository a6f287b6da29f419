"""Whose certificates are believed: the CAs of this machine, or those of certifi where it has none."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from exporter.aside import aside
from exporter.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

_log: Final = get_logger(__name__)


def trusting_soon() -> Callable[[], ssl.SSLContext]:
    """Begin to read the CAs, and return what waits for the context, and raises what `trusting` raises.

    OpenSSL reads beside all else that has to start.
    """
    return aside(trusting, name="trust").result


def trusting() -> ssl.SSLContext:
    """Return a context for clients; who has taken a CA from this machine does not get it back from certifi."""
    context = ssl.create_default_context()
    if not (context.cert_store_stats()["x509"] or _in_a_directory()):
        _log.warning("This machine has no CA certificates: those of certifi are trusted")
        context.load_verify_locations(cafile=DEFAULT_CA_BUNDLE_PATH)
    return context


def _in_a_directory() -> bool:
    """Tell whether there are CA certificates of which OpenSSL reads one when it needs it, by its hashed name."""
    folder = ssl.get_default_verify_paths().capath
    return bool(folder) and any(Path(folder).glob("*.[0-9]"))

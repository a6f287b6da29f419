"""Where the site stands: below which path its routes live, and how it is reached from outside; pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from exporter.web.target import external_target

_SCHEMES: Final = frozenset({"http", "https"})
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*\Z")


class Place(Struct, frozen=True, kw_only=True):
    """The prefix of all routes, without a slash at its end, and the URL that others use, if it is a different one.

    `external` is `SCHEME://HOST[:PORT][/PATH]`, without a slash at its end, too.
    """

    prefix: str = ""
    external: str | None = None

    def route(self, path: str) -> str:
        """Return where the server finds `path`, which begins with a slash."""
        return self.prefix + path

    def link(self, path: str) -> str:
        """Return the path by which others find `path`: a proxy may have put another prefix before it, or none."""
        return (self.prefix if self.external is None else urlsplit(self.external).path) + path


def placed(*, route_prefix: str | None = None, external_url: str | None = None) -> Place:
    """Return the place that the flags describe; without a prefix it is the path of the external URL.

    Raises `ValueError`, whose message names the flag, for what is neither.
    """
    external = None if not external_url else _external(external_url)
    if route_prefix is None:
        return Place(prefix="" if external is None else urlsplit(external).path, external=external)
    prefix = "/" + route_prefix.strip("/") if route_prefix.strip("/") else ""
    if not _is_path(prefix):
        message = f"--web.route-prefix: {route_prefix!r} is no path; it is like /exporter, without ? and #"
        raise ValueError(message)
    return Place(prefix=prefix, external=external)


def _external(url: str) -> str:
    message = f"--web.external-url: {url!r} is no URL; it is like https://monitoring.example.com/exporter"
    try:
        parts = urlsplit(url)
        if parts.scheme in _SCHEMES:
            external_target(url)  # which scrapers are told of
    except ValueError as error:
        raise ValueError(message) from error
    path = parts.path.rstrip("/")
    if parts.scheme not in _SCHEMES or parts.query or parts.fragment or not _is_path(path):
        raise ValueError(message)
    return SplitResult(parts.scheme, parts.netloc, path, "", "").geturl()


def _is_path(path: str) -> bool:
    return bool(_PATH.match(path)) and not {".", ".."} & set(path.split("/"))

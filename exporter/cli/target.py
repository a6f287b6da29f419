"""Where an exporter is: its URL, without anything that is a secret; pure."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import dataclass
from urllib.parse import quote, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the exporter is: the parts of a URL, `path` without a slash at its end."""

    secure: bool
    host: str
    port: int | None
    path: str

    @classmethod
    def of(cls, url: str) -> Target:
        """Read a URL, whose path is the route prefix; raises `ValueError` with what is wrong with it."""
        parts = urlsplit(url)
        port = parts.port
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            message = "it is like http://127.0.0.1:10066 or https://host/prefix"
            raise ValueError(message)
        if " " in parts.netloc or not parts.netloc.isprintable():
            message = "its host is no name"
            raise ValueError(message)
        if "@" in parts.netloc:
            message = "a password has no place in it: --user and --password-file"
            raise ValueError(message)
        path = quote(parts.path.rstrip("/"), safe="/%")
        return cls(secure=parts.scheme == "https", host=parts.hostname, port=port, path=path)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"http{'s' if self.secure else ''}://{host}{port}{self.path}"


def target(text: str) -> Target:
    """Read the URL of an exporter; raises `ArgumentTypeError`, which repeats no password."""
    try:
        return Target.of(text)
    except ValueError as error:
        # What is refused for the password in it is not repeated.
        message = f"no URL of an exporter: {error}" if "@" in text else f"{text!r} is no URL of an exporter: {error}"
        raise ArgumentTypeError(message) from error

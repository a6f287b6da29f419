"""What a client says of itself: a name and a password in a header, names in its certificate; pure."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NAMES: Final = frozenset({"DNS", "email", "URI"})
_QUAD: Final = 4
_ADDRESS: Final = "IP Address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user name and a password, as bytes: in which alphabet they are is the client's affair."""

    user: bytes
    password: bytes = field(repr=False)


def basic(headers: Sequence[str]) -> Credentials | None:
    """Return what the `Authorization` headers of a request say by the Basic scheme, `None` if they do not."""
    if len(headers) != 1:
        return None
    scheme, _, encoded = headers[0].partition(" ")
    if scheme.lower() != "basic":
        return None
    encoded = encoded.strip(" ")
    if len(encoded) % _QUAD:
        return None
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    user, colon, password = decoded.partition(b":")
    return Credentials(user=user, password=password) if colon else None


def certified_names(certificate: Mapping[str, Any] | None) -> Iterator[str]:
    """Return the alternative names (DNS, IP address, e-mail, URI) of a certificate, as the ssl module has it."""
    for kind, value in (certificate or {}).get("subjectAltName", ()):
        if kind in _NAMES:
            yield value
        elif kind == _ADDRESS:
            yield canonical(value)


def canonical(name: str) -> str:
    """Return `name` in its shortest spelling if it is an IP address, else as it is."""
    try:
        return str(ipaddress.ip_address(name.strip()))
    except ValueError:
        return name

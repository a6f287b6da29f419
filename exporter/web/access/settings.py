"""What a web configuration says, once read and checked; holds values, opens no file."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

    from exporter.model import Secret
    from exporter.web.access.problems import Place


class Asking(Enum):
    """Whether a client is asked for a certificate; one that is given is always verified."""

    NEVER = "never"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Source(Struct, frozen=True, kw_only=True):
    """Where PEM text comes from: a file, or the text itself; and the place that says so."""

    place: Place
    origin: Path | Secret


class Tls(Struct, frozen=True, kw_only=True):
    """How TLS is spoken; `ciphers` are OpenSSL's names for TLS 1.2 and below (empty: the default), `curve` is too."""

    place: Place
    cert: Source
    key: Source
    client_ca: Source | None
    asking: Asking
    allowed_sans: frozenset[str]
    minimum: ssl.TLSVersion
    maximum: ssl.TLSVersion
    ciphers: tuple[str, ...]
    prefer_own_order: bool
    curve: str | None
    softened: str | None = None
    """The `client_auth_type` that was asked for, if it is honoured by verifying where it would not have verified."""

    @property
    def files(self) -> Iterator[Path]:
        """Every file that is named."""
        for source in (self.cert, self.key, self.client_ca):
            if source is not None and isinstance(source.origin, Path):
                yield source.origin


class Users(Struct, frozen=True, kw_only=True):
    """Who may enter: bcrypt hashes by name (in UTF-8), and one of the highest cost among them that no password fits."""

    hashes: Mapping[bytes, Secret] = field(default_factory=dict)
    decoy: Secret


class Rate(Struct, frozen=True, kw_only=True):
    """How often requests are answered: one every `interval_seconds`, and `burst` at once after a pause."""

    interval_seconds: float
    burst: int


class WebSettings(Struct, frozen=True, kw_only=True):
    """The whole file; `None` where nothing is asked for."""

    tls: Tls | None = None
    users: Users | None = None
    rate: Rate | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> Iterator[Secret]:
        """Every secret that the file itself holds: the hashes, and a key that has no file of its own."""
        if self.users is not None:
            yield from self.users.hashes.values()
        if self.tls is not None and not isinstance(self.tls.key.origin, Path):
            yield self.tls.key.origin

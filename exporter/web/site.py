"""What is served: callables that the application hands over; the port knows no metric, no account and no file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

from exporter.web.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class UnknownTargetError(Exception):
    """A probe asks for what is not configured; the text is shown to who asks."""


class UnavailableError(Exception):
    """A probe asks for what cannot be told at the moment; the text is shown to who asks."""


class Block(Protocol):
    """Some bytes of a page: `parts`, which are immutable and not joined yet, and `size`, their number together."""

    @property
    def parts(self) -> tuple[bytes, ...]:
        """The bytes in their order."""
        ...

    @property
    def size(self) -> int:
        """How many they are."""
        ...


class Document(Struct, frozen=True, kw_only=True):
    """An HTML page, and what a browser may load and run for it: its Content-Security-Policy."""

    html: str
    security_policy: str = "default-src 'none'"


class Site(Struct, frozen=True, kw_only=True):
    """The routes: `/`, the metrics, health and readiness always, the others as far as they are given.

    `metrics` and `probe` are keyed by content type, the first is the fallback. `healthy` and `ready` return nothing
    when all is well, else what is wrong. Everything but `landing`, `config` and `reload` is called on the server's
    thread, and must be quick.
    """

    metrics: Mapping[str, Callable[[], Sequence[Block]]]
    """The metrics as blocks: one that is equal to that of the scrape before is not compressed again."""
    landing: Callable[[], Document]
    """Called on a thread of its own, never twice at once, and at most once a second; may take a moment."""
    healthy: Callable[[], str | None]
    ready: Callable[[], str | None]
    telemetry_path: str = "/metrics"
    place: Place = field(default_factory=Place)
    health_needs_auth: bool = False
    """Whether `/-/healthy` and `/-/ready` are only for those who may see the rest."""
    reload: Callable[[], str | None] | None = None
    """Reads the configuration again and returns nothing, or why the old one stays; may take seconds."""
    config: Callable[[], str] | None = None
    """Returns the configuration in force as YAML, without secrets; may take a moment."""
    probe: Mapping[str, Callable[[str], bytes]] | None = None
    """The page of one account by its name; raises `UnknownTargetError` or `UnavailableError`."""
    discovery: Callable[[], Sequence[str]] | None = None
    """Returns the names of the accounts."""

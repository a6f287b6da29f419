"""One HTTP round trip: a GET of one of the known paths, within a total deadline and a bounded size.

The seam between us and the network. It sends GET only, takes an `Endpoint` and never a path, follows no redirect, obeys
no proxy or netrc of the environment, keeps no cookie, and raises nothing but `BingxError`. It reads no JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import urllib3

from exporter.bingx.adapter import LineAdapter
from exporter.bingx.connection import Line
from exporter.bingx.errors import ConnectionFailed, InvalidKey
from exporter.bingx.foreign import FOREIGN, broke_unanswered, too_large, translate
from exporter.bingx.incoming import TooMuchError
from exporter.bingx.trust import trusting

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping

    from exporter.bingx.adapter import Door, Egress
    from exporter.bingx.errors import BingxError
    from exporter.bingx.incoming import Incoming
    from exporter.bingx.paths import Endpoint
    from exporter.clock import Clock
    from exporter.model import Secret

MAX_BODY: Final = 16 * 1024 * 1024
_KEY_HEADER: Final = "X-BX-APIKEY"
_PROXY_SCHEMES: Final = ("http://", "https://")
_NO_RETRIES: Final = urllib3.Retry(total=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The way out: through a proxy (its URL may hold a password, so it is not shown), or from an address of ours."""

    proxy: str | None = field(default=None, repr=False)
    source_address: str | None = None

    def __post_init__(self) -> None:
        """Refuse a proxy that is neither http nor https with `ValueError`: calls must not leave by another way."""
        if self.proxy is not None and not self.proxy.startswith(_PROXY_SCHEMES):
            message = "a proxy has to be an http:// or https:// URL"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One GET: the query is signed already, `timeout` is the total in seconds."""

    endpoint: Endpoint
    query: str = field(repr=False)
    base_url: str
    api_key: Secret | None
    route: Route
    timeout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A complete answer, whatever its status; header names in lower case, moments on `Clock.elapsed`."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    sent_at: float
    answered_at: float


class Transport(Protocol):
    """What sends a call: the seam that tests may replace."""

    def send(self, call: Call) -> Reply:
        """Return the answer; raises `BingxError` if there is none."""
        ...


class RequestsTransport:
    """The transport over requests; all threads share the connections of each way out, and one `SSLContext`.

    A connection that the other side closed between two calls fails as `stale`. After that, and after a kept one that
    brings no answer, the next call opens another one: what lay idle beside it is of the same age, and is closed.
    """

    def __init__(self, clock: Clock, *, max_body: int = MAX_BODY, ssl_context: ssl.SSLContext | None = None) -> None:
        """Read at most `max_body` bytes an answer; the default context trusts this machine's CAs, or certifi's."""
        self._clock = clock
        self._max_body = max_body
        self._line = Line(clock, max_body)
        self._adapter = LineAdapter(self._line, ssl_context or trusting())
        self._kept: frozenset[Egress] | None = None

    def send(self, call: Call) -> Reply:
        """Make the call; raises `BingxError` if no complete answer comes back in time."""
        egress = _egress(call.base_url, call.route)
        try:
            outcome = self._attempt(call, egress)
        finally:
            if self._kept is not None and egress not in self._kept:
                self._adapter.keep(self._kept)  # the call was late for a way already left
        if isinstance(outcome, Reply):
            return outcome
        # Raised here, outside of any handler: a foreign exception in the chain would show the signed URL.
        error = self._ours(outcome, call)
        if not self._line.fresh and not self._line.answered:
            self._adapter.renew(egress)
            if isinstance(error, ConnectionFailed):
                error.stale = broke_unanswered(outcome)
        try:
            raise error
        finally:
            del error, outcome  # the traceback of either holds this frame: a circle, which waits for the collector

    def keep(self, ways: Iterable[tuple[str, Route]]) -> None:
        """Leave every other pair of base URL and route; until told, all are kept."""
        self._kept = frozenset(_egress(base_url, route) for base_url, route in ways)
        self._adapter.keep(self._kept)

    def close(self) -> None:
        """Close every idle connection."""
        self._adapter.close()

    def _attempt(self, call: Call, egress: Egress) -> Reply | Exception:
        line = self._line
        now = self._clock.elapsed()
        line.begin(now + call.timeout, call.route.source_address)
        try:
            answer = _ask(self._adapter.door(egress, now), call)
        except FOREIGN as foreign:
            return foreign
        return Reply(
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            sent_at=line.sent_at,
            answered_at=self._clock.elapsed(),
        )

    def _ours(self, foreign: Exception, call: Call) -> BingxError:
        if isinstance(foreign, TooMuchError):
            return too_large(self._max_body, endpoint=call.endpoint)
        return translate(foreign, endpoint=call.endpoint)


def _egress(base_url: str, route: Route) -> Egress:
    return base_url, route.proxy, route.source_address


def _ask(door: Door, call: Call) -> Incoming:
    """Make the call on the pool itself: all that requests adds to it would be taken off again."""
    headers = {"Host": door.host, "Accept-Encoding": "gzip", "User-Agent": "bingx-exporter"}
    if call.api_key is not None:
        headers[_KEY_HEADER] = _header(call.api_key, call.endpoint)
    query = f"?{call.query}" if call.query else ""
    answer: Any = door.pool.urlopen(
        "GET",
        f"{door.prefix}{call.endpoint.path}{query}",
        headers=headers,
        retries=_NO_RETRIES,
        redirect=False,
        assert_same_host=False,
        timeout=call.timeout,
    )
    whole: Incoming = answer  # what our connections return passes through the pool
    return whole


def _header(api_key: Secret, endpoint: Endpoint) -> str:
    text = api_key.reveal()
    if not (text.isascii() and text.isprintable() and text.strip()):
        raise InvalidKey(detail="the key is empty or has characters that no key has", endpoint=endpoint)
    return text

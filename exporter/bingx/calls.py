"""One call, from permit to answer: sign, send, settle the limits, read, tell the observer.

This module owns that order of events for every endpoint; which endpoint asks for what is `client`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from msgspec import Struct

from exporter.bingx.errors import BingxError, ClockSkew, MalformedResponse
from exporter.bingx.permits import Remaining
from exporter.bingx.signing import signed_query
from exporter.bingx.transport import Call
from exporter.bingx.way import Ended
from exporter.model import to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exporter.bingx.limits import Limits
    from exporter.bingx.paths import Endpoint
    from exporter.bingx.permits import Permit
    from exporter.bingx.transport import Reply, Route, Transport
    from exporter.bingx.way import Site, Way
    from exporter.bingx.wire import Drift, Parsed
    from exporter.clock import Clock
    from exporter.model import Secret

_T = TypeVar("_T")


class Credentials(Struct, frozen=True, kw_only=True):
    """The key of an account and the secret that signs for it."""

    api_key: Secret
    api_secret: Secret


class Answer(Struct, Generic[_T], frozen=True, kw_only=True):
    """What the exchange said, and when it was asked and answered, on `Clock.elapsed`."""

    value: _T
    sent_at: float
    answered_at: float


class Observer(Protocol):
    """Who is told about every call."""

    def called(self, endpoint: Endpoint, seconds: float, reason: str | None) -> None:
        """Hear of a call that is over, how long it took, and why it failed if it did."""
        ...

    def drifted(self, endpoint: Endpoint, drift: Drift) -> None:
        """Hear of a place where an answer strayed from the known format."""
        ...


class Calls(Struct, frozen=True, kw_only=True):
    """The parts that a call needs; `recv_window` and `timeout` (the total of a call) are in seconds.

    A call goes to the host of `way` that is in use when it begins, and to no other if that fails.
    """

    transport: Transport
    limits: Limits
    way: Way
    clock: Clock
    route: Route
    timeout: float
    observer: Observer
    credentials: Credentials | None = None
    recv_window: float | None = None

    def make(
        self,
        permit: Permit,
        endpoint: Endpoint,
        read: Callable[[Reply], Parsed[_T]],
        *,
        params: Sequence[tuple[str, str]] = (),
        site: Site | None = None,
    ) -> Answer[_T]:
        """Make one call, to `site` or to the host in use.

        Raises `BingxError`, and `ValueError` for a permit that is not for it or was used before.
        """
        if permit.endpoint is not endpoint:
            message = f"a permit for {permit.endpoint} is none for {endpoint}"
            raise ValueError(message)
        site = site or self.way.in_use
        call = self._prepare(endpoint, params, site)
        sent_at = self.clock.elapsed()
        permit.sent(sent_at)
        reply: Reply | None = None
        parsed: Parsed[_T] | None = None
        error: BingxError | None = None
        try:
            reply = self.transport.send(call)
            parsed = read(reply)
        except BingxError as failure:
            error = failure
            error.endpoint = endpoint
            raise
        finally:
            if parsed is None and error is None:
                # What is no BingxError is a fault of ours; it must not be settled as a good answer.
                error = MalformedResponse("a fault of ours while it was read", endpoint=endpoint)
            self._settle(permit, site, reply, error)
            self.observer.called(endpoint, self._ended(reply) - sent_at, None if error is None else error.reason)
        for drift in parsed.drift:
            self.observer.drifted(endpoint, drift)
        return Answer(value=parsed.value, sent_at=reply.sent_at, answered_at=reply.answered_at)

    def _prepare(self, endpoint: Endpoint, params: Sequence[tuple[str, str]], site: Site) -> Call:
        credentials = self.credentials if endpoint.signed else None
        query = ""
        if endpoint.signed:
            if credentials is None:
                message = f"{endpoint} needs credentials"
                raise ValueError(message)
            query = signed_query((*params, *self._moment(site)), credentials.api_secret)
        return Call(
            endpoint=endpoint,
            query=query,
            base_url=site.base_url,
            api_key=None if credentials is None else credentials.api_key,
            route=self.route,
            timeout=self.timeout,
        )

    def _moment(self, site: Site) -> tuple[tuple[str, str], ...]:
        timestamp = ("timestamp", str(to_milliseconds(site.clock.server_now())))
        if self.recv_window is None:
            return (timestamp,)
        return (("recvWindow", str(round(self.recv_window * 1000))), timestamp)

    def _ended(self, reply: Reply | None) -> float:
        return self.clock.elapsed() if reply is None else reply.answered_at

    def _settle(self, permit: Permit, site: Site, reply: Reply | None, error: BingxError | None) -> None:
        if isinstance(error, ClockSkew):
            site.clock.suspect(permit.sent_at)
        ended_at = self._ended(reply)
        self.limits.settle(
            permit,
            ended_at,
            None if reply is None else _remaining(reply.headers),
            error,
            None if error is None or error.retry_at is None else site.clock.to_elapsed(error.retry_at),
        )
        if permit.sent_at is not None:
            probe, replied = not permit.endpoint.signed, reply is not None
            ended = Ended(probe=probe, sent_at=permit.sent_at, at=ended_at, replied=replied, error=error)
            self.way.heard(site, ended)


def _remaining(headers: Mapping[str, str]) -> Remaining | None:
    """Read what is left of the budget; the headers may be absent, and `Expire` counts milliseconds down."""
    requests = headers.get("x-ratelimit-requests-remain", "")
    expire = headers.get("x-ratelimit-requests-expire", "")
    if not (_is_count(requests) and _is_count(expire)):
        return None
    return Remaining(requests=int(requests), expires_in=int(expire) / 1000)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len("1000000")

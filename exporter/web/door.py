"""Who may hold a connection, and for how long: a bounded number of peers, each with a deadline in every state.

Stands between the event loop and the HTTP protocol. It reads no byte and knows no route; it counts, and it closes.
"""

from __future__ import annotations

import asyncio
from enum import IntEnum
from typing import TYPE_CHECKING, Final, cast

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.web.complaints import Complaints

_GLANCE_SECONDS: Final = 0.5


class Standing(IntEnum):
    """What a peer is doing; when the house is full, the lowest goes first."""

    SILENT = 0
    """Has not sent a whole request: since it came, or since the first byte of its next one."""
    IDLE = 1
    """Has its answer, and sends nothing."""
    UNREAD = 2
    """Does not take the answer that is being sent to it."""
    ASKED = 3
    """Waits for an answer."""


class Patience(Struct, frozen=True, kw_only=True):
    """How many connections and answers there may be, and how many seconds each state of a peer may last."""

    connections: int = 256
    tls_connections: int = 96
    """In place of `connections` where TLS is spoken: each costs 0.3 MB from its first moment."""
    max_requests: int = 40
    """How many answers may be kept for peers that have not taken them yet."""
    request_seconds: float = 10.0
    idle_seconds: float = 75.0
    answer_seconds: float = 60.0
    timeout_offset: float = 0.5
    """How long before the end of its scrape timeout a scraper is told that it waits in vain."""

    def __post_init__(self) -> None:
        """Refuse bounds that let nobody in."""
        if min(self.connections, self.tls_connections, self.max_requests) < 1:
            message = "a port needs room for at least one connection and one request"
            raise ValueError(message)

    def seconds(self, standing: Standing) -> float:
        """Return how long a peer may be in this state."""
        if standing is Standing.SILENT:
            return self.request_seconds
        return self.idle_seconds if standing is Standing.IDLE else self.answer_seconds


class Door:
    """Lets peers in, and shows out those who are late or, when there are too many, those who wait for nothing."""

    def __init__(
        self, patience: Patience, *, most: int, complaints: Complaints, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Watch over at most so many connections of `loop`; what a bound closes is told to `complaints`."""
        self._patience = patience
        self._most = most
        self._complaints = complaints
        self._loop = loop
        self._peers: dict[asyncio.BaseProtocol, Peer] = {}
        self._glance = loop.call_later(_GLANCE_SECONDS, self._look_around)

    @property
    def peers(self) -> int:
        """How many connections there are."""
        return len(self._peers)

    def has(self, protocol: asyncio.BaseProtocol) -> bool:
        """Return whether somebody is still at the other end of this protocol, as far as can be known."""
        peer = self._peers.get(protocol)
        return peer is not None and not peer.transport.is_closing()

    def asked(self, protocol: asyncio.BaseProtocol) -> None:
        """Take note that a whole request has come in."""
        if (peer := self._peers.get(protocol)) is not None:
            peer.turn(Standing.ASKED)

    def carries(self, protocol: asyncio.BaseProtocol, drop: Callable[[], None]) -> None:
        """Have `drop` called as soon as nobody can take the page that was just made: it is large."""
        if (peer := self._peers.get(protocol)) is not None:
            peer.drop = drop

    def answered(self, protocol: asyncio.BaseProtocol) -> None:
        """Take note that the answer is ready to be sent."""
        if (peer := self._peers.get(protocol)) is not None:
            peer.answered()

    def close(self) -> None:
        """Show everybody out."""
        self._glance.cancel()
        for peer in tuple(self._peers.values()):
            self._show_out(peer)

    def entered(self, peer: Peer) -> None:
        """Take in a new peer, in place of another one if the house is full."""
        if len(self._peers) >= self._most:
            self._show_out(min(self._peers.values(), key=Peer.precedence))
            self._complaints.tell("Too many connections: closed the one that has waited longest", most=self._most)
        self._peers[peer.protocol] = peer

    def left(self, peer: Peer) -> None:
        """Forget a peer, and drop what it does not take any more."""
        self._peers.pop(peer.protocol, None)
        if peer.drop is not None:
            peer.drop()

    def clogged(self) -> None:
        """Show out the slowest reader if there are too many: each of them keeps a page in memory.

        An answer is made at one go, so those not read yet are all that there are. The newest is served and the oldest
        goes, and not the other way round: else as many peers as may ask could keep the port from everybody.
        """
        readers = [peer for peer in self._peers.values() if peer.standing is Standing.UNREAD]
        if len(readers) > self._patience.max_requests:
            self._show_out(min(readers, key=Peer.precedence))
            self._complaints.tell(
                "Too many answers that nobody reads: closed the oldest connection", most=self._patience.max_requests
            )

    def _look_around(self) -> None:
        now = self._loop.time()
        for peer in tuple(self._peers.values()):
            if now - peer.since >= self._patience.seconds(peer.standing):
                self._show_out(peer)
        self._glance = self._loop.call_later(_GLANCE_SECONDS, self._look_around)

    def _show_out(self, peer: Peer) -> None:
        self.left(peer)
        peer.transport.abort()


class Peer(asyncio.Protocol):
    """One connection: passes on what happens to it, and knows what it is doing, and since when."""

    __slots__ = ("_answered", "_door", "_now", "drop", "protocol", "since", "standing", "transport")

    transport: asyncio.Transport

    def __init__(self, door: Door, protocol: asyncio.Protocol, *, now: Callable[[], float]) -> None:
        """Pass on to `protocol`, and report to `door`; `now` is the time of the event loop, in seconds."""
        self._door = door
        self._now = now
        self.protocol = protocol
        self.drop: Callable[[], None] | None = None
        self.standing = Standing.SILENT
        self.since = self._answered = now()

    def precedence(self) -> tuple[Standing, float]:
        """Return what says who goes first."""
        return self.standing, self.since

    def turn(self, standing: Standing) -> None:
        """Begin another state."""
        self.standing = standing
        self.since = self._now()

    def answered(self) -> None:
        """Begin the time in which the answer must be taken, and after which the next request is due."""
        self.turn(Standing.IDLE)
        self._answered = self.since

    @property
    def clogged(self) -> bool:
        """Whether an answer is not taken."""
        return self.standing is Standing.UNREAD

    def enter(self, transport: asyncio.BaseTransport) -> None:
        """Report, and have it told at once when the socket does not take all of an answer."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=0)
        self._door.entered(self)

    def leave(self) -> None:
        """Report."""
        self._door.left(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Report, then pass on."""
        self.enter(transport)
        self.protocol.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report, then pass on."""
        self.leave()
        self.protocol.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on; the first byte of a request begins the time in which all of it must come."""
        if self.standing is Standing.IDLE:
            self.turn(Standing.SILENT)
        self.protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on."""
        return self.protocol.eof_received()

    def pause_writing(self) -> None:
        """Take note that the answer is not taken, then pass on; the time to take it began when it was made."""
        self.standing, self.since = Standing.UNREAD, self._answered
        self._door.clogged()
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """Take note that it is taken, or a piece of it, then pass on."""
        self.standing, self.since = Standing.IDLE, self._answered
        self.protocol.resume_writing()

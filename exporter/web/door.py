"""Who may hold a connection, and for how long: a bounded number of peers, each with a deadline in every state.

Stands between the event loop and the HTTP protocol. It reads no byte and knows no route; it counts, and it closes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, cast

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How many connections there may be, how many that do not read, and how many seconds each state may last."""

    connections: int = 256
    unread: int = 40
    request_seconds: float = 10.0
    idle_seconds: float = 75.0
    answer_seconds: float = 60.0

    def seconds(self, standing: Standing) -> float:
        """Return how long a peer may be in this state."""
        if standing is Standing.SILENT:
            return self.request_seconds
        return self.idle_seconds if standing is Standing.IDLE else self.answer_seconds


class Door:
    """Lets peers in, and shows out those who are late or, when there are too many, those who wait for nothing."""

    def __init__(self, patience: Patience, *, complaints: Complaints, loop: asyncio.AbstractEventLoop) -> None:
        """Watch over the connections of `loop`; what is closed because of a bound is told to `complaints`."""
        self._patience = patience
        self._complaints = complaints
        self._loop = loop
        self._peers: dict[asyncio.BaseProtocol, Peer] = {}
        self._glance = loop.call_later(_GLANCE_SECONDS, self._look_around)

    @property
    def peers(self) -> int:
        """How many connections there are."""
        return len(self._peers)

    def guard(self, protocol: asyncio.Protocol) -> Peer:
        """Return the protocol to give to the event loop in place of `protocol`."""
        return Peer(self, protocol, now=self._loop.time)

    def asked(self, protocol: asyncio.BaseProtocol) -> None:
        """Take note that a whole request has come in."""
        if (peer := self._peers.get(protocol)) is not None:
            peer.turn(Standing.ASKED)

    def answered(self, protocol: asyncio.BaseProtocol) -> None:
        """Take note that the answer is ready to be sent."""
        if (peer := self._peers.get(protocol)) is not None:
            peer.turn(Standing.IDLE)

    def close(self) -> None:
        """Show everybody out."""
        self._glance.cancel()
        for peer in tuple(self._peers.values()):
            self._show_out(peer)

    def entered(self, peer: Peer) -> None:
        """Take in a new peer, in place of another one if the house is full."""
        if len(self._peers) >= self._patience.connections:
            self._show_out(min(self._peers.values(), key=Peer.precedence))
            self._complaints.tell(
                "Too many connections: closed the one that has waited longest", most=self._patience.connections
            )
        self._peers[peer.protocol] = peer

    def left(self, peer: Peer) -> None:
        """Forget a peer."""
        self._peers.pop(peer.protocol, None)

    def clogged(self) -> None:
        """Show out the slowest reader if there are too many: each of them keeps a page in memory."""
        readers = [peer for peer in self._peers.values() if peer.standing is Standing.UNREAD]
        if len(readers) > self._patience.unread:
            self._show_out(min(readers, key=Peer.precedence))
            self._complaints.tell(
                "Too many answers that nobody reads: closed the oldest connection", most=self._patience.unread
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

    __slots__ = ("_door", "_now", "protocol", "since", "standing", "transport")

    transport: asyncio.Transport

    def __init__(self, door: Door, protocol: asyncio.Protocol, *, now: Callable[[], float]) -> None:
        """Pass on to `protocol`, and report to `door`; `now` is the time of the event loop, in seconds."""
        self._door = door
        self._now = now
        self.protocol = protocol
        self.standing = Standing.SILENT
        self.since = now()

    def precedence(self) -> tuple[Standing, float]:
        """Return what says who goes first."""
        return self.standing, self.since

    def turn(self, standing: Standing) -> None:
        """Begin another state."""
        self.standing = standing
        self.since = self._now()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Report, then pass on."""
        self.transport = cast("asyncio.Transport", transport)
        self._door.entered(self)
        self.protocol.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report, then pass on."""
        self._door.left(self)
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
        """Begin the time in which an answer must be read, then pass on."""
        self.turn(Standing.UNREAD)
        self._door.clogged()
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """End it, then pass on."""
        self.turn(Standing.IDLE)
        self.protocol.resume_writing()

"""TLS on one connection: a peer is counted and has its deadlines from the moment it connects, not from its handshake.

The event loop's own TLS server tells of a connection only when the handshake is done; one that never begins it would
be seen by nobody. So the connection is taken in plain, and TLS is started on it. Knows no certificate.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from exporter.logs import get_logger
from exporter.web.door import Peer

if TYPE_CHECKING:
    import ssl

    from typing_extensions import Buffer

    from exporter.web.door import Door


class Terms(Struct, frozen=True, kw_only=True):
    """How TLS is spoken: by which context, and how many seconds its beginning and its end may take."""

    context: ssl.SSLContext
    handshake_seconds: float
    farewell_seconds: float


class TlsPeer(Peer):
    """A peer behind TLS; the protocol that it guards sees only what was said in the tunnel."""

    __slots__ = ("_early", "_handshake", "_joined", "_loop", "_over", "_terms")

    def __init__(
        self, door: Door, protocol: asyncio.Protocol, *, loop: asyncio.AbstractEventLoop, terms: Terms
    ) -> None:
        """Guard `protocol` for `door`, on `terms`."""
        super().__init__(door, protocol, now=loop.time)
        self._loop = loop
        self._terms = terms
        self._handshake: asyncio.Task[None] | None = None
        self._early = b""
        self._joined = False
        self._over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Report, and begin the handshake; until then not a byte is read."""
        self.enter(transport)
        self.transport.pause_reading()
        self._handshake = self._loop.create_task(self._shake_hands())

    def connection_lost(self, exc: Exception | None) -> None:
        """Report; pass on if the protocol knows of the connection."""
        self._over = True
        self.leave()
        if self._handshake is not None:
            self._handshake.cancel()
        if self._joined:
            self.protocol.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on; what comes together with the end of the handshake waits for the protocol to be joined."""
        if self._joined:
            super().data_received(data)
        else:
            self._early += data

    def eof_received(self) -> bool | None:
        """Pass on if the protocol knows of the connection."""
        return super().eof_received() if self._joined else None

    def pause_writing(self) -> None:
        """Do nothing: what matters is what the socket takes, and the valve tells."""

    def resume_writing(self) -> None:
        """Do nothing, for the same reason."""

    async def _shake_hands(self) -> None:
        if self.transport.is_closing():
            return
        try:
            # The types do not say so, but there is no transport if the connection is aborted meanwhile.
            inside: asyncio.Transport | None = await self._loop.start_tls(
                self.transport,
                self,
                self._terms.context,
                server_side=True,
                ssl_handshake_timeout=self._terms.handshake_seconds,
                ssl_shutdown_timeout=self._terms.farewell_seconds,
            )
        except OSError as error:
            self.leave()
            # Its traceback and itself hold each other, and 0.3 MB, until the garbage collector comes round.
            error.__traceback__ = None
            get_logger(__name__).debug("A TLS handshake failed", error=error)
            return
        if inside is None or self._over or self.transport.is_closing():
            self.leave()
            return
        self._join(inside)

    def _join(self, inside: asyncio.Transport) -> None:
        self._handshake = None
        tls = cast("asyncio.BufferedProtocol", self.transport.get_protocol())
        self.transport.set_protocol(_Valve(tls, self))
        self._joined = True
        self.protocol.connection_made(inside)
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def clog(self) -> None:
        """Take note that the socket does not take all of an answer."""
        if self._joined and not self.clogged:
            super().pause_writing()

    def flow(self) -> None:
        """Take note that the socket has taken all of it."""
        if self.clogged and not self.transport.get_write_buffer_size():
            super().resume_writing()


class _Valve(asyncio.BufferedProtocol):
    """Stands between the socket and TLS, and tells the peer what the socket does not take.

    TLS itself would hold back only what comes after a first answer of any size.
    """

    __slots__ = ("_peer", "_tls")

    def __init__(self, tls: asyncio.BufferedProtocol, peer: TlsPeer) -> None:
        self._tls = tls
        self._peer = peer

    def connection_lost(self, exc: Exception | None) -> None:
        self._tls.connection_lost(exc)

    def get_buffer(self, sizehint: int) -> Buffer:
        return self._tls.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        self._tls.buffer_updated(nbytes)

    def eof_received(self) -> bool | None:
        return self._tls.eof_received()

    def pause_writing(self) -> None:
        self._tls.pause_writing()
        self._peer.clog()

    def resume_writing(self) -> None:
        self._tls.resume_writing()
        self._peer.flow()

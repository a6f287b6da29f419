"""One connection: bytes in, requests out, and the steps of each answer played in order.

Owns a transport and the playing of steps. Must not know what a request means.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Final, cast

from exporter.simulator.delivery import Close, Pause, Reset, Silence, Step, Write, deliver, draft
from exporter.simulator.messages import Request, json_reply
from exporter.simulator.parsing import BadRequestError, take_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """A peer; `answer` gives the steps for a request, `peers` is the set it is in while it lives."""

    def __init__(self, answer: Callable[[Request], Iterable[Step]], peers: set[Connection]) -> None:
        self._answer = answer
        self._peers = peers
        self._buffer = bytearray()
        self._playing: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # a server of streams makes no other
        peer = transport.get_extra_info("peername")
        self._address = peer[0] if peer else ""
        self._peers.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        """End, and stop playing."""
        self._peers.discard(self)
        if self._playing is not None:
            self._playing.cancel()

    def pause_writing(self) -> None:
        """Wait with further writes: the peer is slow."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on writing."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Take bytes in; requests behind one that is still being answered wait their turn."""
        self._buffer += data
        self._serve()

    def drop(self) -> None:
        """Close the connection at once."""
        self._transport.abort()

    def _serve(self) -> None:
        while self._playing is None and self._buffer and not self._transport.is_closing():
            try:
                request = take_request(self._buffer, address=self._address)
            except BadRequestError as error:
                self._refuse(error)
                return
            if request is None:
                return
            self._play(iter(self._answer(request)))

    def _refuse(self, error: BadRequestError) -> None:
        self._buffer.clear()
        nobody = Request(method="GET", path="", keep_alive=False)
        self._play(iter(deliver(draft(nobody, json_reply({"error": str(error)}, status=error.status)))))

    def _play(self, steps: Iterator[Step]) -> None:
        # Most answers are one write: only what has to wait gets a task.
        for step in steps:
            if isinstance(step, Write):
                self._transport.write(step.data)
            elif isinstance(step, Close):
                self._transport.close()
            elif isinstance(step, Reset):
                self._reset()
            else:
                self._playing = asyncio.get_running_loop().create_task(self._play_slowly(step, steps))
                return

    async def _play_slowly(self, step: Step | None, steps: Iterator[Step]) -> None:
        while step is not None:
            await self._take(step)
            step = next(steps, None)
        self._playing = None
        self._serve()

    async def _take(self, step: Step) -> None:
        match step:
            case Write():
                await self._writable.wait()
                self._transport.write(step.data)
            case Pause():
                await asyncio.sleep(step.seconds)
            case Silence():
                await asyncio.get_running_loop().create_future()
            case Close():
                self._transport.close()
            case _:
                self._reset()

    def _reset(self) -> None:
        raw: socket.socket = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._transport.abort()

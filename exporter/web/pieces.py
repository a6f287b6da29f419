"""A page on its way to a peer: handed to the socket piece by piece, and let go of as soon as it is sent.

A page handed over whole would be in memory twice while a peer takes its time, and under TLS three times. Its blocks are
joined one by one, each when its turn comes: the page is never in memory as a whole but in the pieces that all share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.payload import Payload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiohttp.abc import AbstractStreamWriter

    from exporter.web.site import Block

_PIECE: Final = 1 << 17
_AT_ONCE: Final = 2 * _PIECE


class Parts:
    """A block of whatever is at hand."""

    __slots__ = ("parts", "size")

    def __init__(self, *parts: bytes) -> None:
        """Hold `parts`."""
        self.parts = parts
        self.size = sum(map(len, parts))


class Page(web.Response):
    """An answer with a large body; aiohttp keeps every answer until the next request of its connection."""

    def __init__(self, blocks: Sequence[Block], *, headers: Mapping[str, str], there: Callable[[], bool]) -> None:
        """Answer with `blocks` while `there` says that somebody takes it; `headers` name its content type."""
        self._pieces = _Pieces(blocks, there, content_type=headers["Content-Type"])
        super().__init__(body=self._pieces, headers=headers)

    def drop(self) -> None:
        """Let go of what is not sent yet: nobody takes it."""
        self._pieces.drop()

    async def write_eof(self, data: bytes = b"") -> None:
        """Send, and let go of the body."""
        try:
            await super().write_eof(data)
        finally:
            self.drop()


class _Pieces(Payload):
    def __init__(self, blocks: Sequence[Block], there: Callable[[], bool], *, content_type: str) -> None:
        super().__init__(blocks, content_type=content_type)
        self._there = there
        self._joined = b""

    @property
    def size(self) -> int:
        return sum(block.size for block in self._value)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return b"".join([part for block in self._value for part in block.parts]).decode(encoding, errors)

    def drop(self) -> None:
        self._value = ()
        self._joined = b""

    async def write(self, writer: AbstractStreamWriter) -> None:
        # While it waits, nothing but a piece is held that `drop` would not let go of.
        for number in range(len(self._value)):
            self._demand_reader()
            self._joined = b"".join(self._value[number].parts)
            size = len(self._joined)
            step = size if size <= _AT_ONCE else _PIECE
            for begin in range(0, size, step or 1):
                self._demand_reader()
                await writer.write(self._joined[begin : begin + step])

    def _demand_reader(self) -> None:
        # Under TLS the transport learns later than the socket that nobody is there, and logs each write.
        if not self._there():
            raise ConnectionResetError

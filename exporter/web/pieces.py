"""A page on its way to a peer: handed to the socket piece by piece, and let go of as soon as it is sent.

A page handed over whole would be in memory twice while a peer takes its time, and under TLS three times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.payload import Payload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp.abc import AbstractStreamWriter

_PIECE: Final = 1 << 17


class Page(web.Response):
    """An answer with a large body; aiohttp keeps every answer until the next request of its connection."""

    def __init__(self, body: bytes, *, headers: Mapping[str, str], there: Callable[[], bool]) -> None:
        """Answer with `body` while `there` says that somebody takes it; `headers` name its content type."""
        self._pieces = _Pieces(body, there, content_type=headers["Content-Type"])
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
    def __init__(self, body: bytes, there: Callable[[], bool], *, content_type: str) -> None:
        super().__init__(body, content_type=content_type)
        self._there = there

    @property
    def size(self) -> int:
        return len(self._value)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return bytes(self._value).decode(encoding, errors)

    def drop(self) -> None:
        self._value = b""

    async def write(self, writer: AbstractStreamWriter) -> None:
        for begin in range(0, self.size, _PIECE):
            # Under TLS the transport learns later than the socket that nobody is there, and logs each write.
            if not self._there():
                raise ConnectionResetError
            await writer.write(self._value[begin : begin + _PIECE])

"""A document that takes a while to make: made on a thread of its own, shared by all who ask, kept for a moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from isal import igzip
from msgspec import Struct

from exporter.web.errand import Errand
from exporter.web.uncollected import uncollected

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.web.site import Document

_FASTEST: Final = 1
_SHORTEST_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 5.0
_SHARE_OF_TIME: Final = 10


class Ready(Struct, frozen=True, kw_only=True):
    """The bytes of a document, plain and compressed."""

    plain: bytes
    compressed: bytes
    security_policy: str


class Kept:
    """Makes a document when somebody asks for it, at most once a second; one that takes long is kept longer.

    Everything here runs on the event loop; only the making does not.
    """

    def __init__(self, make: Callable[[], Document]) -> None:
        """Call `make` on a thread; never twice at once."""
        self._errand = Errand(lambda: _ready(_made(make)), name="document", most=1)
        self._making: asyncio.Task[Ready] | None = None
        self._good_until = 0.0

    async def get(self) -> Ready:
        """Return what was made a moment ago, or else is being made now; raises what the making raises."""
        if self._making is None or (self._making.done() and asyncio.get_running_loop().time() >= self._good_until):
            self._making = asyncio.create_task(self._make())
        return await asyncio.shield(self._making)

    async def _make(self) -> Ready:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._good_until = began  # a document that could not be made is tried again by the next who asks
        ready = await self._errand.run()
        ended = loop.time()
        self._good_until = ended + min(max(_SHORTEST_SECONDS, (ended - began) * _SHARE_OF_TIME), _LONGEST_SECONDS)
        return ready


def _made(make: Callable[[], Document]) -> Document:
    with uncollected():
        return make()


def _ready(document: Document) -> Ready:
    plain = document.html.encode()
    return Ready(plain=plain, compressed=igzip.compress(plain, _FASTEST), security_policy=document.security_policy)

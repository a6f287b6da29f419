"""Calls that take seconds: made on a thread of their own, one at a time, while the port goes on answering."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from exporter.aside import aside

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class BusyError(Exception):
    """As many wait for their turn as may."""


class Errand(Generic[T]):
    """Makes one call, again and again, never twice at once; `most` bounds those who run or wait."""

    def __init__(self, call: Callable[[], T], *, name: str, most: int) -> None:
        """Make `call` on a thread called `name`."""
        self._call = call
        self._name = name
        self._most = most
        self._waiting = 0
        self._turn = asyncio.Lock()

    async def run(self) -> T:
        """Return what the call returns or raise what it raises; raises `BusyError` if too many wait already."""
        if self._waiting >= self._most:
            raise BusyError
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.wrap_future(aside(self._call, name=self._name))
        finally:
            self._waiting -= 1

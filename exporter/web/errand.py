"""Calls that take seconds: made on a thread of their own, one at a time, while the port goes on answering."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Generic, TypeVar

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
                return await asyncio.wrap_future(self._begin())
        finally:
            self._waiting -= 1

    def _begin(self) -> Future[T]:
        # A daemon: an executor would be joined at exit, and a call that hangs would then keep the process.
        future: Future[T] = Future()
        Thread(target=self._work, args=(future,), name=self._name, daemon=True).start()
        return future

    def _work(self, future: Future[T]) -> None:
        future.set_running_or_notify_cancel()
        try:
            future.set_result(self._call())
        except Exception as error:  # noqa: BLE001 - the boundary of a thread: whoever waits gets it
            future.set_exception(error)

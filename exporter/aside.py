"""One call on a thread of its own, which holds nobody up: neither who goes on meanwhile nor the end of the process."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def aside(call: Callable[[], T], *, name: str) -> Future[T]:
    """Begin `call` on a thread called `name`, and return what will have its result, or the exception that it raised."""
    future: Future[T] = Future()
    # A daemon: an executor would be joined at exit, and a call that hangs would then keep the process.
    Thread(target=_answer, args=(future, call), name=name, daemon=True).start()
    return future


def _answer(future: Future[T], call: Callable[[], T]) -> None:
    future.set_running_or_notify_cancel()  # from now on nobody can cancel it
    try:
        future.set_result(call())
    except Exception as error:  # noqa: BLE001 - the boundary of a thread: whoever waits gets it
        future.set_exception(error)

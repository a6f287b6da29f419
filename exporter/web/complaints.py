"""What the port says about its peers: bad ones at debug level, and each kind of trouble at most once a minute.

Anybody who reaches the port can cause such lines, so their number must not depend on what peers do.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from aiohttp.http import HttpProcessingError
from msgspec import Struct

from exporter.logs import get_logger

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

_PAUSE_SECONDS: Final = 60.0
_OF_THE_PEER: Final = (HttpProcessingError, ConnectionError, TimeoutError)


class _Told(Struct):
    at: float
    unsaid: int = 0


class Complaints:
    """Tells of each kind of trouble once a minute, with how many of its kind were not told in between."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Measure the minute by `now`, in seconds."""
        self._now = now
        self._told: dict[str, _Told] = {}
        self._logger = get_logger(__name__)

    def tell(self, event: str, *, error: BaseException | None = None, **fields: object) -> None:
        """Write a warning, or with `error` an error with its traceback; `event` is the kind, and one of a few."""
        now, told = self._now(), self._told.get(event)
        if told is not None and now - told.at < _PAUSE_SECONDS:
            told.unsaid += 1
            return
        if told is not None and told.unsaid:
            fields["unsaid"] = told.unsaid
        self._told[event] = _Told(now)
        if error is None:
            self._logger.warning(event, **fields)
        else:
            self._logger.error(event, exc_info=error, **fields)

    def of_the_loop(self, _loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """Handle an error that the event loop could give to nobody; has the shape that asyncio asks for."""
        error = context.get("exception")
        if isinstance(error, _OF_THE_PEER):
            self._logger.debug("A connection failed", what=context.get("message"), error=error)
            return
        self.tell("The web server met an error", error=error, what=context.get("message"))


class PeerLog(logging.LoggerAdapter[logging.Logger]):
    """The logger to give to aiohttp, which would write an error with a traceback for every bad request."""

    def __init__(self, complaints: Complaints) -> None:
        """Pass what is ours to `complaints`, the rest to aiohttp's own logger at debug level."""
        super().__init__(logging.getLogger("aiohttp.server"), {})
        self._complaints = complaints

    def exception(self, msg: object, *args: object, exc_info: Any = None, **_: Any) -> None:  # noqa: ANN401 - the shape of the method replaced
        """Take an error of aiohttp's."""
        if isinstance(exc_info, _OF_THE_PEER):
            self.debug("%s (%s)", str(msg) % args, type(exc_info).__name__)
            return
        error = exc_info if isinstance(exc_info, BaseException) else None
        self._complaints.tell("A request could not be answered", error=error, what=str(msg) % args)

"""One question over HTTP that has an end, whatever the other side does; its outcome in words.

No redirect is followed and no proxy of the environment is asked: a password goes to the named host and nowhere else.
"""

from __future__ import annotations

import ssl
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR, socket
from threading import Event, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exporter.cli.target import Target

T = TypeVar("T")


class Unanswered(Exception):  # noqa: N818 - an outcome that is shown, not a fault
    """The exporter has given no answer; the message says why, in one line, and may quote it as it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[T]):
    """GET `path` of `target`; `read` makes a value of the response, or raises `Unanswered`."""

    target: Target
    path: str
    context: ssl.SSLContext | None
    read: Callable[[HTTPResponse], T]
    headers: Mapping[str, str] = field(default_factory=dict)

    def ask(self, *, seconds: float) -> T:
        """Return what `read` makes of the answer; raises `Unanswered`, after `seconds` in all at the latest."""
        try:
            return _Attempt(self, seconds=seconds).outcome()
        except TimeoutError as error:
            message = f"it does not answer within {seconds:.0f} s"
            raise Unanswered(message) from error
        except ssl.SSLError as error:
            message = f"TLS: {getattr(error, 'verify_message', '') or error.reason or error}"
            raise Unanswered(message) from error
        except OSError as error:
            raise Unanswered(error.strerror or str(error)) from error
        except UnicodeError as error:
            message = "its host is no name that can be looked up"
            raise Unanswered(message) from error
        except HTTPException as error:
            message = f"its answer is broken: {type(error).__name__}"
            raise Unanswered(message) from error

    def connection(self, *, seconds: float) -> HTTPConnection:
        """Return a connection to the target, not open yet; each wait of it ends after `seconds`."""
        if self.context is None:
            return HTTPConnection(self.target.host, self.target.port, timeout=seconds)
        return HTTPSConnection(self.target.host, self.target.port, timeout=seconds, context=self.context)


class _Attempt(Generic[T]):
    """A question on a thread of its own: neither the look-up of a name nor a dripping answer can be timed in place."""

    def __init__(self, question: Question[T], *, seconds: float) -> None:
        self._question = question
        self._seconds = seconds
        self._future: Future[T] = Future()
        self._given_up = Event()
        self._socket: socket | None = None

    def outcome(self) -> T:
        # A daemon: a look-up that hangs does not keep the program from its end.
        Thread(target=self._work, name="question", daemon=True).start()
        try:
            return self._future.result(self._seconds)
        except TimeoutError:
            self._given_up.set()
            if self._socket is not None:
                with suppress(OSError):  # it is closed already
                    self._socket.shutdown(SHUT_RDWR)
            raise

    def _work(self) -> None:
        try:
            self._future.set_result(self._answer())
        except Exception as error:  # noqa: BLE001 - the boundary of a thread: whoever waits gets it
            self._future.set_exception(error)

    def _answer(self) -> T:
        connection = self._question.connection(seconds=self._seconds)
        try:
            connection.connect()
            self._socket = connection.sock
            if self._given_up.is_set():
                raise TimeoutError
            connection.request("GET", self._question.path, headers=dict(self._question.headers))
            with connection.getresponse() as response:
                return self._question.read(response)
        finally:
            connection.close()

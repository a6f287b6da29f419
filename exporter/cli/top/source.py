"""One question to a running exporter: its metrics page and the time of its clock, or why there is none.

No redirect is followed and no proxy of the environment is asked: a password goes to the named host and nowhere else.
"""

from __future__ import annotations

import ssl
from base64 import b64encode
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.cli.top.target import Target
    from exporter.clock import Clock
    from exporter.model import Secret

TIMEOUT: Final = 5.0
"""Seconds that connecting may take, and each wait for the next bytes."""
_LARGEST: Final = 256 * 1024 * 1024
_PIECE: Final = 1024 * 1024
_ACCEPT: Final = "application/openmetrics-text; version=1.0.0"
_WORDS: Final[dict[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "it asks for a user and a password (--user, --password-file)",
    HTTPStatus.FORBIDDEN: "it does not let this client in (403)",
    HTTPStatus.NOT_FOUND: "there is no such page (404); mind --web.route-prefix and --web.telemetry-path",
    HTTPStatus.TOO_MANY_REQUESTS: "it was asked too often (429)",
}


class Unanswered(Exception):  # noqa: N818 - an outcome that is shown, not a fault
    """The exporter has given no page; the message says why, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who asks: a user with a password, a client certificate, both or neither; and whom to believe."""

    user: str = ""
    password: Secret | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def headers(self) -> dict[str, str]:
        """Return what a request says of the user."""
        if self.password is None:
            return {}
        token = b64encode(f"{self.user}:{self.password.reveal()}".encode()).decode("ascii")
        return {"Authorization": f"Basic {token}"}

    def context(self) -> ssl.SSLContext:
        """Return how TLS is spoken; raises `OSError` for a file that cannot be used."""
        context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        if self.cert_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A page, the exporter's time at it (seconds since 1970), and ours (`Clock.elapsed`) when it was asked for."""

    content: bytes
    exporter_time: float
    asked_at: float


class Source:
    """The metrics page of one exporter; every question takes a connection of its own."""

    def __init__(self, target: Target, login: Login, *, telemetry_path: str, clock: Clock) -> None:
        """Ask `target` as `login`; raises `OSError` if a file of the login cannot be used."""
        self._target = target
        self._path = target.path + telemetry_path
        self._headers = {"Accept": _ACCEPT, "Connection": "close", **login.headers()}
        self._context = login.context() if target.secure else None
        self._clock = clock

    def fetch(self) -> Answer:
        """Return the page; raises `Unanswered`."""
        asked_at = self._clock.elapsed()
        connection = self._connection()
        try:
            connection.request("GET", self._path, headers=self._headers)
            with connection.getresponse() as response:
                content = _content(response)
                return Answer(content=content, exporter_time=self._time_of(response), asked_at=asked_at)
        except TimeoutError as error:
            message = f"it does not answer within {TIMEOUT:.0f} s"
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
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        if self._context is None:
            return HTTPConnection(self._target.host, self._target.port, timeout=TIMEOUT)
        return HTTPSConnection(self._target.host, self._target.port, timeout=TIMEOUT, context=self._context)

    def _time_of(self, response: HTTPResponse) -> float:
        try:
            return parsedate_to_datetime(response.headers["Date"]).timestamp()
        except (TypeError, ValueError):
            return self._clock.now().timestamp()  # a proxy that drops it; then both clocks had better agree


def _content(response: HTTPResponse) -> bytes:
    if response.status != HTTPStatus.OK:
        raise Unanswered(_refusal(response))
    content = bytearray()
    while piece := response.read(_PIECE):
        content += piece
        if len(content) > _LARGEST:
            message = f"its page is larger than {_LARGEST // 2**20} MiB"
            raise Unanswered(message)
    if response.length:
        message = "its answer is cut off"
        raise Unanswered(message)
    return bytes(content)


def _refusal(response: HTTPResponse) -> str:
    location = response.headers["Location"]
    if location is not None:
        return f"it answers {response.status} and leads to {location}; give that URL if it is the exporter"
    return _WORDS.get(response.status, "") or f"it answers {response.status}"

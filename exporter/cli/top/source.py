"""One question to a running exporter: its metrics page and the time of its clock, or why there is none."""

from __future__ import annotations

import ssl
from base64 import b64encode
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.cli.question import Question, Unanswered

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from pathlib import Path

    from exporter.cli.target import Target
    from exporter.clock import Clock
    from exporter.model import Secret

TIMEOUT: Final = 5.0
"""Seconds that a question may take, from the look-up of the name to the last byte."""
_LARGEST: Final = 256 * 1024 * 1024
_PIECE: Final = 1024 * 1024
_ACCEPT: Final = "application/openmetrics-text; version=1.0.0"
_WORDS: Final[dict[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "it asks for a user and a password (--user, --password-file)",
    HTTPStatus.FORBIDDEN: "it does not let this client in (403)",
    HTTPStatus.NOT_FOUND: "there is no such page (404); mind --web.route-prefix and --web.telemetry-path",
    HTTPStatus.TOO_MANY_REQUESTS: "it was asked too often (429)",
}


class Login(Struct, frozen=True, kw_only=True):
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


class Answer(Struct, frozen=True, kw_only=True):
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
        question = Question(
            target=self._target,
            path=self._path,
            context=self._context,
            headers=self._headers,
            read=lambda response: (_content(response), self._time_of(response)),
        )
        content, exporter_time = question.ask(seconds=TIMEOUT)
        return Answer(content=content, exporter_time=exporter_time, asked_at=asked_at)

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

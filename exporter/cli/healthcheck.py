"""`bingx-exporter healthcheck`: one question to a running exporter, one exit code."""

from __future__ import annotations

import json
import ssl
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from exporter.cli.question import Question, Unanswered
from exporter.cli.target import Target
from exporter.cli.wording import shown

if TYPE_CHECKING:
    from http.client import HTTPResponse

_OWN_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_SECONDS: Final = 2.0
_MOST_BYTES: Final = 1024


def healthcheck(url: str, *, form: str = "text") -> int:
    """Return 0 if `url` answers 200 within 2 s, else 1; tell the reason on stderr, or as `form` json both on stdout.

    Raises `ValueError` for what `Target` takes for no URL of an exporter.
    """
    error = _illness(url, Target.of(url))
    if form == "json":
        print(json.dumps({"url": url, "healthy": error is None, "error": error}, indent=2))
    elif error is not None:
        print(f"unhealthy: {shown(url)}: {shown(error)}", file=sys.stderr)
    return 0 if error is None else 1


def _illness(url: str, target: Target) -> str | None:
    question = Question(
        target=target,
        path=quote(urlsplit(url).path, safe="/%") or "/",
        context=_context(target) if target.secure else None,
        headers={"Connection": "close"},
        read=_demand_200,
    )
    try:
        question.ask(seconds=_SECONDS)
    except Unanswered as error:
        return str(error)
    return None


def _demand_200(response: HTTPResponse) -> None:
    if response.status != HTTPStatus.OK:
        message = f"it answers {response.status}"
        raise Unanswered(message)
    response.read(_MOST_BYTES)


def _context(target: Target) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if target.host in _OWN_HOSTS:
        # A question within the machine, with nothing secret in it: certificates are made out for other names.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context

"""An exchange without a socket, a clock set by hand, and a signer that shares nothing with the exchange's own."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from exporter.simulator import Options
from exporter.simulator.control import control
from exporter.simulator.delivery import Write
from exporter.simulator.exchange import Exchange
from exporter.simulator.messages import Request

if TYPE_CHECKING:
    from collections.abc import Callable


class ManualClock:
    """A calendar that moves when told."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def elapsed(self) -> float:
        return self.moment.timestamp()


def signed(secret: str, pairs: list[tuple[str, str]]) -> str:
    """Sign raw values in the order given, then encode them."""
    raw = "&".join(f"{name}={value}" for name, value in pairs)
    signature = hmac.new(secret.encode(), raw.encode(), hashlib.sha256).hexdigest()
    sent = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)
    return f"{sent}&signature={signature}"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def tick(clock: ManualClock) -> Callable[[float], None]:
    def tick(seconds: float) -> None:
        clock.moment += timedelta(seconds=seconds)

    return tick


@pytest.fixture
def begin(clock: ManualClock) -> Callable[..., Exchange]:
    def begin(**options: object) -> Exchange:
        chosen: dict[str, Any] = {"limits": False, "trade_interval": 0, "funding_interval": 0, "history_days": 7}
        chosen.update(options)
        return Exchange(Options(**chosen), clock)

    return begin


@pytest.fixture
def exchange(begin: Callable[..., Exchange]) -> Exchange:
    return begin()


@pytest.fixture
def send() -> Callable[..., dict[str, Any]]:
    """Send a raw query to the exchange and return the decoded answer, or the bytes of a file as `file`."""

    def send(
        exchange: Exchange, path: str, query: str, *, key: str | None, address: str = "127.0.0.1"
    ) -> dict[str, Any]:
        headers = {} if key is None else {"x-bx-apikey": key}
        request = Request(method="GET", path=path, query=query, headers=headers, address=address)
        written = b"".join(step.data for step in exchange.answer(request) if isinstance(step, Write))
        head, _, body = written.partition(b"\r\n\r\n")
        assert b"gzip" not in head
        answer: dict[str, Any] = json.loads(body) if body.startswith(b"{") else {"file": body}
        return answer

    return send


@pytest.fixture
def ask(send: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Ask as an account would: right key, right signature, right time."""

    def ask(exchange: Exchange, account: str, path: str, **parameters: object) -> dict[str, Any]:
        login = next(one for one in exchange.accounts() if one.name == account)
        pairs = [(name, str(value)) for name, value in parameters.items()]
        if "timestamp" not in parameters:
            pairs.append(("timestamp", str(exchange.world.now_ms())))
        return send(exchange, path, signed(login.api_secret, pairs), key=login.api_key)

    return ask


@pytest.fixture
def command() -> Callable[..., Any]:
    """Do a control call and return status and decoded answer."""

    def command(
        exchange: Exchange, method: str, name: str, query: str = "", **fields: object
    ) -> tuple[int, dict[str, Any]]:
        body = json.dumps(fields).encode() if method == "POST" else b""
        reply = control(exchange, Request(method=method, path=f"/_sim/{name}", query=query, body=body))
        return reply.status, json.loads(reply.body)

    return command

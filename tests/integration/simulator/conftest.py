"""A running exchange and a client for it that signs by itself."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests

from exporter.clock import SystemClock
from exporter.simulator import Options, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(Options(limits=False, history_days=7)) as running:
        yield running


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as one:
        one.trust_env = False
        yield one


@pytest.fixture
def call(simulator: Simulator, session: requests.Session) -> Callable[..., requests.Response]:
    """Send a signed request as the account of that name."""

    def call(account: str, path: str, *, timeout: float = 5.0, **parameters: object) -> requests.Response:
        login = next(one for one in simulator.accounts if one.name == account)
        now_ms = int(SystemClock().now().timestamp() * 1000)
        pairs = [*((name, str(value)) for name, value in parameters.items()), ("timestamp", str(now_ms))]
        raw = "&".join(f"{name}={value}" for name, value in pairs)
        signature = hmac.new(login.api_secret.encode(), raw.encode(), hashlib.sha256).hexdigest()
        sent = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)
        url = f"{simulator.url}{path}?{sent}&signature={signature}"
        return session.get(url, headers={"X-BX-APIKEY": login.api_key}, timeout=timeout)

    return call


@pytest.fixture
def command(simulator: Simulator) -> Callable[..., dict[str, Any]]:
    """Do a control call that has to succeed."""

    def command(name: str, **fields: object) -> dict[str, Any]:
        reply = requests.post(f"{simulator.url}/_sim/{name}", json=fields, timeout=5)
        assert reply.status_code == 200, reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    return command


@pytest.fixture
def stopwatch() -> Callable[[], float]:
    begun = time.perf_counter()
    return lambda: time.perf_counter() - begun

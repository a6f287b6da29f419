from __future__ import annotations

import http.client
import inspect
import socket
import ssl
from typing import TYPE_CHECKING

import pytest
import requests.exceptions
import urllib3.exceptions

from exporter.bingx.endpoints import Endpoint
from exporter.bingx.foreign import TABLE, translate

if TYPE_CHECKING:
    from types import ModuleType

POOL = urllib3.HTTPConnectionPool("127.0.0.1", 9)
URL = "/openApi/swap/v3/user/balance?timestamp=1&signature=" + "ab" * 32
CONNECTION = urllib3.connection.HTTPConnection("127.0.0.1", 9)


def classes(module: ModuleType) -> list[type[BaseException]]:
    return [
        found
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, Exception) and not issubclass(found, Warning) and found.__module__ == module.__name__
    ]


@pytest.mark.parametrize("foreign", [*classes(requests.exceptions), *classes(urllib3.exceptions)])
def test_every_exception_of_the_http_libraries_has_a_row_of_its_own(foreign: type[BaseException]) -> None:
    assert foreign in TABLE


@pytest.mark.parametrize(
    ("foreign", "reason"),
    [
        (requests.exceptions.ConnectionError(urllib3.exceptions.MaxRetryError(
            POOL, URL, urllib3.exceptions.NameResolutionError("h", CONNECTION, socket.gaierror(-2, "no"))
        )), "dns"),
        (requests.exceptions.ConnectionError(urllib3.exceptions.MaxRetryError(
            POOL, URL, urllib3.exceptions.NewConnectionError(CONNECTION, URL))), "connection"),
        (requests.exceptions.ConnectionError(urllib3.exceptions.ProtocolError(
            "Connection aborted.", ConnectionResetError(104, "Connection reset by peer"))), "connection"),
        (requests.exceptions.ConnectionError(urllib3.exceptions.ProtocolError(
            "Connection aborted.", http.client.RemoteDisconnected("closed"))), "connection"),
        (requests.exceptions.ConnectionError(urllib3.exceptions.ProtocolError(
            "Connection aborted.", http.client.BadStatusLine("SSH"))), "malformed_response"),
        (requests.exceptions.SSLError(urllib3.exceptions.MaxRetryError(
            POOL, URL, urllib3.exceptions.SSLError(ssl.SSLError("x")))), "tls"),
        (requests.exceptions.ProxyError(urllib3.exceptions.MaxRetryError(
            POOL, URL, urllib3.exceptions.ProxyError(URL, OSError("Tunnel connection failed: 407")))), "connection"),
        (requests.exceptions.ReadTimeout(urllib3.exceptions.ReadTimeoutError(POOL, URL, URL)), "timeout"),
        (requests.exceptions.ConnectTimeout(urllib3.exceptions.MaxRetryError(
            POOL, URL, urllib3.exceptions.ConnectTimeoutError(CONNECTION, URL))), "timeout"),
        (urllib3.exceptions.ProtocolError("broken", urllib3.exceptions.IncompleteRead(1, 2)), "truncated"),
        (urllib3.exceptions.ProtocolError("Response ended prematurely"), "truncated"),
        (urllib3.exceptions.DecodeError(URL), "malformed_response"),
        (TimeoutError(URL), "timeout"),
        (ValueError(URL), "connection"),
    ],
)  # fmt: skip
def test_the_innermost_known_exception_says_what_happened(foreign: Exception, reason: str) -> None:
    error = translate(foreign, endpoint=Endpoint.BALANCE)
    assert error.reason == reason
    assert error.endpoint is Endpoint.BALANCE
    assert "openApi" not in error.detail
    assert "ab" * 8 not in error.detail

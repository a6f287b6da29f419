"""The exceptions of requests, urllib3, http.client, ssl and socket, translated into ours by one table.

This module owns the table and makes sure that nothing of a foreign text is passed on: such texts hold the signed URL.
Foreign exceptions come wrapped in each other; the innermost one that the table knows says what happened.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import requests.exceptions
import urllib3.exceptions

from exporter.bingx.errors import (
    CallTimeout,
    ConnectionFailed,
    MalformedResponse,
    NameNotResolved,
    TlsFailed,
    TooLarge,
    Truncated,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.bingx.errors import BingxError
    from exporter.bingx.paths import Endpoint

_Error = type[MalformedResponse] | type[CallTimeout | ConnectionFailed | NameNotResolved | TlsFailed | Truncated]

_BY_CLASS: Final[tuple[tuple[_Error, tuple[type[BaseException], ...]], ...]] = (
    (
        CallTimeout,
        (
            TimeoutError,
            requests.exceptions.ConnectTimeout,
            requests.exceptions.ReadTimeout,
            requests.exceptions.Timeout,
            urllib3.exceptions.ConnectTimeoutError,
            urllib3.exceptions.ReadTimeoutError,
            urllib3.exceptions.TimeoutError,
            urllib3.exceptions.TimeoutStateError,
        ),
    ),
    (NameNotResolved, (socket.gaierror, socket.herror, urllib3.exceptions.NameResolutionError)),
    (TlsFailed, (ssl.SSLError, ssl.CertificateError, requests.exceptions.SSLError, urllib3.exceptions.SSLError)),
    (
        Truncated,
        (
            http.client.IncompleteRead,
            requests.exceptions.ChunkedEncodingError,
            urllib3.exceptions.IncompleteRead,
            urllib3.exceptions.ProtocolError,
            ssl.SSLEOFError,
            ssl.SSLZeroReturnError,
        ),
    ),
    (
        MalformedResponse,
        (
            http.client.HTTPException,
            requests.exceptions.ContentDecodingError,
            requests.exceptions.InvalidJSONError,
            requests.exceptions.JSONDecodeError,
            requests.exceptions.TooManyRedirects,
            urllib3.exceptions.BodyNotHttplibCompatible,
            urllib3.exceptions.DecodeError,
            urllib3.exceptions.HeaderParsingError,
            urllib3.exceptions.InvalidChunkLength,
            urllib3.exceptions.ResponseError,
            urllib3.exceptions.ResponseNotChunked,
            zlib.error,
        ),
    ),
    (
        ConnectionFailed,
        (
            OSError,
            http.client.InvalidURL,
            http.client.RemoteDisconnected,
            requests.exceptions.ConnectionError,
            requests.exceptions.HTTPError,
            requests.exceptions.InvalidHeader,
            requests.exceptions.InvalidProxyURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.InvalidURL,
            requests.exceptions.MissingSchema,
            requests.exceptions.ProxyError,
            requests.exceptions.RequestException,
            requests.exceptions.RetryError,
            requests.exceptions.StreamConsumedError,
            requests.exceptions.URLRequired,
            requests.exceptions.UnrewindableBodyError,
            urllib3.exceptions.ClosedPoolError,
            urllib3.exceptions.EmptyPoolError,
            urllib3.exceptions.FullPoolError,
            urllib3.exceptions.HTTPError,
            urllib3.exceptions.HostChangedError,
            urllib3.exceptions.InvalidHeader,
            urllib3.exceptions.LocationParseError,
            urllib3.exceptions.LocationValueError,
            urllib3.exceptions.MaxRetryError,
            urllib3.exceptions.NewConnectionError,
            urllib3.exceptions.PoolError,
            urllib3.exceptions.ProxyError,
            urllib3.exceptions.ProxySchemeUnknown,
            urllib3.exceptions.ProxySchemeUnsupported,
            urllib3.exceptions.RequestError,
            urllib3.exceptions.URLSchemeUnknown,
            urllib3.exceptions.UnrewindableBodyError,
        ),
    ),
)
TABLE: Final[Mapping[type[BaseException], _Error]] = MappingProxyType(
    {foreign: ours for ours, classes in _BY_CLASS for foreign in classes}
)
FOREIGN: Final = (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError, zlib.error, ValueError)
_DEPTH: Final = 16


def translate(foreign: BaseException, *, endpoint: Endpoint) -> BingxError:
    """Make our error of a foreign exception; its `detail` names classes and operating-system texts, nothing else."""
    known = [(cause, ours) for cause in _causes(foreign) if (ours := _look_up(type(cause))) is not None]
    cause, ours = known[-1] if known else (foreign, ConnectionFailed)
    return ours(_detail(cause), endpoint=endpoint)


def too_large(limit: int, *, endpoint: Endpoint) -> TooLarge:
    """Make the error for an answer of more than `limit` bytes."""
    return TooLarge(f"more than {limit} bytes", endpoint=endpoint)


def broke_unanswered(foreign: BaseException) -> bool:
    """Tell whether the other side hung up, as it may on a connection that was kept open between calls."""
    return any(isinstance(cause, ConnectionError) for cause in _causes(foreign))


def _look_up(foreign: type[BaseException]) -> _Error | None:
    return next((TABLE[base] for base in foreign.__mro__ if base in TABLE), None)


def _causes(foreign: BaseException) -> Iterator[BaseException]:
    """Walk from the outermost to the innermost exception, the way requests and urllib3 wrap them."""
    current: BaseException | None = foreign
    seen: set[int] = set()
    while current is not None and id(current) not in seen and len(seen) < _DEPTH:
        seen.add(id(current))
        yield current
        current = _within(current)


def _within(foreign: BaseException) -> BaseException | None:
    inner = (getattr(foreign, "reason", None), *reversed(foreign.args), foreign.__cause__)
    return next((cause for cause in inner if isinstance(cause, BaseException)), None)


def _detail(cause: BaseException) -> str:
    name = type(cause).__name__
    if isinstance(cause, ssl.SSLError):
        why = getattr(cause, "verify_message", None) or getattr(cause, "reason", None)
        return f"{name}: {why}" if why else name
    if type(cause).__module__ in {"builtins", "socket"} and isinstance(cause, OSError) and cause.strerror:
        return f"{name}: {cause.strerror}"
    return name

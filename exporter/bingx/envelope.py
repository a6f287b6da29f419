"""The envelope `{code, msg, data}` around every answer: out comes `data`, or the error that the answer tells.

Pure, and about one answer only. HTTP 200 with another code than 0 is how the exchange usually says no; an envelope with
a known code inside another status says more than the status, so it wins. A flat answer has its fields beside the code,
and in the exchange's own example not even a code.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from exporter.bingx.codes import CODES, error_for
from exporter.bingx.errors import (
    ApiError,
    BingxError,
    ExchangeError,
    Forbidden,
    HttpClientError,
    HttpServerError,
    MalformedResponse,
    RateLimited,
)
from exporter.bingx.wire import decode

if TYPE_CHECKING:
    from exporter.bingx.paths import Endpoint

_AROUND: Final = frozenset({"code", "msg", "debugMsg", "success", "timestamp", "data"})
_GOOD: Final = range(200, 300)
_FORBIDDEN: Final = 403
_TOO_MANY: Final = frozenset({418, 429})
_SERVER: Final = range(500, 600)
_CODE: Final = re.compile(r"-?[0-9]{1,9}").fullmatch
_CODE_BOUND: Final = 10**9


def unwrap(status: int, body: bytes, *, endpoint: Endpoint) -> object:
    """Return the `data` of a good answer, of a flat one its other fields.

    Raises `ApiError`, `HttpError` or `MalformedResponse` for every other answer.
    """
    if status not in _GOOD:
        raise _refusal(status, body, endpoint)
    envelope = _envelope(body, endpoint)
    code = 0 if endpoint.flat and "code" not in envelope else _code(envelope)
    if code is None:
        raise MalformedResponse(detail="is not an error code", path="code", endpoint=endpoint)
    if code != 0:
        raise error_for(code, _message(envelope), endpoint=endpoint)
    if envelope.get("success") is False:
        raise ExchangeError(detail="success is false although the code is 0", code=0, endpoint=endpoint)
    if endpoint.flat:
        return envelope.get("data") or {name: envelope[name] for name in envelope.keys() - _AROUND}
    if "data" not in envelope:
        raise MalformedResponse(detail="is missing", path="data", endpoint=endpoint)
    return envelope["data"]


def _envelope(body: bytes, endpoint: Endpoint) -> dict[str, object]:
    try:
        decoded = decode(body)
    except MalformedResponse as failure:
        failure.endpoint = endpoint
        raise
    if type(decoded) is not dict:
        raise MalformedResponse(detail="the answer is no JSON object", endpoint=endpoint)
    return decoded


def _refusal(status: int, body: bytes, endpoint: Endpoint) -> BingxError:
    told = _told(body, endpoint)
    if told is not None:
        return told
    detail = f"HTTP status {status}"
    if status in _TOO_MANY:
        return RateLimited(detail, endpoint=endpoint)
    if status == _FORBIDDEN:
        return Forbidden(detail, status=status, endpoint=endpoint)
    kind = HttpServerError if status in _SERVER else HttpClientError
    return kind(detail, status=status, endpoint=endpoint)


def _told(body: bytes, endpoint: Endpoint) -> ApiError | None:
    try:
        envelope = _envelope(body, endpoint)
    except MalformedResponse:
        return None
    code = _code(envelope)
    if not code:
        return None
    error = error_for(code, _message(envelope), endpoint=endpoint)
    return error if code in CODES or isinstance(error, RateLimited) else None


def _code(envelope: dict[str, object]) -> int | None:
    code = envelope.get("code")
    if type(code) is str and _CODE(code):
        return int(code)
    return code if type(code) is int and abs(code) < _CODE_BOUND else None


def _message(envelope: dict[str, object]) -> str:
    texts = [text for text in (envelope.get("msg"), envelope.get("debugMsg")) if type(text) is str and text]
    return " / ".join(texts)

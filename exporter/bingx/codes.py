"""What the exchange's error codes mean, both generations of them, and what its texts add.

This module owns the table and the reading of messages. The same number can mean several things, so a few texts are
asked as well; a code that is not in the table is an `ExchangeError`, never a guess.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from exporter.bingx.errors import (
    AccountRestricted,
    ApiError,
    BadRequest,
    BadSignature,
    ClockSkew,
    ExchangeBusy,
    ExchangeError,
    InvalidKey,
    IpNotWhitelisted,
    PermissionDenied,
    RateLimited,
)
from exporter.model import from_milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from exporter.bingx.paths import Endpoint

_BY_CLASS: Final[tuple[tuple[type[ApiError], tuple[int, ...]], ...]] = (
    (BadSignature, (100001, 100412)),
    (InvalidKey, (100413,)),
    (IpNotWhitelisted, (100419,)),
    (AccountRestricted, (100414, 100441, 101210, 101483, 101484)),
    (PermissionDenied, (100004, 100403, 104414)),
    (ClockSkew, (100421,)),
    (RateLimited, (100409, 100410, 109429)),
    (ExchangeBusy, (100500, 100503, 101214, 101219, 101412, 101500, 109403, 109500, 109701, 110500)),
    (ExchangeBusy, (40029, 80012, 80020)),
    (BadRequest, (100204, 100400, 100404, 100450, 109400, 109414, 109425)),
    (BadRequest, (80001, 80014)),
    # What only an order or a change of mode can meet: a read call that does has met something new.
    (ExchangeError, (100202, 100437, 100440, 100490, 101201, 101204, 101253, 101413, 101485, 102201)),
    (ExchangeError, (104103, 104108, 104424, 109201, 109415, 109417, 109418, 109420, 109421, 109422)),
    (ExchangeError, (109423, 109424, 109430, 112414, 80013, 80016, 80017, 80018, 80019)),
)
CODES: Final[Mapping[int, type[ApiError]]] = MappingProxyType(
    {code: error for error, codes in _BY_CLASS for code in codes}
)

_CARRIES_ANOTHER: Final = frozenset({80012, 101204, 109500})
_INNER_CODE: Final = re.compile(r'"[Cc]ode"\s*:\s*"?(\d{1,9})\b', re.ASCII)
_UNTIL: Final = re.compile(r"\b(?:after|time|until)\b[^0-9]{0,16}([0-9]{13})(?![0-9])", re.IGNORECASE)
_BANNED: Final = re.compile(r"over 20 error code|unblocked after", re.IGNORECASE)
_TOO_MANY: Final = re.compile(r"rate.?limit|too many requests|frequency limit", re.IGNORECASE)
_BUSY: Final = re.compile(r"\bbusy\b|service has some errors|try again", re.IGNORECASE)
_OURS: Final = re.compile(r"later than|not exist|margin is not enough|too wide|invalid param", re.IGNORECASE)
_CLOCK: Final = re.compile(r"timestamp", re.IGNORECASE)
_ABSENT: Final = re.compile(r"null|empty|missing|required", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"\bip\b", re.IGNORECASE)
_TEXT_DECIDES: Final[Mapping[int, tuple[tuple[re.Pattern[str], type[ApiError]], ...]]] = MappingProxyType(
    {
        80001: ((_BUSY, ExchangeBusy),),
        80012: ((_OURS, BadRequest),),
        100421: ((_BUSY, ExchangeBusy),),
        109400: ((_ABSENT, BadRequest), (_CLOCK, ClockSkew)),
        109500: ((_OURS, BadRequest),),
    }
)


def error_for(code: int, message: str, *, endpoint: Endpoint | None = None) -> ApiError:
    """Make the error that a code and its text stand for; never raises, whatever the text.

    A ban names its end as milliseconds since 1970 ("unblocked after ...", "retry after time: ..."): that is `retry_at`.
    """
    kind = _kind(code, message)
    error = kind(message, code=code, endpoint=endpoint, retry_at=_end_of_ban(message) if kind is RateLimited else None)
    if isinstance(error, RateLimited):
        error.whole_address = _ADDRESS.search(message) is not None
    return error


def _kind(code: int, message: str) -> type[ApiError]:
    inner = _INNER_CODE.search(message) if code in _CARRIES_ANOTHER else None
    if inner is not None:
        code = int(inner[1])
    if _BANNED.search(message):
        return RateLimited
    for pattern, kind in _TEXT_DECIDES.get(code, ()):
        if pattern.search(message):
            return kind
    known = CODES.get(code, ExchangeError)
    return RateLimited if known is ExchangeError and _TOO_MANY.search(message) else known


def _end_of_ban(message: str) -> datetime | None:
    named = [int(digits) for digits in _UNTIL.findall(message)]
    return from_milliseconds(max(named)) if named else None

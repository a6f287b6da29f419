"""Everything that can go wrong between us and the exchange, as one tree.

    BingxError
    ├── TransportError                 no complete answer came back
    │   ├── CallTimeout                timeout
    │   ├── ConnectionFailed           connection
    │   ├── NameNotResolved            dns
    │   ├── TlsFailed                  tls
    │   ├── Truncated                  truncated
    │   └── TooLarge                   too_large
    ├── HttpError                      an answer whose HTTP status says no, and nothing in it says more
    │   ├── Forbidden                  forbidden
    │   ├── HttpServerError            http_server_error
    │   └── HttpClientError            http_client_error
    ├── MalformedResponse              malformed_response (an answer that cannot be believed; `path` says where)
    ├── ApiError                       the exchange understood the call and said no; `code` is its own
    │   ├── AuthenticationError        concerns every call of the account
    │   │   ├── BadSignature           bad_signature
    │   │   ├── InvalidKey             invalid_key
    │   │   ├── IpNotWhitelisted       ip_not_whitelisted
    │   │   └── AccountRestricted      account_restricted
    │   ├── PermissionDenied           permission_denied
    │   ├── ClockSkew                  clock_skew
    │   ├── RateLimited                rate_limited
    │   ├── BadRequest                 bad_request
    │   ├── ExchangeBusy               exchange_busy
    │   └── ExchangeError              exchange_error
    └── AccountMismatch                account_mismatch (raised by polling: the key belongs to another user)

A leaf's `reason` is the value of the label `reason`: tree and label are one list. This module owns the tree and what an
error may say; which code means which class is told by `codes`. No error carries a key, a signature, a query or an
address of the caller: `detail` passes `redact` on its way in.
"""

# ruff: noqa: N818 - the leaves are named for what happened, as the label `reason` is

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from exporter.bingx.paths import Endpoint

_READ_AT_MOST: Final = 4096
_SAY_AT_MOST: Final = 200
_PARTIAL_WORD: Final = re.compile(r"[\w+/=%.:-]*\Z")
_HIDDEN: Final = (
    (re.compile(r"(?i)\b(signature|timestamp|api_?-?key|secret)(\s*[=:]\s*)[^\s&,;\"']+"), r"\1\2<hidden>"),
    (re.compile(r"[A-Za-z0-9+/=_-]{32,}"), "<hidden>"),
    (re.compile(r"(?:\d{1,3}\.){3}\d{1,3}", re.ASCII), "<address>"),
    (re.compile(r"(?:(?:[0-9A-Fa-f]{0,4}:){3,7}|[0-9A-Fa-f]{0,4}::)[0-9A-Fa-f]{0,4}"), "<address>"),
)
_OF_A_MISSING_RIGHT: Final = frozenset(
    {
        *("permission", "denied", "as", "the", "this", "api", "key", "was", "created", "without", "lacks"),
        *("need", "needs", "perpetual", "futures", "trading", "please", "config", "it", "in"),
    }
)
"""The words in which the exchange says that a key lacks the right which the income calls need."""
_LINK: Final = re.compile(r"https://bingx\.com[a-z0-9/_.-]*")


def redact(text: str) -> str:
    """Make a foreign text fit to be shown: one line of 200 characters, without keys, hashes or addresses."""
    short = text if len(text) <= _READ_AT_MOST else _PARTIAL_WORD.sub("", text[:_READ_AT_MOST])
    line = " ".join("".join(c if c.isprintable() else " " for c in short).split())
    for pattern, instead in _HIDDEN:
        line = pattern.sub(instead, line)
    return line if len(line) <= _SAY_AT_MOST else line[: _SAY_AT_MOST - 1] + "…"


class BingxError(Exception):
    """A call that gave no usable answer: which, why, and what an operator can do.

    `retryable` says that the same call may succeed later although nobody changes anything. `retry_at` (aware UTC, on
    the exchange's calendar) is the moment before which the exchange wants no further call.
    """

    reason: ClassVar[str]
    retryable: ClassVar[bool] = True
    mend: ClassVar[str]

    def __init__(
        self,
        detail: str = "",
        *,
        code: int | None = None,
        endpoint: Endpoint | None = None,
        retry_at: datetime | None = None,
    ) -> None:
        """Hold what is known; `detail` may be a foreign text and is redacted here."""
        self.detail = redact(detail)
        self.code = code
        self.endpoint = endpoint
        self.retry_at = retry_at
        super().__init__(self.detail)

    def __str__(self) -> str:
        """One line: endpoint, reason, code, detail, until when, what to do."""
        code = "" if self.code is None else f" (code {self.code})"
        detail = f": {self.detail}" if self._says_more() else ""
        until = f"; not before {self.retry_at.isoformat(timespec='milliseconds')}" if self.retry_at else ""
        return f"{self.endpoint or 'bingx'}: {self.reason}{code}{detail}{until}; {self.mend}"

    def _says_more(self) -> bool:
        """Say whether `detail` tells anything that reason and advice do not."""
        return bool(self.detail)


class TransportError(BingxError):
    """No complete answer came back."""


class CallTimeout(TransportError):
    """The whole call took longer than it may."""

    reason = "timeout"
    mend = "check the way to the exchange (network, proxy), or raise `timeout`"


class ConnectionFailed(TransportError):
    """No connection, or one that broke before an answer; a proxy that refuses counts.

    `stale`: the connection had been kept from an earlier call, and the other side hung up as it may. The next call
    goes out on a fresh one; it needs a permit of its own, since nobody knows whether this one was counted.
    """

    stale = False

    reason = "connection"
    mend = "check the network, the firewall, `base_url` and `proxy`"


class NameNotResolved(TransportError):
    """The name of the host does not resolve."""

    reason = "dns"
    mend = "check the resolver of this machine and the host in `base_url` or `proxy`"


class TlsFailed(TransportError):
    """TLS could not be agreed on, or the certificate is not trusted."""

    reason = "tls"
    mend = "check the clock and the CA certificates of this machine, and any proxy that opens TLS"


class Truncated(TransportError):
    """The answer ended before its announced end."""

    reason = "truncated"
    mend = "nothing to do if it passes; else check what lies between here and the exchange"


class TooLarge(TransportError):
    """The answer is larger than any true one can be."""

    reason = "too_large"
    mend = "check what answers in the exchange's place: `base_url`, `proxy`"


class HttpError(BingxError):
    """An answer whose HTTP status says no; `status` is that status, if there is one."""

    def __init__(self, detail: str = "", *, status: int | None = None, endpoint: Endpoint | None = None) -> None:
        """Hold the status beside what every error holds."""
        super().__init__(detail, endpoint=endpoint)
        self.status = status


class Forbidden(HttpError):
    """HTTP 403: the exchange's firewall has shut this address out, for five minutes or longer."""

    reason = "forbidden"
    mend = "wait, it is a ban of this address; lower the number of accounts on it, or give some a `proxy` of their own"


class HttpServerError(HttpError):
    """HTTP 5xx: the exchange or its front is down."""

    reason = "http_server_error"
    mend = "wait, the exchange is in trouble"


class HttpClientError(HttpError):
    """Another HTTP status than 200, such as a redirect, which is never followed."""

    reason = "http_client_error"
    retryable = False
    mend = "check `base_url` and `proxy`: this is not how the exchange answers"


class MalformedResponse(BingxError):
    """An answer that cannot be believed; `path` says where ("data[3].positionAmt"), "" for the whole."""

    reason = "malformed_response"
    mend = "the exchange sent what it never sent before; if it lasts, report it with this line"

    def __init__(self, detail: str = "", *, path: str = "", endpoint: Endpoint | None = None) -> None:
        """Hold the path beside what every error holds."""
        super().__init__(f"{path} {detail}" if path else detail, endpoint=endpoint)
        self.path = redact(path)


class ApiError(BingxError):
    """The exchange understood the call and said no; `code` is its own, `None` where a bare HTTP status said it."""


class AuthenticationError(ApiError):
    """The exchange refuses the key itself: no call of this account can work until somebody acts."""

    retryable = False


class BadSignature(AuthenticationError):
    """The signature does not fit the key."""

    reason = "bad_signature"
    mend = "check that `api_secret` belongs to `api_key` and was copied whole"


class InvalidKey(AuthenticationError):
    """The key is wrong, missing or deleted."""

    reason = "invalid_key"
    mend = "check `api_key`: it is not known to the exchange (deleted, cut, or of another environment)"


class IpNotWhitelisted(AuthenticationError):
    """The key may not be used from this address."""

    reason = "ip_not_whitelisted"
    mend = "add the egress address of this machine (or its proxy) to the whitelist of the key"


class AccountRestricted(AuthenticationError):
    """The account is under risk control, or lacks identification, or its region is not served."""

    reason = "account_restricted"
    mend = "log in to the exchange: the account needs identification or its support"


class PermissionDenied(ApiError):
    """The key lacks the right for this endpoint; its other endpoints may work."""

    reason = "permission_denied"
    retryable = False
    mend = "give the key the right `Perpetual Futures Trading` (or switch this collector off)"

    def _says_more(self) -> bool:
        # The exchange's advice is ours. A text that names another right, or anything else, has a word beyond these.
        return not _OF_A_MISSING_RIGHT.issuperset(re.findall(r"\w+", _LINK.sub("", self.detail.lower())))


class ClockSkew(ApiError):
    """The timestamp of the call was outside the receive window."""

    reason = "clock_skew"
    mend = "nothing to do, the clock is measured anew; if it stays, check NTP on this machine"


class RateLimited(ApiError):
    """Too many calls; `retry_at` is the end of the ban where named, `whole_address` if it is on the address."""

    reason = "rate_limited"
    mend = "wait; if it returns, other programs use the same user or address: poll slower, or give it a `proxy`"
    whole_address: bool = False


class BadRequest(ApiError):
    """The exchange does not accept the parameters."""

    reason = "bad_request"
    retryable = False
    mend = "this is our call, not your setting: report it with this line"


class ExchangeBusy(ApiError):
    """The exchange cannot answer now."""

    reason = "exchange_busy"
    mend = "wait, the exchange is in trouble"


class ExchangeError(ApiError):
    """A code that says nothing about reading an account, or that nobody has documented."""

    reason = "exchange_error"
    retryable = False
    mend = "look the code up in the exchange's documentation"


class AccountMismatch(BingxError):
    """The key belongs to another user than the one whose income the ledger holds under this name."""

    reason = "account_mismatch"
    retryable = False
    mend = "give the new user's key an account name of its own"


def _leaves(branch: type[BingxError]) -> Iterator[type[BingxError]]:
    below = branch.__subclasses__()
    if not below:
        yield branch
    for child in below:
        yield from _leaves(child)


ERRORS: Final[tuple[type[BingxError], ...]] = tuple(_leaves(BingxError))
REASONS: Final[tuple[str, ...]] = tuple(error.reason for error in ERRORS)

"""The page docs/faults.md: every failure, its reason, what leaves the page, and when it is tried again.

Reasons come from the error tree, codes from the table of codes, and pauses from limits and schedule at work, so the
page cannot differ from them. Which failure has which reason is written here; tests/integration/test_faults.py plays it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from exporter.bingx.codes import CODES
from exporter.bingx.errors import (
    ERRORS,
    AccountMismatch,
    ApiError,
    AuthenticationError,
    BadRequest,
    BingxError,
    CallTimeout,
    ClockSkew,
    ConnectionFailed,
    ExchangeBusy,
    ExchangeError,
    Forbidden,
    HttpClientError,
    HttpServerError,
    InvalidKey,
    MalformedResponse,
    NameNotResolved,
    RateLimited,
    TlsFailed,
    TooLarge,
    Truncated,
)
from exporter.bingx.fallback import UNANSWERED_CALLS, UNANSWERED_SECONDS, UNREACHED_CALLS, UNREACHED_SECONDS
from exporter.bingx.holds import LONGEST_BAN
from exporter.bingx.limits import Caller, Limits, Permit
from exporter.bingx.paths import Endpoint
from exporter.bingx.repeats import AT_MOST, WITHIN_SECONDS
from exporter.bingx.transport import MAX_BODY
from exporter.polling.host import PROBE_SECONDS
from exporter.polling.schedule import RETRY_CEILING, retry_delay

if TYPE_CHECKING:
    from collections.abc import Iterator

_Rows = tuple[tuple[str, type[BingxError] | None], ...]

_OLD_CODES: Final = range(100_000)
_LONG: Final = 86400.0
_INTERVALS: Final = (5.0, 10.0, 60.0, 3600.0)
_BOUND: Final = f"{MAX_BODY >> 20} MiB"

_WAY: Final[_Rows] = (
    ("The name of the host does not resolve", NameNotResolved),
    ("Nothing listens: the connection is refused", ConnectionFailed),
    ("The connection is reset before an answer", ConnectionFailed),
    ("No connection comes about in time", CallTimeout),
    ("TLS is expected and something else answers", TlsFailed),
    ("The certificate is not trusted", TlsFailed),
    ("The TLS handshake does not end", CallTimeout),
    ("The name of the proxy does not resolve", NameNotResolved),
    ("The proxy is not there", ConnectionFailed),
    ("The proxy refuses the tunnel, with 407 or another status", ConnectionFailed),
    ("The proxy says nothing", CallTimeout),
)
_ANSWER: Final[_Rows] = (
    ("Not a byte of an answer comes", CallTimeout),
    ("The head drips in, byte by byte", CallTimeout),
    ("The body drips in, byte by byte", CallTimeout),
    ("The right answer comes, after `timeout`", CallTimeout),
    ("The body ends before its announced length", Truncated),
    ("A chunked body lacks its last chunk", Truncated),
    (f"The body is larger than {_BOUND}", TooLarge),
    (f"A packed body unpacks to more than {_BOUND}", TooLarge),
    ("Status 200 without a body", MalformedResponse),
    ("Status 200 with a web page", MalformedResponse),
    ("The JSON breaks off", MalformedResponse),
    ("Lists in place of texts, objects in place of numbers", MalformedResponse),
    ("An infinite number that cannot be done without, such as an amount", MalformedResponse),
    ("An infinite number that may be missing, such as an equity", None),
    ("NUL bytes between the JSON's", None),
    ("A field that nobody knows", None),
)
_STATUS: Final[_Rows] = (
    ("Status 403, as the exchange's firewall answers", Forbidden),
    ("Status 418", RateLimited),
    ("Status 429", RateLimited),
    ("Status 500 without a body", HttpServerError),
    ("Status 502 with a web page", HttpServerError),
    ("Status 504 with a web page", HttpServerError),
    ("Status 404 with a web page", HttpClientError),
    ("A redirect; it is not followed", HttpClientError),
    ("Status 401 with code 100413 in it: the code counts", InvalidKey),
    ("Status 503 with a code in it that nobody knows: the status counts", HttpServerError),
)
_WORDS: Final[_Rows] = (
    ("A limit whose text names its end", RateLimited),
    ("`over 20 error code` in the text of any code", RateLimited),
    ("`rate limit` in the text of a code that nobody knows", RateLimited),
    ("Code 80001 or 100421, `busy` in its text", ExchangeBusy),
    ("Code 80012 or 109500, `not exist` or `later than` in its text", BadRequest),
    ("Code 80012 with the JSON of another code in its text: that code counts", ExchangeError),
    ("Code 109400, `timestamp` in its text", ClockSkew),
    ("A code that nobody knows", ExchangeError),
    ('The code as a text, `"100413"`', InvalidKey),
    ("A code with an empty text", ExchangeBusy),
    ("A code with `data: {}`", ExchangeBusy),
    ("A code with `data: null`", ExchangeBusy),
    ("A code without `data`", ExchangeBusy),
    ("A code with `debugMsg`", ExchangeBusy),
    ("Code 0 with `success: false`", ExchangeError),
    ("Code 0 with `data: {}` for balance or fee rates", MalformedResponse),
    ("Code 0 with `data: {}` or `null` for positions or income: there are none", None),
    ("Code 0 without `data`", MalformedResponse),
)
_OURS: Final[_Rows] = (("The key is another user's than the one whose income the ledger holds", AccountMismatch),)

INTRODUCTION: Final = """\
# Faults

<!-- Written by scripts/generate_docs.py; change scripts/faults_docs.py or the error tree instead. -->

What can go wrong with a call, what the metrics say then, and when it is tried again. A test plays every line of the
first tables against a running exporter. The ledger's own failures are
[among the metrics](metrics.md#reason-of-a-ledger-failure).

- `bingx_collector_failures_total` counts the failure under its `reason`; `bingx_collector_success` is 0 and
  `bingx_collector_consecutive_failures` counts up until a call succeeds. The log has the first failure of a row
  as a warning and the others at `debug`.
- A failure changes nothing on the page at once: what was true a moment ago stays until it is older than `stale_after`
  ([how it is counted](metrics.md#how-to-read-them)). Then that collector's gauges leave. Income counters stay and
  stand still.
- It happens to one collector of one account; the other collectors and accounts go on. What is held back beyond that
  is in the [table of reasons](#what-each-reason-means).
"""


NO_FAILURE: Final = """\
Those with the reason "none" are no failures: a NUL is dropped, an optional value that cannot be read is absent, and it
and the unknown field are counted in `bingx_exporter_schema_drift_total`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What the limits do about an error: who waits, how long at first and at most, in seconds."""

    scope: str
    first: float
    longest: float


def render() -> str:
    """Return the whole page."""
    parts = [
        INTRODUCTION,
        "## From the failure to its reason\n",
        _section("On the way", _WAY),
        _section("The answer", _ANSWER),
        NO_FAILURE,
        _section("The status", _STATUS),
        _section("The code", _families()),
        _section("The code's text, and the form of the answer", _WORDS),
        _section("The account", _OURS),
        _reasons(),
        _pauses(),
    ]
    return "\n".join(parts)


def hold_of(error: type[BingxError]) -> Hold | None:
    """Play an error to the limits until its pause no longer grows; `None` if they let the next call go at once."""
    limits, caller = Limits(), Caller(user="user", address="address", account="account")
    pauses: list[float] = []
    scope, now = "", 0.0
    while len(pauses) < AT_MOST and not any(one == other for one, other in pairwise(pauses)):
        permit = limits.reserve(caller, Endpoint.BALANCE, now)
        if not isinstance(permit, Permit):
            message = f"a pause after {error.reason} does not end when it says"
            raise TypeError(message)
        permit.sent(now)
        limits.settle(permit, now, error=_example(error))
        until = limits.blocked_until(caller, Endpoint.BALANCE, now)
        if until is None:
            return None
        scope = scope or _scope(limits, caller, now)
        pauses.append(until - now)
        now = until
    return Hold(scope=scope, first=pauses[0], longest=pauses[-1])


def _example(error: type[BingxError]) -> BingxError:
    return error("", code=1) if issubclass(error, ApiError) else error("")


def _scope(limits: Limits, caller: Caller, now: float) -> str:
    if limits.blocked_until(caller, Endpoint.POSITIONS, now) is not None:
        return "the account"
    other_key = Caller(user=caller.user, address=caller.address, account="another")
    if limits.blocked_until(other_key, Endpoint.BALANCE, now) is not None:
        return "user and endpoint"
    return "account and endpoint"


def _families() -> _Rows:
    """Return a row per class and generation of codes."""
    rows: list[tuple[str, type[BingxError] | None]] = []
    for error in dict.fromkeys(CODES.values()):
        codes = sorted(code for code, means in CODES.items() if means is error)
        for generation in (False, True):
            mine = [str(code) for code in codes if (code in _OLD_CODES) is generation]
            if mine:
                rows.append((f"Code {', '.join(mine)}", error))
    return tuple(rows)


def _section(title: str, rows: _Rows) -> str:
    lines = [f"### {title}", "", "| failure | `reason` |", "|---|---|"]
    lines += [f"| {failure} | {f'`{error.reason}`' if error else 'none'} |" for failure, error in rows]
    return "\n".join([*lines, ""])


def _reasons() -> str:
    text = """\
## What each reason means

**Gauges**: whose leave the page after `stale_after`. **Held**: for whom the limits let nothing out, at first and
at most; the pause doubles in between, one call goes out to see when it is over, and only its answer ends it, or a new
key. **By itself**: whether it may pass although nobody does anything; it is tried again in any case.

| `reason` | gauges | held | by itself | what to do |
|---|---|---|---|---|"""
    return "\n".join([text, *(_reason(error) for error in ERRORS), ""])


def _reason(error: type[BingxError]) -> str:
    gauges = "the account's" if issubclass(error, AuthenticationError) else "the collector's"
    hold = hold_of(error)
    held = f"{hold.scope}: {_time(hold.first)} to {_time(hold.longest)}" if hold else "nobody"
    mend = error.mend[:1].upper() + error.mend[1:]
    return f"| `{error.reason}` | {gauges} | {held} | {'yes' if error.retryable else 'no'} | {mend}. |"


def _pauses() -> str:
    first, fifth = retry_delay(1, interval=_LONG, jitter=0), 1 - retry_delay(1, interval=1, jitter=1)
    table = "\n".join(f"| {_time(one)} | {', '.join(_series(one))} |" for one in _INTERVALS)
    return f"""\
## When it is tried again

Beside what the limits hold, a collector pauses by itself after a failure; the later of the two counts. Its own pause
begins with {_time(first)}, or the interval if that is shorter, and doubles up to four intervals, never past
{_time(RETRY_CEILING)}. Each is up to {fifth:.0%} shorter by chance, so that accounts which failed together do not come
back together.

| interval | pauses after failures in a row |
|---|---|
{table}

- After a refused key, a limit or a 403 there is no pause of its own: the collector is due at its next poll, at the
  latest after {_time(RETRY_CEILING)}, and then waits for the hold to end.
- **A limit that names its end** is waited out to that moment, never shorter. It holds user and endpoint, or the whole
  address if the text speaks of the IP. An end more than {_time(LONGEST_BAN)} away is not believed.
- **403, 418, 429 and limits without an end** hold the address and endpoint too once a second user of it meets them.
- **A refused key** holds the whole account; one call at a time sees whether it is taken again, and then every
  collector goes on at once.
- **`clock_skew`** measures the exchange's clock anew, once for the host.
- **Equal codes**: the exchange bans a user for 20 of them in {_time(WITHIN_SECONDS)}. After {AT_MOST} the exporter
  waits until the oldest is that old.
- **A kept connection that the exchange has closed meanwhile** is no failure: the call goes out again on another one,
  with a slot of its own.
- **A host that cannot be reached**: there is a [second one](configuration.md) for that. It takes {UNREACHED_CALLS}
  failures of `connection` or `dns` in {_time(UNREACHED_SECONDS)}, or {UNANSWERED_CALLS} of these and `timeout` in
  {_time(UNANSWERED_SECONDS)}, with no answer to any call of the same egress address in between. Then the host is asked
  for its time once more. If that fails too, and the second host answers, all calls of that address go there. The first
  is asked every {_time(PROBE_SECONDS)}, and its answer, whatever it says, brings them back. An answer of the first,
  such as a limit, a 403 or a 500, never leads to the second; nor does a network or a proxy by which neither can be
  reached.
- **Income and fee rates** wait for the first good balance, which says whose key it is; until then they have its
  `reason`.
"""


def _series(interval: float) -> Iterator[str]:
    last = 0.0
    for failures in range(1, AT_MOST):
        pause = retry_delay(failures, interval=interval, jitter=0)
        if pause == last:
            yield "…"
            return
        last = pause
        yield _time(pause)


def _time(seconds: float) -> str:
    whole = round(seconds)
    if whole >= 3600 and whole % 3600 == 0:  # noqa: PLR2004 - an hour
        return f"{whole // 3600} h"
    return f"{whole // 60} min" if whole >= 60 and whole % 60 == 0 else f"{whole} s"  # noqa: PLR2004 - a minute

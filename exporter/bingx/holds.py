"""Bans and pauses: when the exchange has said no, who waits for how long.

    a ban that names its end      user and endpoint, or the whole address: nothing goes out before that moment
    a refusal without an end      user and endpoint, 10 s doubling to 5 min; address and endpoint once a second user
                                  meets it
    the key itself is refused     the whole account, 10 s doubling to 1 min
    another no of the exchange    account and endpoint, 10 s doubling to 1 min
    the exchange is in trouble    account and endpoint, 1 s doubling to 1 min

When a pause or a ban is over, exactly one call goes out to see; the others wait for its answer. Only that one ends the
pause, or makes it longer: a call that was let out before says nothing about it, whatever its answer. An account with a
new key has none any more (`forget`). Not thread-safe: `limits` holds the lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.bingx.errors import (
    ApiError,
    AuthenticationError,
    BadRequest,
    BingxError,
    ClockSkew,
    ConnectionFailed,
    ExchangeBusy,
    Forbidden,
    HttpClientError,
    HttpServerError,
    PermissionDenied,
    RateLimited,
)
from exporter.bingx.overview import block
from exporter.bingx.permits import Caller, Permit, Wait

if TYPE_CHECKING:
    from exporter.bingx.overview import Exceptions
    from exporter.bingx.paths import Endpoint

_Key = tuple[str, ...]

_ACCOUNT: Final = "account"
_ENDPOINT: Final = "endpoint"
_USER: Final = "user"
_ADDRESS: Final = "address"
_OF_THE_EXCHANGE: Final = frozenset({_USER, _ADDRESS})
"""Whom the exchange itself blocks, for calls that are too many; the other two wait because of pauses of our own."""
_A_MOMENT: Final = 1.0


class Pause(Struct, frozen=True):
    """How long to wait: `first` seconds, doubling up to `longest`."""

    first: float
    longest: float


BANNED: Final = Pause(first=10.0, longest=300.0)
REFUSED: Final = Pause(first=10.0, longest=60.0)
LONGEST_BAN: Final = 86400.0
"""A named end farther away than this is not believed: bans of minutes are known, and a text may be garbled."""
TROUBLE: Final = Pause(first=1.0, longest=60.0)
_BAN_OVER: Final = 1.0
"""How long to wait after the first call behind a ban if its answer says nothing of the ban."""


class _Hold(Struct):
    address: str
    until: float
    seconds: float
    why: str
    named: bool = False
    probe: Permit | None = None

    def sees(self, probe: Permit | None) -> bool:
        """Tell whether a call that is out to see for another pause sees for this one, too: it left after it began."""
        if probe is None or self.named:
            return False
        return probe.sent_at is None or probe.sent_at >= self.until - self.seconds

    def prolong(self, pause: Pause, now: float, why: str) -> None:
        """Wait once more, and longer, because the call that was to see found that the pause is not over."""
        self.seconds = min(max(2 * self.seconds, pause.first), pause.longest)
        self.named = False
        self.until, self.why = now + self.seconds, why


class Holds:
    """Every ban and pause that is in force."""

    def __init__(self) -> None:
        self._bans: dict[_Key, float] = {}
        self._pauses: dict[_Key, _Hold] = {}

    def identify(self, key_name: str, user: str) -> None:
        """Let the bans and pauses of a key be those of its user."""
        for key in [key for key in self._bans if key[:2] == (_USER, key_name)]:
            mine = (_USER, user, *key[2:])
            self._bans[mine] = max(self._bans.pop(key), self._bans.get(mine, 0.0))
        for key in [key for key in self._pauses if key[:2] == (_USER, key_name)]:
            mine, hold = (_USER, user, *key[2:]), self._pauses.pop(key)
            shorter, longer = sorted((self._pauses.get(mine, hold), hold), key=lambda each: each.until)
            if longer.sees(shorter.probe):
                longer.probe = longer.probe or shorter.probe
            self._pauses[mine] = longer

    def forget(self, account: str) -> None:
        """End the pauses that are the account's own."""
        for key in [key for key in self._pauses if key[0] in {_ACCOUNT, _ENDPOINT} and key[1] == account]:
            del self._pauses[key]

    def blocked(self, caller: Caller, endpoint: Endpoint, now: float) -> Wait | None:
        """Tell the last ban or pause in force for such a call."""
        waits = [
            *(
                Wait(self._bans[key], "the exchange named this time")
                for key in self._keys(caller, endpoint, self._bans)
            ),
            *(Wait(hold.until, hold.why) for hold in self._holds(caller, endpoint)),
        ]
        return max((wait for wait in waits if wait.until > now), key=lambda wait: wait.until, default=None)

    def survey(self, endpoint: Endpoint, now: float, found: Exceptions) -> None:
        """Tell until when the exchange wants no such calls: the time it named, or our pause where it named none."""
        ends = {_USER: found.user_ends, _ADDRESS: found.address_ends}
        moments = [*self._bans.items(), *((key, hold.until) for key, hold in self._pauses.items())]
        for (kind, whose, *at), until in moments:
            if kind in _OF_THE_EXCHANGE and until > now and at in ([], [endpoint]):
                block(ends[kind], whose, until)

    def probed(self, caller: Caller, endpoint: Endpoint, now: float) -> Wait | None:
        """Tell whether a call is out to see if a pause is over."""
        if any(hold.probe is not None for hold in self._holds(caller, endpoint)):
            return Wait(now + _A_MOMENT, "one call is out to see whether it works again")
        return None

    def begin(self, permit: Permit) -> None:
        """Take note of a call that may go out: it is the one that sees whether the pauses are over."""
        for hold in self._holds(permit.caller, permit.endpoint):
            hold.probe = permit

    def cancel(self, permit: Permit) -> None:
        """Take note of a call that was never made."""
        for hold in self._holds(permit.caller, permit.endpoint):
            if hold.probe is permit:
                hold.probe = None

    def settle(self, permit: Permit, now: float, error: BingxError | None, retry_at: float | None) -> None:
        """Draw the consequences of an answer; `retry_at` is the named end of a ban on our scale of seconds."""
        keys = self._keys(permit.caller, permit.endpoint, self._pauses)
        probed = [key for key in keys if self._pauses[key].probe is permit]
        self.cancel(permit)
        if isinstance(error, ConnectionFailed) and error.stale:
            return  # the exchange was not asked
        meant = () if error is None else self._impose(permit, now, error, retry_at, probed)
        for key in probed:
            if error is None or _answers(key, error):
                self._pauses.pop(key, None)
            elif key not in meant:
                self._pauses[key].until = now + self._pauses[key].seconds

    def _impose(
        self, permit: Permit, now: float, error: BingxError, retry_at: float | None, probed: list[_Key]
    ) -> tuple[_Key, ...]:
        if isinstance(error, (RateLimited, Forbidden)):
            if retry_at is not None and now < retry_at <= now + LONGEST_BAN:
                return (self._ban(_banned(permit, error), permit, retry_at),)
            keys: tuple[_Key, ...] = self._refused(permit, error)
            pause = BANNED
        elif isinstance(error, AuthenticationError):
            keys, pause = ((_ACCOUNT, permit.caller.account),), REFUSED
        elif isinstance(error, (ExchangeBusy, ClockSkew, HttpServerError)):
            keys, pause = ((_ENDPOINT, permit.caller.account, permit.endpoint),), TROUBLE
        elif isinstance(error, (ApiError, HttpClientError)):
            keys, pause = ((_ENDPOINT, permit.caller.account, permit.endpoint),), REFUSED
        else:
            return ()
        for key in keys:
            if key not in self._pauses:
                self._pauses[key] = _Hold(permit.caller.address, now + pause.first, pause.first, error.reason)
            elif key in probed:
                self._pauses[key].prolong(pause, now, error.reason)
        return keys

    def _ban(self, key: _Key, permit: Permit, retry_at: float) -> _Key:
        self._bans[key] = until = max(retry_at, self._bans.get(key, 0.0))
        why = "the exchange named this time"
        self._pauses[key] = _Hold(permit.caller.address, until, _BAN_OVER, why, named=True)
        return key

    def _refused(self, permit: Permit, error: BingxError) -> tuple[_Key, ...]:
        caller, endpoint = permit.caller, permit.endpoint
        if isinstance(error, RateLimited) and error.whole_address:
            return ((_ADDRESS, caller.address),)
        if not endpoint.signed:
            return ((_ADDRESS, caller.address, endpoint),)
        own = (_USER, caller.user, endpoint)
        others = (
            hold
            for key, hold in self._pauses.items()
            if key[0] == _USER and key[2] == endpoint and key != own and hold.address == caller.address
            if not hold.named
        )
        return (own,) if next(others, None) is None else (own, (_ADDRESS, caller.address, endpoint))

    def _holds(self, caller: Caller, endpoint: Endpoint) -> list[_Hold]:
        return [self._pauses[key] for key in self._keys(caller, endpoint, self._pauses)]

    def _keys(self, caller: Caller, endpoint: Endpoint, known: dict[_Key, float] | dict[_Key, _Hold]) -> list[_Key]:
        if not known:
            return []
        keys: list[_Key] = [
            (_ENDPOINT, caller.account, endpoint),
            (_ADDRESS, caller.address, endpoint),
            (_ADDRESS, caller.address),
        ]
        if endpoint.signed:
            keys += [(_ACCOUNT, caller.account), (_USER, caller.user, endpoint)]
        return [key for key in keys if key in known]


def _banned(permit: Permit, error: BingxError) -> _Key:
    caller = permit.caller
    if isinstance(error, RateLimited) and error.whole_address:
        return (_ADDRESS, caller.address)
    return (
        (_USER, caller.user, permit.endpoint) if permit.endpoint.signed else (_ADDRESS, caller.address, permit.endpoint)
    )


def _answers(key: _Key, error: BingxError) -> bool:
    """Tell whether another error than the one that began a pause shows that the pause is over."""
    if key[0] == _ACCOUNT:
        return isinstance(error, (PermissionDenied, BadRequest))
    if key[0] in {_USER, _ADDRESS}:
        return isinstance(error, ApiError) and not isinstance(error, RateLimited)
    return False

"""The exchange's limits: so many calls a window for each user and each address, blocks, and bans for those who go on.

Owns windows, blocks and bans, by the time of arrival. A window slides, which is the strictest reading of the
documents. A refused call takes no place in a window, but it counts towards a ban.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Final

from exporter.simulator.refusals import Refusal

LIMIT_CODES: Final = (100409, 100410, 109429)
"""The codes that mean `too many`; they do not count among equal errors."""

_STRIKE_WINDOW_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRules:
    """How much is allowed; `strikes` refused calls within a minute earn a ban of `ban_ms`.

    `equal_errors` of one code within `equal_errors_ms` earn the same. `code` is what a violation answers with.
    """

    enabled: bool = True
    per_user: int = 5
    per_user_ms: int = 1_000
    per_address: int = 300
    per_address_ms: int = 10_000
    strikes: int = 5
    ban_ms: int = 300_000
    equal_errors: int = 20
    equal_errors_ms: int = 480_000
    code: int = 100410


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls what: `user` is the user id, or something that stands for an unknown key; `None` without a key."""

    user: str | None
    address: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What an admitted caller has left in the window, and in how many milliseconds the oldest call leaves it.

    Without limits there is nothing to tell: `expire_ms` is 0.
    """

    remain: int = 0
    expire_ms: int = 0

    def headers(self) -> dict[str, str]:
        """Return the headers that tell the caller."""
        if not self.expire_ms:
            return {}
        return {
            "X-RateLimit-Requests-Remain": str(self.remain),
            "X-RateLimit-Requests-Expire": str(self.expire_ms),
        }


_Subject = tuple[str, str, str]


class Limits:
    """The doorkeeper; times are milliseconds of the exchange's clock."""

    def __init__(self, rules: LimitRules) -> None:
        self.rules = rules
        self.forget()

    def forget(self) -> None:
        """Forget every call, block and ban, as after the clock was changed."""
        self._arrivals: defaultdict[_Subject, deque[int]] = defaultdict(deque)
        self._strikes: defaultdict[_Subject, deque[int]] = defaultdict(deque)
        self._blocked: dict[_Subject, int] = {}
        self._errors: defaultdict[tuple[str, int], deque[int]] = defaultdict(deque)
        self._banned: dict[str, Refusal] = {}
        self._banned_until: dict[str, int] = {}

    def admit(self, caller: Caller, *, now_ms: int) -> Refusal | Standing:
        """Let a call in and say what is left, or refuse it and say until when."""
        if not self.rules.enabled:
            return Standing()
        ban = self._ban(caller, now_ms)
        if ban is not None:
            return ban
        windows = self._windows(caller)
        for subject, most, span_ms in windows:
            until = self._blocked_until(subject, most=most, span_ms=span_ms, now_ms=now_ms)
            if until is not None:
                return self._violation(subject, until=until, now_ms=now_ms)
        for subject, _, _ in windows:
            self._arrivals[subject].append(now_ms)
        return self._standing(windows[-1], now_ms)

    def note_error(self, caller: Caller, code: int, *, now_ms: int) -> None:
        """Count an error answer; too many equal ones ban the user from everything."""
        who = caller.user
        if not self.rules.enabled or who is None or code in LIMIT_CODES:
            return
        errors = self._errors[who, code]
        _drop_before(errors, now_ms - self.rules.equal_errors_ms)
        errors.append(now_ms)
        if len(errors) < self.rules.equal_errors:
            return
        errors.clear()
        until = now_ms + self.rules.ban_ms
        text = (
            f"over {self.rules.equal_errors} error code:{code} requests within {self.rules.equal_errors_ms} ms, "
            f"please check them and retry after time: {until}"
        )
        self._banned[who] = Refusal(self.rules.code, text)
        self._banned_until[who] = until

    def _ban(self, caller: Caller, now_ms: int) -> Refusal | None:
        who = caller.user or ""
        if now_ms >= self._banned_until.get(who, 0):
            self._banned_until.pop(who, None)
            self._banned.pop(who, None)
            return None
        return self._banned[who]

    def _windows(self, caller: Caller) -> list[tuple[_Subject, int, int]]:
        rules = self.rules
        windows = [(("IP", caller.address, caller.endpoint), rules.per_address, rules.per_address_ms)]
        if caller.user is not None:
            windows.append((("user", caller.user, caller.endpoint), rules.per_user, rules.per_user_ms))
        return windows

    def _blocked_until(self, subject: _Subject, *, most: int, span_ms: int, now_ms: int) -> int | None:
        blocked = self._blocked.get(subject)
        if blocked is not None:
            if now_ms < blocked:
                return blocked
            del self._blocked[subject]
        arrivals = self._arrivals[subject]
        _drop_before(arrivals, now_ms - span_ms + 1)
        return arrivals[0] + span_ms if len(arrivals) >= most else None

    def _violation(self, subject: _Subject, *, until: int, now_ms: int) -> Refusal:
        strikes = self._strikes[subject]
        _drop_before(strikes, now_ms - _STRIKE_WINDOW_MS)
        strikes.append(now_ms)
        if len(strikes) >= self.rules.strikes:
            strikes.clear()
            until = max(until, now_ms + self.rules.ban_ms)
        self._blocked[subject] = until
        text = f"rate limited: this endpoint is closed for this {subject[0]} and will be unblocked after {until}"
        return Refusal(self.rules.code, text)

    def _standing(self, window: tuple[_Subject, int, int], now_ms: int) -> Standing:
        subject, most, span_ms = window
        arrivals = self._arrivals[subject]
        return Standing(most - len(arrivals), arrivals[0] + span_ms - now_ms)


def _drop_before(times: deque[int], earliest: int) -> None:
    while times and times[0] < earliest:
        times.popleft()

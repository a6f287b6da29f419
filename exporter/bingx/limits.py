"""Who may call now: the budgets of the exchange, as data, and who is held.

The slots of a budget are `windows`, bans and pauses `holds`, repeated errors `repeats`. A call that nobody waits for
any more may still be on its way; its slot is held five seconds longer. Pure in time: every method is told what time it
is, in seconds on `Clock.elapsed`. Thread-safe.
"""

from __future__ import annotations

import threading
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from exporter.bingx.errors import CallTimeout, RateLimited
from exporter.bingx.holds import Holds
from exporter.bingx.overview import Exceptions, Overview, limit
from exporter.bingx.paths import Endpoint
from exporter.bingx.permits import STRANGERS, Caller, Permit, Remaining, Rule, Scope, Wait
from exporter.bingx.repeats import Repeats
from exporter.bingx.windows import Window

if TYPE_CHECKING:
    from exporter.bingx.errors import BingxError

__all__ = ["RULES", "Caller", "Limits", "Permit", "Remaining", "Rule", "Scope", "Wait"]


_LATE_SECONDS: Final = 5.0
_GLANCE: Final = 0.02
_STRANGE_SECONDS: Final = 10.0
_ACQUAINTED_SECONDS: Final = 2.0
"""Who has waited this long for strangers goes ahead: they hang, or somebody uses up his budget all the time."""
RULES: Final = (Rule(Scope.USER, calls=5, seconds=1.0), Rule(Scope.ADDRESS, calls=300, seconds=10.0))


class Limits:
    """Who may call now. A permit that is not used has to be given back with `cancel`."""

    def __init__(self, rules: tuple[Rule, ...] = RULES) -> None:
        """Keep to `rules`; the default is what the exchange documents."""
        self._rules = rules
        self._lock = threading.Lock()
        self._windows: dict[tuple[Rule, str, Endpoint], Window] = {}
        self._open: set[Window] = set()
        self._holds = Holds()
        self._repeats = Repeats()
        self._users: dict[str, str] = {}
        self._strangers: set[str] = set()
        self._held_since: dict[tuple[str, Endpoint], float] = {}
        self._failed: set[tuple[str, Endpoint]] = set()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What is kept to."""
        return self._rules

    def knows(self, key_name: str) -> bool:
        """Tell whether the user of that key is known, or will not be."""
        return key_name in self._users

    def identify(self, key_name: str, user: str) -> None:
        """Learn that the calls made for `key_name` were `user`'s, whose keys all share its budgets and its bans.

        What the key has used up counts for the user from now on; calls under way are settled there, too. A key that
        nobody will identify is its own user, unless another account with that key knows better.
        """
        with self._lock:
            if user == key_name != self._users.get(key_name, user):
                return
            self._strangers.discard(key_name)
            self._users |= {name: user for name, whose in self._users.items() if whose == key_name}
            self._users[key_name] = user
            for (rule, whose, endpoint), window in list(self._windows.items()):
                if rule.scope is Scope.USER and whose == key_name:
                    del self._windows[rule, whose, endpoint]
                    self._open.discard(window)
                    joined = self._window(rule, user, endpoint)
                    joined.join(window)
                    self._open.add(joined)
            self._holds.identify(key_name, user)
            self._repeats.identify(key_name, user)

    def forget(self, account: str) -> None:
        """Let an account try at once: it has another key, and what the old one was refused says nothing of that.

        Bans, budgets and what a user or an address has to wait for stay.
        """
        with self._lock:
            self._holds.forget(account)
            self._failed = {failed for failed in self._failed if failed[0] != account}
            self._held_since = {held: since for held, since in self._held_since.items() if held[0] != account}

    def reserve(self, caller: Caller, endpoint: Endpoint, now: float) -> Permit | Wait:
        """Return a permit for one call, or when to ask again."""
        with self._lock:
            caller = self._known(caller)
            wait = self._wait(caller, endpoint, now)
            if wait is not None:
                return wait
            windows = self._windows_of(caller, endpoint)
            permit = Permit(caller, endpoint, marks=tuple(window.take(now) for window in windows))
            self._open.update(windows)
            self._holds.begin(permit)
            self._repeats.begin(_user(caller, endpoint))
            return permit

    def cancel(self, permit: Permit) -> None:
        """Take a permit back that was not used; one that was used or settled is left alone."""
        with self._lock:
            if permit.closed or permit.sent_at is not None:
                return
            self._close(permit)
            for window in self._windows_of(permit.caller, permit.endpoint):
                window.give_back()
            self._holds.cancel(permit)
            self._repeats.end(_user(permit.caller, permit.endpoint))

    def settle(
        self,
        permit: Permit,
        now: float,
        remaining: Remaining | None = None,
        error: BingxError | None = None,
        retry_at: float | None = None,
    ) -> None:
        """Take note of the answer to a call, or of its failure; a second time changes nothing.

        `remaining` is what the exchange said is left, `retry_at` the named end of a ban.
        """
        with self._lock:
            if permit.closed:
                return
            self._close(permit)
            asked = (permit.caller.account, permit.endpoint)
            (self._failed.discard if error is None else self._failed.add)(asked)
            arrived = now + _LATE_SECONDS if isinstance(error, CallTimeout) else now
            windows = self._windows_of(permit.caller, permit.endpoint)
            for window, mark in zip(windows, permit.marks, strict=True):
                window.settled(now, arrived, mark, remaining if window.rule.scope is Scope.USER else None)
            self._open.update(windows)
            user = _user(permit.caller, permit.endpoint)
            self._repeats.end(user)
            self._repeats.record(user, permit.endpoint, now, error)
            self._holds.settle(permit, now, error, retry_at)
            if isinstance(error, RateLimited) and not error.whole_address:
                self._make_room(permit, now)

    def is_retry(self, caller: Caller, endpoint: Endpoint) -> bool:
        """Tell whether the account's last call of the endpoint failed, so that others should go before it."""
        return (caller.account, endpoint) in self._failed

    def remaining(self, caller: Caller, endpoint: Endpoint, now: float) -> int:
        """Return how many calls could go out now, bans and pauses apart."""
        with self._lock:
            windows = self._windows_of(self._known(caller), endpoint)
            return max(0, min((window.free(now) for window in windows), default=0))

    def blocked_until(self, caller: Caller, endpoint: Endpoint, now: float) -> float | None:
        """Return the end of the ban or pause in force, ours before one equal error too many included, else `None`."""
        with self._lock:
            caller = self._known(caller)
            held = self._holds.blocked(caller, endpoint, now)
            spent = self._repeats.spent(_user(caller, endpoint), endpoint, now)
            return max((wait.until for wait in (held, spent) if wait is not None), default=None)

    def overview(self, now: float) -> Overview:
        """Return what `remaining` says of everybody's signed calls, and until when the exchange wants none of them."""
        least = min((rule.calls for rule in self._rules), default=0)
        with self._lock:
            self._open = {window for window in self._open if not window.rests(now)}
            found = {endpoint: Exceptions(full=least) for endpoint in Endpoint if endpoint.signed}
            for window in self._open:
                free = window.free(now)
                if free < least and window.endpoint.signed:
                    of_user, of_address = found[window.endpoint].user_slots, found[window.endpoint].address_slots
                    limit(of_user if window.rule.scope is Scope.USER else of_address, window.whose, free)
            for endpoint, exceptions in found.items():
                self._holds.survey(endpoint, now, exceptions)
            return Overview(found, users=dict(self._users))

    def _make_room(self, permit: Permit, now: float) -> None:
        held = self._holds.blocked(permit.caller, permit.endpoint, now)
        for window in self._windows_of(permit.caller, permit.endpoint):
            if window.rule.scope is Scope.USER:
                window.refused(now, now if held is None else held.until)

    def _known(self, caller: Caller) -> Caller:
        user = self._users.get(caller.user)
        return caller if user is None else caller._replace(user=user)

    def _close(self, permit: Permit) -> None:
        # A call that was under way when its user became known is settled as that user's.
        permit.closed = True
        before, permit.caller = permit.caller, self._known(permit.caller)
        if permit.endpoint.signed and before.user != permit.caller.user:
            self._repeats.move(before.user, permit.caller.user)

    def _wait(self, caller: Caller, endpoint: Endpoint, now: float) -> Wait | None:
        held = (
            self._holds.blocked(caller, endpoint, now)
            or self._holds.probed(caller, endpoint, now)
            or self._repeats.wait(_user(caller, endpoint), endpoint, now)
        )
        if held is not None:
            return held
        full = [window for window in self._windows_of(caller, endpoint) if window.free(now, caller.leaves) < 1]
        if full:
            opens_at, last = max(((window.opens_at(now, caller.leaves), window) for window in full), key=itemgetter(0))
            return Wait(opens_at, "the budget is used up", (last.rule.scope, last.whose, endpoint))
        return self._wait_of_strangers(caller, endpoint, now) if endpoint.signed else None

    def _wait_of_strangers(self, caller: Caller, endpoint: Endpoint, now: float) -> Wait | None:
        """Tell whether a call might be one too many if all keys of which nobody knows the user were one user's."""
        is_strange = caller.stranger and caller.user not in self._users
        if is_strange:
            self._strangers.add(caller.user)
        held, patience = (caller.account, endpoint), _STRANGE_SECONDS if is_strange else _ACQUAINTED_SECONDS
        if not self._may_be_full(caller, endpoint, now) or now - self._held_since.setdefault(held, now) >= patience:
            self._held_since.pop(held, None)
            return None
        budget = (STRANGERS, "", endpoint) if is_strange else (Scope.USER, caller.user, endpoint)
        return Wait(now + _GLANCE, "it is not known yet whose keys are in use", budget)

    def _may_be_full(self, caller: Caller, endpoint: Endpoint, now: float) -> bool:
        return bool(self._strangers) and any(
            rule.scope is Scope.USER and self._used_at_most(rule, caller, endpoint, now) >= rule.calls
            for rule in self._rules
        )

    def _used_at_most(self, rule: Rule, caller: Caller, endpoint: Endpoint, now: float) -> int:
        """Return what the caller may have used, were he and every stranger one user; a stranger may be any user."""
        whose = (
            {caller.user}
            if caller.user not in self._strangers
            else {name for one, name, _ in self._windows if one is rule}
        )
        known = max((self._used(rule, name, endpoint, now) for name in whose - self._strangers), default=0)
        return known + sum(self._used(rule, name, endpoint, now) for name in self._strangers)

    def _used(self, rule: Rule, whose: str, endpoint: Endpoint, now: float) -> int:
        window = self._windows.get((rule, whose, endpoint))
        return 0 if window is None else window.used(now)

    def _windows_of(self, caller: Caller, endpoint: Endpoint) -> list[Window]:
        windows = []
        for rule in self._rules:
            if rule.scope is Scope.USER and not endpoint.signed:
                continue
            whose = caller.user if rule.scope is Scope.USER else caller.address
            windows.append(self._window(rule, whose, endpoint))
        return windows

    def _window(self, rule: Rule, whose: str, endpoint: Endpoint) -> Window:
        key = (rule, whose, endpoint)
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = Window(rule, whose, endpoint)
        return window


def _user(caller: Caller, endpoint: Endpoint) -> str:
    return caller.user if endpoint.signed else f"{caller.address} without a key"

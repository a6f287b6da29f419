"""The board: how each collector of each account is doing, and a listener that is told of every change.

Statuses are immutable and replaced as a whole. Changes of one account are told in the order in which they happened.
"""

from __future__ import annotations

from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field, structs

from exporter.model import CollectorName, PollStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime


class Snapshot(Struct, frozen=True, kw_only=True):
    """What a collector last learned: the data, when it was asked for, and when it is too old to show.

    Both moments are elapsed seconds.
    """

    data: object
    sent_at: float
    expires_at: float


class Listener(Protocol):
    """Whoever shows what stands on the board."""

    def data_changed(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None:
        """Show new data of a collector."""
        ...

    def hastened(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None:
        """Show what is shown already until another moment; it is no new answer."""
        ...

    def statuses_changed(self, account: str, statuses: Mapping[CollectorName, PollStatus]) -> None:
        """Show how the collectors of an account are doing."""
        ...


class _Account(Struct):
    statuses: dict[CollectorName, PollStatus]
    snapshots: dict[CollectorName, Snapshot] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


class Board:
    """The latest word on every account; every method may be called from any thread."""

    def __init__(self, listener: Listener) -> None:
        """Tell `listener` of every change."""
        self._listener = listener
        self._accounts: dict[str, _Account] = {}

    def open(self, account: str, intervals: Mapping[CollectorName, float]) -> None:
        """Begin an account with its enabled collectors and their intervals in seconds.

        Of one that is there already, collectors that go on keep how they are doing; the others are forgotten.
        """
        known = self._accounts.get(account) or _Account({})
        statuses = {
            name: replace(known.statuses.get(name, PollStatus(interval_seconds=interval)), interval_seconds=interval)
            for name, interval in intervals.items()
        }
        snapshots = {name: snapshot for name, snapshot in known.snapshots.items() if name in statuses}
        entry = _Account(statuses, snapshots)
        self._accounts = {**self._accounts, account: entry}
        with entry.lock:
            self._listener.statuses_changed(account, dict(entry.statuses))

    def close(self, account: str) -> None:
        """Forget an account, for which nobody calls any more."""
        self._accounts = {name: entry for name, entry in self._accounts.items() if name != account}

    def withdraw(self, account: str) -> None:
        """Forget what an account was like: nobody knows whether its new key is of the same user. Failures stay."""
        entry = self._accounts[account]
        with entry.lock:
            entry.snapshots.clear()
            for collector in entry.statuses:
                self._replace(account, collector, succeeded=None, reason=None, last_success_at=None)

    def pace(self, account: str, intervals: Mapping[CollectorName, float]) -> None:
        """Let collectors of an account have other intervals, in seconds, from now on."""
        entry = self._accounts.get(account)
        if entry is None:
            return
        with entry.lock:
            for collector, seconds in intervals.items():
                if collector in entry.statuses and entry.statuses[collector].interval_seconds != seconds:
                    self._replace(account, collector, interval_seconds=seconds)

    def hasten(self, account: str, collector: CollectorName, lasts: float) -> None:
        """Show what a collector has learned for no more than `lasts` seconds after it was asked for.

        It never lasts longer than it was to. Of an account that has left nothing is shown anyway.
        """
        entry = self._accounts.get(account)
        if entry is None:
            return
        with entry.lock:
            snapshot = entry.snapshots.get(collector)
            if snapshot is not None and snapshot.sent_at + lasts < snapshot.expires_at:
                entry.snapshots[collector] = sooner = structs.replace(snapshot, expires_at=snapshot.sent_at + lasts)
                self._listener.hastened(account, collector, sooner)

    def succeeded(
        self,
        account: str,
        collector: CollectorName,
        *,
        snapshot: Snapshot | None,
        sent_at: datetime,
        duration: float,
    ) -> None:
        """Record a good call; a `snapshot` of `None` means that there is nothing to show yet."""
        entry = self._accounts[account]
        with entry.lock:
            if snapshot is not None:
                entry.snapshots[collector] = snapshot
                self._listener.data_changed(account, collector, snapshot)
            self._replace(
                account,
                collector,
                succeeded=True,
                reason=None,
                last_success_at=sent_at,
                duration_seconds=duration,
                consecutive_failures=0,
            )

    def showed(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None:
        """Show what is known from before this start; it is not an attempt."""
        entry = self._accounts[account]
        with entry.lock:
            self._listener.data_changed(account, collector, snapshot)

    def failed(
        self, account: str, collector: CollectorName, *, reason: str, duration: float | None, by_exchange: bool = True
    ) -> int:
        """Record a failed call and return how many failed in a row.

        `by_exchange` is false for a failure of our own side (the ledger): it counts in the row, and not among the
        failures of the exchange.
        """
        entry = self._accounts[account]
        with entry.lock:
            status = entry.statuses[collector]
            failures = dict(status.failures)
            if by_exchange:
                failures[reason] = failures.get(reason, 0) + 1
            in_a_row = status.consecutive_failures + 1
            self._replace(
                account,
                collector,
                succeeded=False,
                reason=reason,
                duration_seconds=duration,
                consecutive_failures=in_a_row,
                failures=failures,
            )
            return in_a_row

    def withheld(self, account: str, collectors: Iterable[CollectorName], *, reason: str) -> None:
        """Record that collectors cannot call at all for that reason; no call is counted."""
        entry = self._accounts[account]
        with entry.lock:
            for collector in collectors:
                if collector in entry.statuses:
                    self._replace(account, collector, succeeded=False, reason=reason)

    def statuses(self, account: str) -> Mapping[CollectorName, PollStatus]:
        """Return how the collectors of the account are doing; nothing of an account that is not open."""
        entry = self._accounts.get(account)
        if entry is None:
            return {}
        with entry.lock:
            return dict(entry.statuses)

    def snapshot(self, account: str, collector: CollectorName) -> Snapshot | None:
        """Return what the collector last learned, or `None` before its first good answer."""
        entry = self._accounts.get(account)
        if entry is None:
            return None
        with entry.lock:
            return entry.snapshots.get(collector)

    def untried(self) -> tuple[tuple[str, CollectorName], ...]:
        """Return the collectors that have not finished an attempt yet, as (account, collector).

        The reconciliation is not waited for: it begins when the whole history has been read.
        """
        return tuple(
            (account, name)
            for account, entry in self._accounts.items()
            for name, status in tuple(entry.statuses.items())
            if status.succeeded is None and name is not CollectorName.RECONCILIATION
        )

    def _replace(self, account: str, collector: CollectorName, **changes: object) -> None:
        entry = self._accounts[account]
        entry.statuses[collector] = replace(entry.statuses[collector], **changes)  # type: ignore[arg-type]  # by name
        self._listener.statuses_changed(account, dict(entry.statuses))

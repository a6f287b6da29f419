"""The last hour of equity and of the distance to liquidation: a point a minute, kept in memory, bounded.

Stands between the board and whoever shows it, passes on all that it hears, and notes the first answer of a minute.
"""

from __future__ import annotations

from array import array
from math import isfinite, nan
from threading import Lock
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from exporter.app.status.foremost import MOST_ASSETS, foremost
from exporter.metrics.merging import liquidation_distance
from exporter.model import Balances, CollectorName

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from exporter.clock import Clock
    from exporter.model import PollStatus
    from exporter.polling.board import Listener, Snapshot
    from exporter.web.status import Trend

_MINUTES: Final = 60
_MINUTE_SECONDS: Final = 60


class _Hour:
    """The values of the last sixty minutes; a minute without one is a gap."""

    __slots__ = ("_newest", "_values")

    def __init__(self, minute: int) -> None:
        self._values = array("d", [nan] * _MINUTES)
        self._newest = minute

    def note(self, minute: int, value: float) -> None:
        for passed in range(max(self._newest + 1, minute - _MINUTES + 1), minute):
            self._values[passed % _MINUTES] = nan
        self._newest = minute
        self._values[minute % _MINUTES] = value

    def points(self, minute: int) -> tuple[float | None, ...]:
        return tuple(self._at(one) for one in range(minute - _MINUTES + 1, minute + 1))

    def _at(self, minute: int) -> float | None:
        if not self._newest - _MINUTES < minute <= self._newest:
            return None
        value = self._values[minute % _MINUTES]
        return value if isfinite(value) else None


class _Account(Struct):
    noted: dict[CollectorName, int] = field(default_factory=dict)
    equity: dict[str, _Hour] = field(default_factory=dict)
    distance: _Hour | None = None


class Trends:
    """A listener of the board that remembers an hour; every method may be called from any thread."""

    def __init__(self, listener: Listener, clock: Clock) -> None:
        """Pass everything on to `listener` first."""
        self._listener = listener
        self._clock = clock
        self._lock = Lock()
        self._accounts: dict[str, _Account] = {}
        self._swept = self._minute()

    def data_changed(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None:
        """Pass on, and note the first answer of a minute; one that is too old to show is none."""
        self._listener.data_changed(account, collector, snapshot)
        if snapshot.expires_at <= self._clock.elapsed():
            return
        match snapshot.data:
            case Balances() as balances:
                self._note(account, collector, ((row.asset, row.equity) for row in foremost(balances.assets)))
            case tuple() as positions:
                known = (liquidation_distance(one) for one in positions)
                self._note(account, collector, (("", distance) for distance in known))

    def hastened(self, account: str, collector: CollectorName, snapshot: Snapshot) -> None:
        """Pass on; what was answered before is no point of this minute."""
        self._listener.hastened(account, collector, snapshot)

    def statuses_changed(self, account: str, statuses: Mapping[CollectorName, PollStatus]) -> None:
        """Pass on."""
        self._listener.statuses_changed(account, statuses)

    def forget(self, account: str) -> None:
        """Forget the hour of an account that leaves, or of which nobody knows whose its new key is."""
        with self._lock:
            self._accounts.pop(account, None)

    def equity(self, account: str, asset: str) -> Trend:
        """Return the equity of an account in one asset."""
        with self._lock:
            entry = self._accounts.get(account)
            hour = entry.equity.get(asset) if entry else None
            return self._trend(hour)

    def distance(self, account: str) -> Trend:
        """Return the smallest distance to liquidation of an account, as a fraction of the mark price."""
        with self._lock:
            entry = self._accounts.get(account)
            hour = entry.distance if entry else None
            return self._trend(hour)

    def _trend(self, hour: _Hour | None) -> Trend:
        from exporter.web.status import Trend  # noqa: PLC0415 - paid for by who looks at the page

        return Trend() if hour is None else Trend(points=hour.points(self._minute()))

    def _minute(self) -> int:
        return int(self._clock.elapsed() // _MINUTE_SECONDS)

    def _note(self, account: str, collector: CollectorName, values: Iterable[tuple[str, Decimal | None]]) -> None:
        minute = self._minute()
        with self._lock:
            self._sweep(minute)
            entry = self._accounts.setdefault(account, _Account())
            if entry.noted.get(collector) == minute:
                return
            entry.noted[collector] = minute
            known = [(name, float(value)) for name, value in values if value is not None]
            if collector is CollectorName.BALANCE:
                _note_equity(entry, minute, known)
            elif known:
                entry.distance = entry.distance or _Hour(minute)
                entry.distance.note(minute, min(value for _, value in known))

    def _sweep(self, minute: int) -> None:
        """Forget, once a minute, the accounts that were not heard of for an hour: they have left, or cannot be had."""
        if minute == self._swept:
            return
        self._swept = minute
        self._accounts = {
            name: entry
            for name, entry in self._accounts.items()
            if max(entry.noted.values(), default=minute) > minute - _MINUTES
        }


def _note_equity(entry: _Account, minute: int, known: Sequence[tuple[str, float]]) -> None:
    named = {asset for asset, _ in known}
    if len(named | entry.equity.keys()) > MOST_ASSETS:
        entry.equity = {asset: hour for asset, hour in entry.equity.items() if asset in named}
    for asset, value in known:
        entry.equity.setdefault(asset, _Hour(minute)).note(minute, value)

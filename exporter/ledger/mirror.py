"""What memory knows of one account: the rows of the ledger that the page is made of, as of one transaction.

Immutable: a transaction that has been committed is followed by a new mirror, so that readers need no lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from exporter.ledger.amounts import Sums
from exporter.model import IncomeState, IncomeTotal, from_milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.ledger.matching import Label


class Series(Struct, frozen=True, kw_only=True):
    """One label set and its totals, `compacted` being the part of them without entries; 0 until it has `moved`."""

    id: int
    label: Label
    sums: Sums
    compacted: Sums
    moved: bool
    created_ms: int

    def total(self, sums: Sums) -> IncomeTotal:
        """Return this series with `sums` as its value."""
        return IncomeTotal(
            income_type=self.label.income_type,
            symbol=self.label.symbol,
            asset=self.label.asset,
            credited=sums.credited,
            debited=sums.debited,
            entries=sums.entries,
            created_at=from_milliseconds(self.created_ms),
        )


class Tally(Struct, frozen=True, kw_only=True):
    """What re-reading has found on an account since its epoch: late rows, amended and vanished ones, open gaps."""

    late: int
    amended: int
    vanished: int
    gaps: int


class State(NamedTuple):
    """By what a process knows whether another one has written: transactions so far, cursor, entries in all series."""

    revision: int
    cursor_ms: int
    entries: int


class Mirror(Struct, frozen=True, kw_only=True):
    """One account; `saved_cursor_ms` is in the ledger, `cursor_ms` may be ahead of it while nothing happens.

    Entries before `compacted_until_ms` are no longer there, only their sums. `gaps` are starts and ends (ms) of the
    windows that could not be read completely, in ascending order.
    """

    id: int
    name: str
    user_id: str | None
    since: str
    epoch_ms: int
    cursor_ms: int
    saved_cursor_ms: int
    compacted_until_ms: int | None
    baseline_complete: bool
    revision: int
    tally: Tally
    gaps: tuple[tuple[int, int], ...]
    series: Mapping[Label, Series]
    entries: int
    income_types: tuple[str, ...]
    symbols: tuple[str, ...]

    @property
    def saved(self) -> State:
        """How the account stands in the ledger as long as nobody has written to it since."""
        return State(self.revision, self.saved_cursor_ms, self.entries)

    @property
    def begins_ms(self) -> int:
        """The moment from which the ledger knows each entry by itself."""
        return self.epoch_ms if self.compacted_until_ms is None else self.compacted_until_ms

    def at_least(self, cursor_ms: int) -> Mirror:
        """Return this mirror with its cursor moved up to `cursor_ms`; it never moves back."""
        return replace(self, cursor_ms=max(self.cursor_ms, cursor_ms))

    def totals(self) -> tuple[IncomeTotal, ...]:
        """Return the totals as the ledger has them, whatever the page may show by now."""
        return tuple(series.total(series.sums) for series in self.series.values())

    def moved(self) -> frozenset[int]:
        """Return the ids of the series that have been allowed to move, by this process or another one."""
        return frozenset(series.id for series in self.series.values() if series.moved)

    def display(self, released: frozenset[int]) -> Display:
        """Return what the page may show of the series: nothing before the baseline, 0 if they are not `released`."""
        shown = tuple(self.series.values()) if self.baseline_complete else ()
        held = [item for item in shown if item.id not in released]
        return Display(
            series=self.series,
            released=released,
            totals=tuple(item.total(item.sums if item.id in released else Sums()) for item in shown),
            standing=tuple(item.id for item in held),
            waiting=tuple(item.id for item in held if item.sums.entries),
        )

    def state(self, display: Display) -> IncomeState:
        """Return what the page may show of the account, `display` being that of this mirror."""
        return IncomeState(
            epoch=from_milliseconds(self.epoch_ms),
            watermark=from_milliseconds(self.cursor_ms) if self.cursor_ms > self.epoch_ms else None,
            complete=self.baseline_complete and not self.tally.gaps,
            baseline_complete=self.baseline_complete,
            totals=display.totals,
            baseline_ratio=float(self.baseline_complete),
            late=self.tally.late,
            amended=self.tally.amended,
            vanished=self.tally.vanished,
        )


class Display(Struct, frozen=True, kw_only=True):
    """The series on the page while `released` ones may move: those `standing` are at 0, those `waiting` not for ever.

    `standing` and `waiting` are ids: of the series that are at 0 because they are new on the page, and of those among
    them that have something to show.
    """

    series: Mapping[Label, Series]
    released: frozenset[int]
    totals: tuple[IncomeTotal, ...]
    standing: tuple[int, ...]
    waiting: tuple[int, ...]

    def is_of(self, mirror: Mirror, released: frozenset[int]) -> bool:
        """Say whether it is what `mirror` displays, whose series are loaded anew with every change of the account."""
        return self.series is mirror.series and self.released is released

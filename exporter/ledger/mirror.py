"""What memory knows of one account: the rows of the ledger that the page is made of, as of one transaction.

Immutable: a transaction that has been committed is followed by a new mirror, so that readers need no lock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.ledger.amounts import Sums
from exporter.model import IncomeState, IncomeTotal, from_milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from exporter.ledger.matching import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What re-reading has found on an account since its epoch: late rows, amended and vanished ones, open gaps."""

    late: int
    amended: int
    vanished: int
    gaps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """One account; `saved_cursor_ms` is in the ledger, `cursor_ms` may be ahead of it while nothing happens.

    Entries before `compacted_until_ms` are no longer there, only their sums.
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
    series: Mapping[Label, Series]

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

    def state(self, released: AbstractSet[int]) -> IncomeState:
        """Return what the page may show: no totals before the baseline, 0 for series that are not `released`."""
        shown = self.series.values() if self.baseline_complete else ()
        return IncomeState(
            epoch=from_milliseconds(self.epoch_ms),
            watermark=from_milliseconds(self.cursor_ms) if self.cursor_ms > self.epoch_ms else None,
            complete=self.baseline_complete and not self.tally.gaps,
            baseline_complete=self.baseline_complete,
            totals=tuple(series.total(series.sums if series.id in released else Sums()) for series in shown),
            baseline_ratio=float(self.baseline_complete),
            late=self.tally.late,
            amended=self.tally.amended,
            vanished=self.tally.vanished,
        )

    def standing(self, released: AbstractSet[int]) -> tuple[int, ...]:
        """Return the ids of the series that the page shows at 0 because they are new there."""
        if not self.baseline_complete:
            return ()
        return tuple(series.id for series in self.series.values() if series.id not in released)

    def waiting(self, released: AbstractSet[int]) -> tuple[int, ...]:
        """Return the ids of those of them that have something to show."""
        if not self.baseline_complete:
            return ()
        return tuple(series.id for series in self.series.values() if series.id not in released and series.sums.entries)

"""Old entries into sums: where a ledger may be cut, and the cut itself.

A total never changes by it. What is cut off can no longer be compared with anything, so the cut stays behind all that
a window may still reach, and rows from before it are ignored from then on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.ledger import records
from exporter.ledger.amounts import Sums
from exporter.ledger.windows import DAILY_BACK, DAY

if TYPE_CHECKING:
    from datetime import datetime

    from exporter.ledger.connection import Connection
    from exporter.ledger.mirror import Mirror

_MILLISECOND: Final = timedelta(milliseconds=1)
_DAY_MS: Final = DAY // _MILLISECOND
_BACK_MS: Final = DAILY_BACK // _MILLISECOND


class Compacted(Struct, frozen=True, kw_only=True):
    """What became of an account: `entries` were added to the sums of everything before `until` (`None`: no cut yet)."""

    account: str
    until: datetime | None
    entries: int


def cut_of(mirror: Mirror, before_ms: int) -> int | None:
    """Return the last midnight (UTC) up to `before_ms` at which to cut, `None` if there is nothing to cut off.

    It is a week behind the cursor that is in the ledger: no window is planned that reaches further back.
    """
    cut = min(before_ms, mirror.saved_cursor_ms - _BACK_MS)
    cut -= cut % _DAY_MS
    return cut if mirror.baseline_complete and cut > mirror.begins_ms else None


def compact(connection: Connection, mirror: Mirror, *, cut_ms: int) -> int:
    """Move every entry before `cut_ms` into the sums of its series, and return how many; the totals stay."""
    moved = 0
    for item in mirror.series.values():
        sums = Sums().plus(records.amounts(connection, item.id, before_ms=cut_ms))
        if sums.entries:
            records.remove_compacted(connection, item, item.compacted.joined(sums), before_ms=cut_ms)
            moved += sums.entries
    records.touch(connection, mirror.id, compacted_until_ms=cut_ms)
    return moved

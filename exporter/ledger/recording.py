"""One window against the ledger: what has to change, and the change itself.

`change_of` reads and decides, `enter` writes; both run inside a transaction of the caller. What is decided from a
read transaction is decided again in the one that writes, since another process may have been faster.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from exporter.ledger import records
from exporter.ledger.matching import compare, content_of, storable
from exporter.model import to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from exporter.ledger.connection import Connection
    from exporter.ledger.matching import Amendment, Content, NewRow, Row
    from exporter.ledger.mirror import Mirror
    from exporter.ledger.windows import Window
    from exporter.model import IncomeEntry

SAVE_CURSOR_MS: Final = 3_600_000
"""How far the cursor in memory may be ahead of the one in the ledger while nothing else is written."""

_TRUNCATED: Final = "the exchange has more rows here than it can be made to show"


class Recorded(Struct, frozen=True, kw_only=True):
    """What came of a window: rows entered, known before, entered behind the cursor, and deviations noticed first now.

    `late` rows are among the `new` ones. `amended` and `vanished` count a deviation once, however often it is read.
    """

    new: int
    known: int
    late: int
    amended: int
    vanished: int


class Reading(Struct, frozen=True, kw_only=True):
    """Everything that the exchange showed for one window, in the ledger's terms; `cursor_ms` says how far that is."""

    start_ms: int
    end_ms: int
    shown: tuple[tuple[Content, str], ...]
    cursor_ms: int
    truncated: bool
    baseline_complete: bool


class Change(Struct, frozen=True, kw_only=True):
    """What a reading changes in the ledger.

    `settles` says that the ledger, so changed, has exactly the rows of the reading from its start on.
    """

    reading: Reading
    new: tuple[NewRow, ...]
    amended: tuple[Amendment, ...]
    vanished: tuple[Row, ...]
    known: int
    late: int
    gaps_changed: bool
    finishes_baseline: bool
    cursor_ms: int
    saves_cursor: bool
    settles: bool

    @property
    def idle(self) -> bool:
        """Whether there is nothing worth a transaction."""
        deviates = self.new or self.amended or self.vanished or self.gaps_changed
        return not (deviates or self.finishes_baseline or self.saves_cursor)

    def recorded(self) -> Recorded:
        """Return the figures for the caller."""
        return Recorded(
            new=len(self.new),
            known=self.known,
            late=self.late,
            amended=len(self.amended),
            vanished=len(self.vanished),
        )


def reading_of(
    window: Window,
    entries: Sequence[IncomeEntry],
    *,
    epoch_ms: int,
    cursor: datetime | None,
    truncated: bool,
    baseline_complete: bool,
) -> Reading:
    """Put a call into the ledger's terms; rows before the epoch are left out.

    Raises `ValueError` for a row outside the window, an amount that is none, or a cursor beyond the window.
    """
    stray = next((entry for entry in entries if entry.time not in window), None)
    if stray is not None:
        message = f"a row of {stray.time} does not belong to the window {window.start} .. {window.end}"
        raise ValueError(message)
    if cursor is not None and cursor > window.end:
        message = f"the cursor {cursor} claims more than the window up to {window.end}"
        raise ValueError(message)
    shown = ((content_of(entry), storable(entry.info)) for entry in entries)
    return Reading(
        start_ms=to_milliseconds(window.start),
        end_ms=to_milliseconds(window.end),
        shown=tuple((content, info) for content, info in shown if content.time_ms >= epoch_ms),
        cursor_ms=epoch_ms if cursor is None else to_milliseconds(cursor),
        truncated=truncated,
        baseline_complete=baseline_complete,
    )


def change_of(connection: Connection, mirror: Mirror, reading: Reading) -> Change:
    """Compare `reading` with the ledger, as far as that knows each entry by itself.

    Raises `ValueError` if its cursor would jump over something unread.
    """
    if reading.cursor_ms > mirror.cursor_ms and reading.start_ms > mirror.cursor_ms:
        message = f"reading stands at {mirror.cursor_ms} ms; a window from {reading.start_ms} ms leaves a hole"
        raise ValueError(message)
    reading = _since(mirror.begins_ms, reading)
    span = mirror.id, reading.start_ms, reading.end_ms
    known, beyond = _known(connection, mirror, reading)
    remembered = records.amendments(connection, *span) if mirror.tally.amended else []
    match = compare(known, reading.shown, remembered=remembered, truncated=reading.truncated)
    amended = tuple(amendment for amendment in match.amended if amendment not in remembered)
    noticed = records.vanished_rows(connection, *span) if match.missing else ()
    gaps = records.open_gaps(connection, mirror.id) if mirror.tally.gaps or reading.truncated else []
    cursor_ms = max(mirror.cursor_ms, reading.cursor_ms)
    return Change(
        reading=reading,
        new=match.new,
        amended=amended,
        vanished=tuple(row for row in match.missing if row not in noticed),
        known=match.known + len(match.amended) - len(amended),
        late=sum(new.row.content.time_ms < mirror.cursor_ms for new in match.new),
        gaps_changed=_gaps_changed(gaps, reading),
        finishes_baseline=reading.baseline_complete and not mirror.baseline_complete,
        cursor_ms=cursor_ms,
        saves_cursor=saves_cursor(mirror, cursor_ms),
        settles=not (beyond or reading.truncated or match.amended or match.missing),
    )


def saves_cursor(mirror: Mirror, cursor_ms: int) -> bool:
    """Say whether a cursor is so far ahead of the one in the ledger that it is worth a transaction of its own."""
    return cursor_ms - mirror.saved_cursor_ms >= SAVE_CURSOR_MS


def enter(connection: Connection, mirror: Mirror, change: Change, *, now_ms: int) -> None:
    """Write `change`: entries, totals, deviations, gaps, cursor and flags together."""
    known = mirror.series
    labels = {new.row.content.label for new in change.new} - known.keys()
    if labels:
        records.add_series(connection, mirror.id, sorted(labels), now_ms=now_ms)
        known = records.series_of(connection, mirror.id)
    records.add_entries(connection, known, change.new, cursor_ms=mirror.cursor_ms, now_ms=now_ms)
    amounts = defaultdict(list)
    for new in change.new:
        amounts[new.row.content.label].append(Decimal(new.row.content.amount))
    records.set_sums(connection, {known[label].id: known[label].sums.plus(added) for label, added in amounts.items()})
    records.add_deviations(connection, known, amended=change.amended, vanished=change.vanished, now_ms=now_ms)
    if change.gaps_changed:
        _set_gaps(connection, mirror, change.reading, now_ms=now_ms)
    if change.finishes_baseline:
        # Without entries there is no total to appear at: such a series stands at 0 like one that is new.
        totals = records.series_of(connection, mirror.id).values()
        records.set_moved(connection, [item.id for item in totals if item.sums.entries])
    records.touch(
        connection,
        mirror.id,
        cursor_ms=change.cursor_ms,
        baseline_complete=mirror.baseline_complete or change.finishes_baseline,
        late=mirror.tally.late + change.late,
        amended=mirror.tally.amended + len(change.amended),
        vanished=mirror.tally.vanished + len(change.vanished),
    )


def _known(connection: Connection, mirror: Mirror, reading: Reading) -> tuple[list[Row], bool]:
    """Return the rows of the window that are in the ledger, and whether there are, or may be, any behind it."""
    if reading.end_ms < mirror.cursor_ms:
        return records.known_rows(connection, mirror.id, reading.start_ms, reading.end_ms), True
    rows = records.known_rows(connection, mirror.id, reading.start_ms, records.FOREVER_MS)
    inside = [row for row in rows if row.content.time_ms < reading.end_ms]
    return inside, len(inside) < len(rows)


def _since(begins_ms: int, reading: Reading) -> Reading:
    if begins_ms <= reading.start_ms:
        return reading
    shown = tuple((content, info) for content, info in reading.shown if content.time_ms >= begins_ms)
    return replace(reading, start_ms=begins_ms, shown=shown)


def _gaps_changed(gaps: Iterable[tuple[int, int]], reading: Reading) -> bool:
    if reading.start_ms >= reading.end_ms:
        return False
    if reading.truncated:
        return not any(start <= reading.start_ms and reading.end_ms <= end for start, end in gaps)
    return any(reading.start_ms <= start and end <= reading.end_ms for start, end in gaps)


def _set_gaps(connection: Connection, mirror: Mirror, reading: Reading, *, now_ms: int) -> None:
    span = mirror.id, reading.start_ms, reading.end_ms
    if reading.truncated:
        records.add_gap(connection, *span, reason=_TRUNCATED, now_ms=now_ms)
    else:
        records.close_gaps(connection, *span, now_ms=now_ms)

"""Which stretch of time to ask the exchange for: windows, the ends it honours, and the plan of one poll.

Pure: no SQL, no calls, no clock. Windows are half-open, whole milliseconds, and cut at whole seconds wherever that is
possible, because the exchange stamps income rows with whole seconds and a cut inside one would split what belongs
together.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.model import from_milliseconds, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

TAIL: Final = timedelta(minutes=10)
"""How far a regular poll reads back: rows have been seen to appear 71 s late, so this is eight times that."""
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
HOURLY_BACK: Final = timedelta(hours=2)
DAILY_BACK: Final = timedelta(days=7)
SLICE: Final = timedelta(days=7)
"""The longest window that is asked for at once; the exchange documents none for income, 7 days elsewhere."""

_MILLISECOND: Final = timedelta(milliseconds=1)


class Window(Struct, frozen=True):
    """A stretch of time, from `start` up to but without `end`; both aware and at whole milliseconds.

    Raises `ValueError` if it is empty or finer than a millisecond.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start >= self.end:
            message = f"a window must end after it starts: {self.start} .. {self.end}"
            raise ValueError(message)
        if self.start.microsecond % 1000 or self.end.microsecond % 1000:
            message = f"a window is cut at whole milliseconds: {self.start} .. {self.end}"
            raise ValueError(message)

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def covers(self, other: Window) -> bool:
        """Say whether all of `other` lies inside."""
        return self.start <= other.start and other.end <= self.end

    def split(self, boundary: datetime) -> tuple[Window, Window]:
        """Cut in two at `boundary`; raises `ValueError` unless both halves have something in them."""
        return Window(self.start, boundary), Window(boundary, self.end)


class Query(Struct, frozen=True, kw_only=True):
    """One call to make: `start` and `end` are the times to send, as they are; `None` asks for every type or symbol."""

    start: datetime
    end: datetime
    income_type: str | None = None
    symbol: str | None = None


class Ends:
    """What the rows of one host have proved about the ends of its windows; shared by all accounts on that host.

    Whether the exchange counts the ends in is undocumented. Until a row proves it, a window is asked for one
    millisecond wider on that side, so that either meaning shows every row.
    """

    __slots__ = ("end_inclusive", "start_inclusive")

    def __init__(self) -> None:
        self.start_inclusive = False
        self.end_inclusive = False

    def query(self, window: Window, *, income_type: str | None = None, symbol: str | None = None) -> Query:
        """Return the narrowest call that is sure to show everything in `window`."""
        return Query(
            start=window.start if self.start_inclusive else window.start - _MILLISECOND,
            end=window.end - _MILLISECOND if self.end_inclusive else window.end,
            income_type=income_type,
            symbol=symbol,
        )

    def learn(self, query: Query, times: Collection[datetime]) -> None:
        """Take note of rows stamped exactly at an end that was sent: they prove that it counts in."""
        self.start_inclusive = self.start_inclusive or query.start in times
        self.end_inclusive = self.end_inclusive or query.end in times


def whole_second(moment: datetime) -> datetime:
    """Return the start of the second that `moment` lies in."""
    return moment.replace(microsecond=0)


def whole_millisecond(moment: datetime) -> datetime:
    """Return the start of the millisecond that `moment` lies in."""
    return from_milliseconds(to_milliseconds(moment))


def is_due(last: datetime | None, *, now: datetime, every: timedelta) -> bool:
    """Say whether something last done at `last` (`None`: never) and wanted `every` so often is wanted at `now`."""
    return last is None or not timedelta(0) <= now - last < every


def plan(  # noqa: PLR0913 - the state of an account's reading, each part by name
    *,
    epoch: datetime,
    cursor: datetime,
    now: datetime,
    baseline_complete: bool,
    last_hourly: datetime | None,
    last_daily: datetime | None,
    tail: timedelta = TAIL,
) -> tuple[Window, ...]:
    """Return the windows that a poll at `now` reads, in ascending order, each at most 7 days long and without holes.

    The last one ends at the second that `now` lies in. A poll reads back from the cursor by `tail`; once an hour by 2
    hours, once a day by 7 days (when `is_due` says so of `last_hourly` and `last_daily`), for rows that came very
    late or were changed; from the cursor, so that a long stop does not hide them. The end of every window that was
    read completely is a cursor. Empty if there is nothing to read.
    """
    end = whole_second(now)
    # A cursor beyond now was read before the exchange's clock was put back; what is now is read again all the same.
    starts = [min(cursor, end) - tail]
    if baseline_complete and is_due(last_hourly, now=now, every=HOUR):
        starts.append(min(cursor, end) - HOURLY_BACK)
    if baseline_complete and is_due(last_daily, now=now, every=DAY):
        starts.append(min(cursor, end) - DAILY_BACK)
    return tuple(_slices(max(whole_millisecond(epoch), min(starts)), end))


def slices(window: Window) -> tuple[Window, ...]:
    """Cut `window` into parts of at most 7 days, in ascending order and without holes."""
    return tuple(_slices(window.start, window.end))


def _slices(start: datetime, end: datetime) -> Iterator[Window]:
    while start < end:
        stop = min(whole_second(start) + SLICE, end)
        yield Window(start, stop)
        start = stop

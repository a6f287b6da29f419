"""From where up to where the sums of an account are right, or why there are none; pure but for the book that is asked.

What has not been read completely has no sums: a part of them would pass for the whole. Complete is here what it is for
`bingx_income_complete` of the page, save that a stretch which the exchange does not show is no matter after its end.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from exporter.ledger import AccountBook, Window

_SECOND: Final = timedelta(seconds=1)
_ALMOST: Final = 99
"""Per cent that are shown of a history at most, as long as its end has not been read."""
_LEFT: Final = "it is not in the configuration, or its income is switched off: nothing more is read"


class Extent(Struct, frozen=True, kw_only=True):
    """What the sums of an account are of: all from `start` up to `watermark`; or `why` it has none, else "".

    Everything since the epoch has been read up to `watermark`, which is `None` if nothing has. Rows that the exchange
    shows late may still be added before it. `followed` says whether the exporter is to read on.
    """

    account: str
    start: datetime
    watermark: datetime | None
    why: str = ""
    followed: bool = True

    @property
    def complete(self) -> bool:
        """Whether there are sums."""
        return not self.why

    def told(self) -> str:
        """Return it as a sentence."""
        if self.why or self.watermark is None:
            return f"{self.account}: no totals: {self.why}."
        return f"{self.account}: complete from {_whole(self.start)} up to {self.watermark.isoformat()}."


def extent_of(book: AccountBook, *, start: datetime, now: datetime, followed: bool = True) -> Extent:
    """Return the extent of sums that begin at `start`, the epoch or later."""
    watermark = book.cursor if book.cursor > book.epoch else None
    why = why_unread(book, now=now, followed=followed)
    if not why:
        why = _why_none(book, start=start)
        why = f"{why}; {_LEFT}" if why and not followed else why
    return Extent(account=book.name, start=start, watermark=watermark, why=why, followed=followed)


def why_unread(book: AccountBook, *, now: datetime, followed: bool = True) -> str:
    """Say why the history of a book is not there yet, how far it is, and who reads on; "" if it is there."""
    if book.baseline_complete:
        return ""
    if book.cursor <= book.epoch:
        if not followed:
            return f"nothing of its history has been read; {_LEFT}"
        return (
            "nothing of its history has been read; the exporter does that while it runs, "
            "and `bingx-exporter check` says whether the key may"
        )
    share = int(100 * (book.cursor - book.epoch) / max(now - book.epoch, _SECOND))
    until = book.cursor.isoformat()
    then = "the exporter goes on while it runs" if followed else _LEFT
    return f"its history has been read up to {until} ({min(share, _ALMOST)} %); {then}"


def _why_none(book: AccountBook, *, start: datetime) -> str:
    gaps = [gap for gap in book.gaps if gap.end > start]
    if gaps:
        return _not_shown(gaps, book.cursor)
    if start >= book.cursor:
        return f"nothing after {book.cursor.isoformat()} has been read for certain"
    return ""


def _not_shown(gaps: Sequence[Window], cursor: datetime) -> str:
    end = max(gap.end for gap in gaps)
    stretch = f"{gaps[0].start.isoformat()} and {end.isoformat()}"
    why = f"the exchange does not show all of its income between {stretch}"
    return f"{why}; there are some with --since={_whole(end)}" if end < cursor else why


def _whole(moment: datetime) -> str:
    """Write a beginning to the second, the next one if it lies between two: never earlier than it is."""
    whole = moment.replace(microsecond=0)
    return (whole if whole == moment else whole + _SECOND).isoformat()

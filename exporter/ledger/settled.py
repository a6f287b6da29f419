"""What need not be compared again: the latest stretch of an account in which exchange and ledger agree row by row.

Every poll reads the last minutes again. As long as nobody has written to the account since they were compared, the
ledger's rows are known without asking for them: a reading that shows just these, and none besides, changes nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.ledger.mirror import State
    from exporter.ledger.windows import Window
    from exporter.model import IncomeEntry

_MOST_ROWS: Final = 2000  # two full answers; more is compared row by row each time
_TIME: Final = attrgetter("time")


class Settled(Struct, frozen=True, kw_only=True):
    """All rows of an account from `window.start` on, without an end, as of one `state` of it.

    The rows lie inside `window` and are in ascending order of time; `settle` makes sure of that.
    """

    state: State
    window: Window
    entries: tuple[IncomeEntry, ...]

    def holds(self, window: Window, entries: Sequence[IncomeEntry]) -> bool:
        """Say whether `entries` are all rows of `window`, each as often; if in doubt they are not.

        Equal entries in another order are such a doubt, and so is a window that reaches further back or less far.
        """
        if window.start < self.window.start or window.end < self.window.end:
            return False
        return tuple(entries) == self.entries[bisect_left(self.entries, window.start, key=_TIME) :]


def settle(window: Window, entries: Sequence[IncomeEntry], *, state: State) -> Settled | None:
    """Note that `entries` are all rows of the account from `window.start` on; `None` if they are too many to keep."""
    if len(entries) > _MOST_ROWS:
        return None
    return Settled(state=state, window=window, entries=tuple(sorted(entries, key=_TIME)))

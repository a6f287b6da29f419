"""The income ledger: every row of the fund flow exactly once, and what the rows add up to.

All that knows SQL. `windows` and `reader` plan, purely, what to ask the exchange; `ledger` and `book` record the
answers; the rest serves them. Only what is named here is for others. What needs a database is imported when its name is
used for the first time: who counts no income does not pay for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from exporter.ledger.amounts import Sums
from exporter.ledger.errors import (
    REASONS,
    LedgerCorruptError,
    LedgerError,
    LedgerFullError,
    LedgerLockedError,
    LedgerReadOnlyError,
    LedgerUnavailableError,
    NewerSchemaError,
    OlderSchemaError,
)
from exporter.ledger.mirror import Tally
from exporter.ledger.opening import Opening
from exporter.ledger.reader import DOCUMENTED_TYPES, Leaf, Reader
from exporter.ledger.reconciliation import Reconciliation, comparable, reconcile
from exporter.ledger.windows import DAY, HOUR, TAIL, Ends, Query, Window, is_due, plan, slices

if TYPE_CHECKING:
    from exporter.ledger.book import AccountBook
    from exporter.ledger.compaction import Compacted
    from exporter.ledger.ledger import Difference, Ledger, open_ledger
    from exporter.ledger.recording import Recorded

__all__ = [
    "DAY",
    "DOCUMENTED_TYPES",
    "HOUR",
    "REASONS",
    "TAIL",
    "AccountBook",
    "Compacted",
    "Difference",
    "Ends",
    "Leaf",
    "Ledger",
    "LedgerCorruptError",
    "LedgerError",
    "LedgerFullError",
    "LedgerLockedError",
    "LedgerReadOnlyError",
    "LedgerUnavailableError",
    "NewerSchemaError",
    "OlderSchemaError",
    "Opening",
    "Query",
    "Reader",
    "Reconciliation",
    "Recorded",
    "Sums",
    "Tally",
    "Window",
    "comparable",
    "is_due",
    "open_ledger",
    "plan",
    "reconcile",
    "slices",
]

_LATE: Final = {
    "AccountBook": "book",
    "Compacted": "compaction",
    "Difference": "ledger",
    "Ledger": "ledger",
    "Recorded": "recording",
    "open_ledger": "ledger",
}

if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is here

    def __getattr__(name: str) -> object:
        if name not in _LATE:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)

"""The income ledger: every row of the fund flow exactly once, and what the rows add up to.

All that knows SQL. `windows` and `reader` plan, purely, what to ask the exchange; `ledger` and `book` record the
answers; the rest serves them. Only what is named here is for others.
"""

from exporter.ledger.amounts import Sums
from exporter.ledger.book import AccountBook
from exporter.ledger.compaction import Compacted
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
from exporter.ledger.ledger import Difference, Ledger, open_ledger
from exporter.ledger.mirror import Tally
from exporter.ledger.reader import DOCUMENTED_TYPES, Leaf, Reader
from exporter.ledger.reconciliation import Reconciliation, comparable, reconcile
from exporter.ledger.recording import Recorded
from exporter.ledger.windows import DAY, HOUR, TAIL, Ends, Query, Window, is_due, plan, slices

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

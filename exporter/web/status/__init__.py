"""The status page at `/`: what runs, how the accounts stand, and what cannot be told at the moment and why.

Handed plain values (`view`), returns a document (`rendering`). Knows no metric, no collector and no clock.
"""

from exporter.web.status.rendering import StatusPage
from exporter.web.status.view import (
    MOST_TRENDS,
    UNSEEN,
    AccountLine,
    CallLine,
    FundsLine,
    Health,
    IncomeLine,
    PositionLine,
    Section,
    Status,
    Trend,
    Trouble,
)

__all__ = [
    "MOST_TRENDS",
    "UNSEEN",
    "AccountLine",
    "CallLine",
    "FundsLine",
    "Health",
    "IncomeLine",
    "PositionLine",
    "Section",
    "Status",
    "StatusPage",
    "Trend",
    "Trouble",
]

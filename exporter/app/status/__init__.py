"""What the status page says: the board, the schedule, the limits and the ledger, put into plain values.

Everything is read from where it is kept; nothing here polls, and nobody who polls or scrapes waits for it.
"""

from exporter.app.status.day import DayReader
from exporter.app.status.reporter import Reporter
from exporter.app.status.trends import Trends

__all__ = ["DayReader", "Reporter", "Trends"]

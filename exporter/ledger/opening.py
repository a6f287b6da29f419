"""What it takes to open the book of an account; known without SQL, so that it can be named before a ledger is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.model import from_milliseconds, to_milliseconds

if TYPE_CHECKING:
    from datetime import datetime, timedelta

INITIAL_ZERO: Final = 60.0
"""Seconds that a new series shows 0 unless told otherwise: a few scrapes."""


class Opening(Struct, frozen=True, kw_only=True):
    """An account whose book is to be opened, with its settings: see `Ledger.account`."""

    name: str
    since: datetime
    setting: str | None = None
    initial_zero: float = INITIAL_ZERO
    retention: timedelta | None = None

    @property
    def spelled(self) -> str:
        """How the operator said `since`."""
        if self.setting is not None:
            return self.setting
        return from_milliseconds(to_milliseconds(self.since)).isoformat()

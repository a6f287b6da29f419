from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.clock import ManualClock

from exporter.ledger import AccountBook, Ledger, Window, open_ledger
from exporter.model import IncomeEntry

FillBook = Callable[..., AccountBook]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Iterator[Ledger]:
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", clock) as ledger:
        yield ledger


@pytest.fixture
def fill(ledger: Ledger, clock: ManualClock) -> FillBook:
    """Return a way to an account whose history, the days before now, consists of these entries."""

    def filled(entries: Iterable[IncomeEntry], *, name: str = "alpha", since: datetime | None = None) -> AccountBook:
        book = ledger.account(name, since=since or clock.now() - timedelta(days=20))
        window = Window(book.epoch, clock.now())
        book.record_window(window, tuple(entries), cursor=window.end, baseline_complete=True)
        return book

    return filled

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.clock import ManualClock

from exporter.ledger import open_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.ledger import Ledger


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


@pytest.fixture
def reopen(url: str, clock: ManualClock) -> Iterator[Callable[[], Ledger]]:
    """Open the test's ledger, the way a process starts; whatever is open at the end is closed."""
    opened = []

    def start() -> Ledger:
        opened.append(open_ledger(url, clock, lock_seconds=0.2))
        return opened[-1]

    yield start
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(reopen: Callable[[], Ledger]) -> Ledger:
    return reopen()

"""docs/ledger.md is true: its SQL runs on the engine that it is written for, and answers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.clock import ManualClock
from support.statements import TABLES, only

from exporter.ledger import REASONS, Window, open_ledger
from exporter.ledger.database import Database
from exporter.model import IncomeEntry

PAGE = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text()
BLOCK = re.compile(r"^```sql (sqlite|postgresql|both)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = (("FUNDING_FEE", "0.1"), ("FUNDING_FEE", "0.2"), ("TRADING_FEE", "-0.05"))


def blocks(engine: str) -> list[str]:
    return [sql for name, sql in BLOCK.findall(PAGE) if name in {engine, "both"}]


@pytest.fixture
def filled(database_url: str) -> str:
    """A ledger with a little income, a transfer and a gap."""
    window = Window(START, START + timedelta(days=2))
    entries = [
        IncomeEntry(
            time=START + timedelta(hours=7 * number),
            income_type=income_type,
            symbol="BTC-USDT",
            asset="USDT",
            amount=Decimal(amount),
            tran_id=f"{number}",
            trade_id="",
            info="",
        )
        for number, (income_type, amount) in enumerate(ROWS)
    ]
    with open_ledger(database_url, ManualClock()) as ledger:
        book = ledger.account("main", since=START)
        book.record_window(window, entries, cursor=window.end, truncated=True, baseline_complete=True)
    return database_url


def test_every_query_answers(filled: str) -> None:
    database = Database(filled, lock_seconds=1.0)
    with database._pool.connection() as connection:  # which undoes what is not committed
        connection.begin(writing=True)
        asked = blocks(connection.kind)
        for sql in asked:
            for statement in filter(str.strip, sql.split(";")):
                cursor: Any = connection.execute(statement, {})
                assert cursor.description is None or cursor.fetchall(), statement
    database.close()

    assert len(asked) >= 4


def test_sums_are_exact_where_the_page_says_so(filled: str) -> None:
    database = Database(filled, lock_seconds=1.0)
    with database.reading() as connection:
        total = only(connection, "SELECT sum(amount) FROM income WHERE income_type = 'FUNDING_FEE'")
        exact = connection.kind == "postgresql"
    database.close()

    assert total == (Decimal("0.3") if exact else pytest.approx(0.3))


def test_tables_and_reasons_are_all_named() -> None:
    assert all(f"| `{table}` |" in PAGE for table in TABLES)
    assert all(f"| `{reason}` |" in PAGE for reason in REASONS)

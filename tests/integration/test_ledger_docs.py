"""docs/ledger.md is true: its SQL runs on the engine that it is written for, and answers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from support.clock import ManualClock

from exporter.ledger import REASONS, Window, open_ledger
from exporter.ledger.schema import METADATA
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
    engine = create_engine(filled)
    found = blocks(engine.dialect.name)
    with engine.connect() as connection, connection.begin() as transaction:
        for sql in found:
            for statement in filter(str.strip, sql.split(";")):
                answer = connection.execute(text(statement))
                assert not answer.returns_rows or answer.all(), statement
        transaction.rollback()
    engine.dispose()

    assert len(found) >= 4


def test_sums_are_exact_where_the_page_says_so(filled: str) -> None:
    engine = create_engine(filled)
    query = "SELECT sum(amount) FROM income WHERE income_type = 'FUNDING_FEE'"
    with engine.connect() as connection:
        total = connection.execute(text(query)).scalar_one()
    engine.dispose()

    assert total == (Decimal("0.3") if engine.dialect.name == "postgresql" else pytest.approx(0.3))


def test_tables_and_reasons_are_all_named() -> None:
    assert all(f"| `{table}` |" in PAGE for table in METADATA.tables)
    assert all(f"| `{reason}` |" in PAGE for reason in REASONS)

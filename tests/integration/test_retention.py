"""With `ledger.retention` old entries become sums by themselves, and the page does not change by it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from support.exchange import Exchange
from support.exposition import series
from support.processes import eventually

from exporter.clock import SystemClock
from exporter.ledger import Window, open_ledger
from exporter.model import IncomeEntry

if TYPE_CHECKING:
    from integration.conftest import Running

DAY = timedelta(days=1)
LABELS = {"account": "alpha", "income_type": "FUNDING_FEE", "symbol": "OLD-USDT", "asset": "USDT"}


def test_entries_older_than_the_retention_become_sums_and_counters_stay(
    exchange: Exchange, tmp_path: Path, start: Callable[..., Running]
) -> None:
    now = SystemClock().now().replace(microsecond=0)
    epoch, times = now - 400 * DAY, [now - 399 * DAY, now - 200 * DAY, now - 100 * DAY]
    config = exchange.config(tmp_path, collectors={"income": {"since": epoch.strftime("%Y-%m-%dT%H:%M:%SZ")}})
    document = yaml.safe_load(config.read_text())
    document["ledger"]["retention"] = "150d"
    config.write_text(yaml.safe_dump(document))
    url = document["ledger"]["url"]
    with open_ledger(url, SystemClock()) as ledger:
        book = ledger.account("alpha", since=epoch)
        window = Window(epoch, now - 30 * DAY)
        book.record_window(window, [old(time) for time in times], cursor=window.end, baseline_complete=True)

    running = start(config)
    eventually(lambda: kept(url) == [times[2]], what="the two oldest have become sums")

    assert running.page()[series("bingx_income_entries_total", **LABELS)] == 3
    assert running.page()[series("bingx_income_credited_total", **LABELS)] == 4.5
    with open_ledger(url, SystemClock()) as ledger:
        (book,) = (book for book in ledger.books() if book.name == "alpha")
        assert book.compacted_until == (now - 150 * DAY).replace(hour=0, minute=0, second=0)
        assert ledger.verify() == []


def old(time: datetime) -> IncomeEntry:
    return IncomeEntry(
        time=time,
        income_type="FUNDING_FEE",
        symbol="OLD-USDT",
        asset="USDT",
        amount=Decimal("1.5"),
        tran_id="",
        trade_id="",
        info="",
    )


def kept(url: str) -> list[datetime]:
    with open_ledger(url, SystemClock()) as ledger:
        (book,) = (book for book in ledger.books() if book.name == "alpha")
        always = Window(book.epoch, book.cursor)
        return [entry.time for entry in book.entries(always) if entry.symbol == "OLD-USDT"]

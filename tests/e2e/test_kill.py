"""Killed fifty times at random moments, while income keeps coming in, the ledger has every entry once."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from support.clock import ManualClock
from support.exchange import Exchange
from support.exposition import families_of_text, samples
from support.processes import eventually, exporter
from support.world import expected_income

from exporter.ledger import open_ledger

LOCAL = "--web.listen-address=127.0.0.1:0"
KILLS = 50
BUSY = {
    "collectors": {
        "income": {"interval": "100ms", "initial_zero": "0s"},
        "positions": {"enabled": False},
        "commission_rate": {"enabled": False},
    }
}


@pytest.mark.timeout(240)
def test_fifty_kills_lose_no_entry_and_double_none(exchange: Exchange, tmp_path: Path) -> None:
    config, ledger = exchange.config(tmp_path, **BUSY), tmp_path / "ledger.db"
    chance = random.Random(20261122)
    rest, progress = Event(), 0

    with earning(exchange, chance):
        pace = seconds_to_first_entry(config, ledger, tmp_path)
        for number in range(KILLS):
            before = entries_in(ledger)
            exchange.tell("limits")  # forgets the calls of the process before
            with exporter(f"--config.file={config}", LOCAL, folder=tmp_path) as process:
                # One in three somewhere in its start, the others while it reads and writes.
                if number % 3:
                    assert process.url
                rest.wait(chance.uniform(0, 2 * pace))
                assert process.end(signal.SIGKILL) == -signal.SIGKILL, process.log
            progress += entries_in(ledger) > before

    assert progress >= KILLS // 4, "hardly any process lived long enough to write; nothing is proved"
    with exporter(f"--config.file={config}", LOCAL, folder=tmp_path) as process:
        eventually(
            lambda: income(process.page()) == expected_income(exchange.world()), what="the page is right", seconds=60
        )
        process.end()
    with open_ledger(f"sqlite:///{ledger}", ManualClock()) as opened:
        assert opened.verify() == []
        truth = expected_income(exchange.world())
        totals = sum(total.entries for book in opened.books() for total in book.totals())
        assert totals == entries_in(ledger) == sum(v for (name, _), v in truth.items() if "entries" in name)


def seconds_to_first_entry(config: Path, ledger: Path, folder: Path) -> float:
    """Measure how long this machine, as busy as it is, takes from listening to writing, so that kills hit both."""
    with exporter(f"--config.file={config}", LOCAL, folder=folder) as process:
        assert process.url
        began = time.monotonic()  # noqa: TID251 - the time of the test
        eventually(lambda: entries_in(ledger) > 0, what="the first entry")
        return time.monotonic() - began  # noqa: TID251 - the same


def income(page: str) -> dict[object, float]:
    names = ("bingx_income_credited_total", "bingx_income_debited_total", "bingx_income_entries_total")
    return {key: value for key, value in samples(families_of_text(page)).items() if key[0] in names}


def entries_in(ledger: Path) -> int:
    """Count rows the way that anybody would who has the file."""
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(ledger)) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'entry'").fetchone()[0]
        return int(connection.execute("SELECT count(*) FROM entry").fetchone()[0]) if tables else 0


@contextmanager
def earning(exchange: Exchange, chance: random.Random) -> Iterator[None]:
    """Let income come in all the time: some of it late, some of it with an identical twin."""
    over = Event()

    def earn() -> None:
        while not over.wait(0.05):
            exchange.tell(
                "income",
                account=chance.choice(["alpha", "beta"]),
                count=chance.randint(1, 3),
                income_type=chance.choice(["FUNDING_FEE", "TRADING_FEE"]),
                symbol=chance.choice(["BTC-USDT", "ETH-USDT"]),
                identical=chance.random() < 0.3,
                late_seconds=chance.choice([0, 0, 3]),
            )

    worker = Thread(target=earn, name="earning")
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()

"""Two exporters of the same accounts: with a ledger each and one date, or on one database, they count the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

from support.clock import ManualClock
from support.exchange import Exchange
from support.exposition import Series, families_of_text, samples, series
from support.processes import Exporter, eventually, exporter
from support.world import expected_income

from exporter.clock import SystemClock
from exporter.ledger import open_ledger

LOCAL = "--web.listen-address=127.0.0.1:0"
NAMES = {"bingx_income_credited_total", "bingx_income_debited_total", "bingx_income_entries_total"}


def income(process: Exporter) -> dict[Series, float]:
    return {key: value for key, value in samples(families_of_text(process.page())).items() if key[0] in NAMES}


def moved(counters: dict[Series, float]) -> dict[Series, float]:
    """Leave out the zeros: a series that an open position may move exists before its first entry."""
    return {key: value for key, value in counters.items() if value}


@contextmanager
def two(exchange: Exchange, tmp_path: Path, ledgers: tuple[str, str], since: str) -> Iterator[list[Exporter]]:
    """Run two exporters on `ledgers`, both from the same moment."""
    settings = {name: {"interval": "2s"} for name in ("balance", "positions", "commission_rate")}
    slow = {"collectors": {**settings, "income": {"interval": "2s", "initial_zero": "0s", "since": since}}}
    with ExitStack() as running:
        started = []
        for number, ledger in enumerate(ledgers):
            folder = tmp_path / f"replica-{number}"
            folder.mkdir()
            config = exchange.config(folder, **slow)
            config.write_text(config.read_text().replace(f"sqlite:///{folder / 'ledger.db'}", "${LEDGER}"))
            environ = {"LEDGER": ledger}
            started.append(
                running.enter_context(exporter(f"--config.file={config}", LOCAL, folder=folder, environ=environ))
            )
        yield started


def earn(exchange: Exchange) -> None:
    for number in range(6):
        exchange.tell("income", account="alpha", count=3, symbol="BTC-USDT", late_seconds=number % 3, identical=True)
        exchange.tell("income", account="beta", count=50, income_type="FUNDING_FEE", symbol="ETH-USDT", ago_seconds=60)


def is_right(process: Exporter, exchange: Exchange, since_ms: int) -> bool:
    shown, wanted = moved(income(process)), moved(expected_income(exchange.world(since=str(since_ms))))
    assert shown == wanted, sorted(map(str, shown.items() ^ wanted.items()))[:6]
    return True


def assert_both_are_right(replicas: list[Exporter], exchange: Exchange, since_ms: int) -> None:
    for process in replicas:
        eventually(
            partial(is_right, process, exchange, since_ms),
            what="the counters are right",
            seconds=60,
        )
    assert income(replicas[0]) == income(replicas[1]) != {}


def test_replicas_with_a_ledger_each_and_one_date_show_the_same_income(exchange: Exchange, tmp_path: Path) -> None:
    since = (SystemClock().now() - timedelta(days=10)).replace(hour=0, minute=0, second=0, microsecond=0)
    since_ms = int(since.timestamp()) * 1000
    own = (f"sqlite:///{tmp_path}/one.db", f"sqlite:///{tmp_path}/other.db")

    with two(exchange, tmp_path, own, since.strftime("%Y-%m-%d")) as replicas:
        assert_both_are_right(replicas, exchange, since_ms)
        earn(exchange)
        assert_both_are_right(replicas, exchange, since_ms)
        epochs = [
            samples(families_of_text(process.page()))[series("bingx_income_epoch_timestamp_seconds", account="alpha")]
            for process in replicas
        ]

    assert epochs == [since.timestamp()] * 2


def test_replicas_on_one_database_double_nothing(exchange: Exchange, tmp_path: Path, database_url: str) -> None:
    with two(exchange, tmp_path, (database_url, database_url), "90d") as replicas:
        assert_both_are_right(replicas, exchange, 0)
        earn(exchange)
        assert_both_are_right(replicas, exchange, 0)
        assert [process.end() for process in replicas] == [0, 0]
        assert not any("level=ERROR" in process.log for process in replicas)

    with open_ledger(database_url, ManualClock()) as ledger:
        assert ledger.verify() == []
        assert [book.name for book in ledger.books()] == ["alpha", "beta", "gamma"]

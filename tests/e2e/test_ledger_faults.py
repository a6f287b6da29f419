"""The disk fills up, the file may not be written, is held or is damaged: gauges go on, and no entry is lost or doubled.

Each time the exporter is left alone, the fault is mended behind its back, and its counters are right again.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support.clock import ManualClock
from support.exchange import Exchange
from support.exposition import Series, families_of_text, samples, series
from support.processes import Exporter, eventually, exporter, needed, run
from support.world import expected_income, without_idle

from exporter.ledger import open_ledger

LOCAL = "--web.listen-address=127.0.0.1:0"
AT_ONCE = {"collectors": {"income": {"initial_zero": "0s"}}}
FAILURES = "bingx_exporter_ledger_failures_total"
LAST_SUCCESS = "bingx_collector_last_success_timestamp_seconds"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ("-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder))
    if subprocess.run([needed("mount"), *options], check=False, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here; that takes root, and a container that may")
    yield folder
    subprocess.run([needed("umount"), str(folder)], check=True)


def page(process: Exporter) -> dict[Series, float]:
    return samples(families_of_text(process.page()))


def is_right(process: Exporter, exchange: Exchange) -> Callable[[], bool]:
    def right() -> bool:
        shown, wanted = without_idle(process.income()), expected_income(exchange.world())
        assert shown == wanted, sorted(map(str, shown.items() ^ wanted.items()))[:6]
        return True

    return right


def earn(exchange: Exchange, rows: int) -> None:
    """Let both accounts that may be read earn something that is not there yet."""
    for account in ("alpha", "beta"):
        exchange.tell(
            "income", account=account, count=rows, income_type="FUNDING_FEE", symbol="BTC-USDT", info="f" * 90
        )


def assert_gauges_go_on(process: Exporter) -> None:
    label = series(LAST_SUCCESS, account="alpha", collector="positions")
    before = page(process)[label]
    eventually(lambda: page(process)[label] > before, what="positions are read on")
    assert page(process)[series("bingx_up", account="alpha")] == 1


def assert_in_order(path: Path, exchange: Exchange) -> None:
    """Add the ledger up, entry by entry, with nobody else at it."""
    truth = expected_income(exchange.world())
    entries = sum(value for (name, _), value in truth.items() if name == "bingx_income_entries_total")
    with open_ledger(f"sqlite:///{path}", ManualClock()) as ledger:
        assert ledger.verify() == []
        assert sum(total.entries for book in ledger.books() for total in book.totals()) == entries


@contextmanager
def broken(process: Exporter, exchange: Exchange, reason: str, says: str) -> Iterator[None]:
    """Hold while the ledger is out of order: it is told, counters stand still, gauges go on, nothing ends."""
    before = process.income()
    earn(exchange, 400)
    eventually(lambda: page(process).get(series(FAILURES, reason=reason), 0) >= 1, what=f"{reason} is counted")
    assert "gauges go on, counters stand still" in process.log
    assert says in process.log
    assert "Traceback" not in process.log
    assert_gauges_go_on(process)
    after = process.income()
    assert after.keys() == before.keys()
    assert process.process.poll() is None
    yield
    eventually(is_right(process, exchange), what="the counters are right again", seconds=40)


@contextmanager
def counting(exchange: Exchange, tmp_path: Path, ledger: Path, prefix: tuple[str, ...] = ()) -> Iterator[Exporter]:
    """Run an exporter whose counters are right."""
    config = exchange.config(tmp_path, **AT_ONCE)
    environ = {"LEDGER": f"sqlite:///{ledger}"}
    config.write_text(config.read_text().replace(f"sqlite:///{tmp_path / 'ledger.db'}", "${LEDGER}"))
    with exporter(f"--config.file={config}", LOCAL, folder=tmp_path, environ=environ, prefix=prefix) as process:
        process.ready()
        eventually(is_right(process, exchange), what="the counters are right", seconds=40)
        yield process
        assert process.end() == 0


def test_on_a_full_disk_gauges_go_on_and_counters_catch_up_once_there_is_space(
    exchange: Exchange, tmp_path: Path, disk: Path
) -> None:
    ledger, ballast = disk / "ledger.db", disk / "ballast"
    with counting(exchange, tmp_path, ledger) as process:
        fill(ballast)
        before = process.income()
        with broken(process, exchange, "full", "make space on the disk of the ledger"):
            assert process.income() == before
            ballast.unlink()
    assert_in_order(ledger, exchange)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return


def test_a_file_that_may_only_be_read_shows_what_it_has_and_goes_on_when_it_may_be_written(
    exchange: Exchange, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.db"
    with counting(exchange, tmp_path, ledger):
        pass
    ledger.chmod(0o400)
    with counting(exchange, tmp_path, ledger, prefix=without_privileges()) as process:
        before = process.income()
        with broken(process, exchange, "read_only", "give this user the right to write the file, its -wal"):
            assert process.income() == before
            for path in tmp_path.glob("ledger.db*"):
                path.chmod(0o600)
    assert_in_order(ledger, exchange)


def without_privileges() -> tuple[str, ...]:
    """Return what to put before a command so that the modes of files hold for root, too."""
    rights = "-dac_override,-dac_read_search"
    return (needed("setpriv"), f"--bounding-set={rights}", "--") if os.geteuid() == 0 else ()


def test_a_ledger_that_another_process_holds_is_written_once_it_lets_go(exchange: Exchange, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.db"
    with counting(exchange, tmp_path, ledger) as process, closing(sqlite3.connect(ledger)) as other:
        other.execute("BEGIN IMMEDIATE")
        before = process.income()
        with broken(process, exchange, "locked", "find the other process that has it open"):
            assert process.income() == before
            other.rollback()
    assert_in_order(ledger, exchange)


def test_a_ledger_that_is_damaged_is_read_on_from_the_backup_that_takes_its_place(
    exchange: Exchange, tmp_path: Path
) -> None:
    ledger, backup = tmp_path / "ledger.db", tmp_path / "backup.db"
    with counting(exchange, tmp_path, ledger) as process:
        with closing(sqlite3.connect(ledger)) as source, closing(sqlite3.connect(backup)) as copy:
            source.backup(copy)
        earn(exchange, 5)
        eventually(is_right(process, exchange), what="more is earned than is in the backup")
        damage(ledger)
        with broken(process, exchange, "corrupt", "restore it from a backup"):
            for name in ("ledger.db-wal", "ledger.db-shm"):
                (tmp_path / name).unlink(missing_ok=True)
            backup.replace(ledger)
    assert_in_order(ledger, exchange)


def damage(path: Path) -> None:
    """Overwrite all of a database but its first page, after a commit that makes every reader look again."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE account SET revision = revision")
        other.commit()
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def test_a_file_that_is_no_ledger_ends_the_start_with_one_line_and_is_left_alone(
    exchange: Exchange, tmp_path: Path
) -> None:
    config = exchange.config(tmp_path)
    letter = b"Dear ledger, " * 500
    (tmp_path / "ledger.db").write_bytes(letter)

    done = run(f"--config.file={config}", LOCAL)

    assert done.returncode == 1
    (line,) = (line for line in done.stderr.splitlines() if "level=ERROR" in line)
    assert "file is not a database; restore it from a backup, or move it away" in line
    assert "Traceback" not in done.stderr
    assert (tmp_path / "ledger.db").read_bytes() == letter

"""Which accounts `income totals` speaks of, in which rows and with which exit code; on ledgers written by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml
from support.processes import run

from exporter.clock import SystemClock
from exporter.ledger import Window, open_ledger
from exporter.model import IncomeEntry

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("e2e")]

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOW = SystemClock().now().replace(microsecond=0)
EPOCH = NOW - timedelta(days=10)
HALF = EPOCH + timedelta(days=5)
LEFT = "it is not in the configuration, or its income is switched off: nothing more is read"
OFF = {"income": {"enabled": False}}


def configured(folder: Path, **accounts: Mapping[str, Any]) -> str:
    """Write a configuration of these accounts with their collectors."""
    keys = {"api_key": "k" * 20, "api_secret": "s" * 20}
    document = {
        "ledger": {"url": f"sqlite:///{folder / 'ledger.db'}"},
        "accounts": [{"name": name, "collectors": dict(what), **keys} for name, what in accounts.items()],
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)
    return f"--config.file={path}"


def written(
    folder: Path, name: str, *entries: IncomeEntry, until: datetime = NOW, last: bool = True, hidden: bool = False
) -> None:
    """Write what has been read of an account into the ledger."""
    with open_ledger(f"sqlite:///{folder / 'ledger.db'}", SystemClock()) as ledger:
        book = ledger.account(name, since=EPOCH)
        if until > EPOCH:
            window = Window(EPOCH, until)
            book.record_window(window, entries, cursor=until, baseline_complete=last, truncated=hidden)


def transfer(at: datetime, number: int = 1) -> IncomeEntry:
    ids = {"tran_id": str(number), "trade_id": "", "info": ""}
    return IncomeEntry(time=at, income_type="TRANSFER", symbol="", asset="USDT", amount=Decimal(5), **ids)


def totals(*arguments: str) -> CompletedProcess[str]:
    return run("income", "totals", *arguments)


@pytest.mark.parametrize("flags", [(), ("--by=type",), ("--by=day",), ("--since=1d",)], ids=" ".join)
def test_a_complete_account_without_income_has_one_row_that_says_so(tmp_path: Path, flags: tuple[str, ...]) -> None:
    written(tmp_path, "quiet")
    config = configured(tmp_path, quiet={})

    done = totals(config, "--format=json", *flags)
    table = totals(config, *flags)
    in_csv = totals(config, "--format=csv", *flags)

    assert (done.returncode, table.returncode, in_csv.returncode) == (0, 0, 0)
    (row,) = json.loads(done.stdout)
    told = {name: row.pop(name) for name in ("account", "complete", "start", "watermark", "error")}
    assert told.pop("start") >= EPOCH.isoformat()
    assert told == {"account": "quiet", "complete": True, "watermark": NOW.isoformat(), "error": None}
    assert {"asset", "credited", "debited", "net", "entries"} <= row.keys()
    assert set(row.values()) == {None}
    assert len(table.stdout.splitlines()) == 1
    assert table.stdout.startswith("quiet: complete from ")
    assert len(in_csv.stdout.splitlines()) == 1


def test_an_account_without_income_stands_beside_one_that_has_some(tmp_path: Path) -> None:
    written(tmp_path, "busy", transfer(HALF))
    written(tmp_path, "quiet")

    config = configured(tmp_path, busy={}, quiet={})

    rows = json.loads(totals(config, "--format=json").stdout)
    table, _, said = totals(config).stdout.partition("\n\n")
    assert [(row["account"], row["net"], row["complete"]) for row in rows] == [
        ("busy", "5", True),
        ("quiet", None, True),
    ]
    assert [line.split()[0] for line in table.splitlines()] == ["account", "busy"]
    assert [line.partition(": ")[0] for line in said.splitlines()] == ["busy", "quiet"]


@pytest.mark.parametrize("still", [{}, {"gone": OFF}], ids=["not configured", "switched off"])
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_an_account_that_was_left_half_read_is_named_and_is_no_failure(
    tmp_path: Path, still: Mapping[str, Any], form: str
) -> None:
    written(tmp_path, "busy", transfer(HALF))
    written(tmp_path, "gone", until=HALF, last=False)
    config = configured(tmp_path, busy={}, **still)

    done = totals(config, f"--format={form}")
    alone = totals(config, f"--format={form}", "--account=gone")

    assert (done.returncode, alone.returncode) == (0, 1)
    for told in (done, alone):
        said = told.stderr if form == "csv" else told.stdout
        assert f"its history has been read up to {HALF.isoformat()} (" in said
        assert f" %); {LEFT}" in said
        assert "goes on while it runs" not in said


def test_of_an_account_that_was_left_unread_nobody_says_that_it_is_being_read(tmp_path: Path) -> None:
    written(tmp_path, "busy")
    written(tmp_path, "gone", until=EPOCH)

    done = totals(configured(tmp_path, busy={}))

    assert done.returncode == 0
    assert f"gone: no totals: nothing of its history has been read; {LEFT}.\n" in done.stdout


@pytest.mark.parametrize(("flags", "hidden"), [((), True), (("--since=1d",), False)], ids=["not shown", "since"])
def test_an_account_that_was_left_without_such_sums_is_no_failure_either(
    tmp_path: Path, flags: tuple[str, ...], *, hidden: bool
) -> None:
    written(tmp_path, "busy")
    written(tmp_path, "gone", until=HALF, hidden=hidden)

    assert totals(configured(tmp_path, busy={}), *flags).returncode == 0
    assert totals(configured(tmp_path, busy={}), *flags, "--account=gone").returncode == 1
    assert totals(configured(tmp_path, busy={}, gone={}), *flags).returncode == 1


def test_an_account_that_was_left_when_it_was_whole_keeps_its_sums(tmp_path: Path) -> None:
    written(tmp_path, "gone", transfer(HALF - timedelta(days=1)), until=HALF)

    done = totals(configured(tmp_path, busy={}), "--format=json")

    (row,) = json.loads(done.stdout)
    assert (done.returncode, row["net"], row["complete"], row["watermark"]) == (0, "5", True, HALF.isoformat())


def test_an_account_that_is_still_being_read_stays_a_failure(tmp_path: Path) -> None:
    written(tmp_path, "alpha", until=HALF, last=False)
    written(tmp_path, "gone", until=HALF, last=False)

    done = totals(configured(tmp_path, alpha={}))

    assert done.returncode == 1
    assert " %); the exporter goes on while it runs.\n" in done.stdout


def test_reconcile_does_not_say_either_that_an_account_whose_income_is_off_is_being_read(tmp_path: Path) -> None:
    written(tmp_path, "gone", until=HALF, last=False)

    done = run("income", "reconcile", configured(tmp_path, gone=OFF), "--account=gone", "--from=1h")

    assert done.returncode == 1
    assert done.stdout.endswith(f" %); {LEFT}.\n")


def test_a_late_row_is_in_sums_from_a_fixed_start_and_the_pages_say_that_the_watermark_is_none(tmp_path: Path) -> None:
    """The exchange stamps a row and shows it up to a minute later: who goes on from the watermark never sees it."""
    late, then = transfer(NOW - timedelta(seconds=30), 2), NOW + timedelta(minutes=1)
    written(tmp_path, "alpha", transfer(HALF))
    config = configured(tmp_path, alpha={})
    (before,) = json.loads(totals(config, "--format=json").stdout)
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", SystemClock()) as ledger:
        (book,) = ledger.books()
        book.record_window(Window(NOW - timedelta(minutes=10), then), (late,), cursor=then)

    (after,) = json.loads(totals(config, "--format=json").stdout)
    (since,) = json.loads(totals(config, "--format=json", f"--since={before['watermark']}").stdout)

    assert (before["net"], after["net"], since["net"]) == ("5", "10", None)
    for page in ("cli.md", "income.md"):
        text = " ".join((DOCS / page).read_text("utf-8").split())
        assert "rows that the exchange shows late may still be added before" in text.replace("Rows", "rows")
        assert "do not go on from it, sum anew from a fixed start" in text

"""`income export` and `income reconcile`, as an operator runs them."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from support.exchange import Exchange
from support.processes import eventually, exporter, run

from exporter.bingx.errors import PermissionDenied

pytestmark = pytest.mark.timeout(90)

HEADS = ["Time(UTC+8)", "Type", "Details", "Amount", "newAvailableAmount", "Assets", "Futures"]
LOCAL = "--web.listen-address=127.0.0.1:0"


@pytest.fixture
def config(exchange: Exchange, tmp_path: Path) -> Path:
    return exchange.config(tmp_path)


@pytest.fixture
def filled(exchange: Exchange, config: Path, tmp_path: Path) -> Path:
    """Return a configuration whose ledger has read everything of alpha and beta."""
    with exporter(f"--config.file={config}", LOCAL, folder=tmp_path) as process:

        def complete() -> bool:
            page = process.page()
            return all(f'bingx_income_complete{{account="{name}"}} 1' in page for name in ("alpha", "beta"))

        eventually(complete, what="the history has been read")
        assert process.end() == 0
    return config


def export(config: Path, *flags: str | Path, account: str = "alpha", start: str = "6d") -> Any:  # noqa: ANN401 - a process
    return run(
        "income", "export", f"--config.file={config}", "--account", account, "--from", start, "--to", "1s", *flags
    )


def cells(path: Path) -> list[list[object]]:
    sheet = load_workbook(path).active
    assert sheet is not None
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def entries(exchange: Exchange) -> int:
    """Return how many rows alpha has, by the exchange's own word."""
    (account,) = exchange.world(account="alpha")["accounts"]
    return sum(row["entries"] for row in account["income"]["readable"])


def test_the_exchanges_own_workbook_is_written_as_it_came(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "alpha.xlsx"
    out.write_bytes(b"an older one")

    done = export(config, "--out", out)

    assert (done.returncode, done.stdout) == (0, "")
    assert 'msg="The fund flow has been exported"' in done.stderr
    assert out.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob("*alpha.xlsx*")] == ["alpha.xlsx"]
    rows = cells(out)
    assert rows[0][:7] == HEADS
    assert len(rows) > 20


def test_csv_has_one_line_of_heads_and_every_row(exchange: Exchange, config: Path) -> None:
    exchange.tell("income", account="alpha", count=2500, ago_seconds=3600, apart_seconds=1, late_seconds=0)

    done = export(config, "--format", "csv", "--out", "-", start="60d")

    assert done.returncode == 0
    head, *rows = csv.reader(io.StringIO(done.stdout))
    assert head == HEADS
    assert len(rows) == entries(exchange) > 2500
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert HEADS not in rows


def test_several_workbooks_are_joined_in_one(exchange: Exchange, config: Path, tmp_path: Path) -> None:
    exchange.tell("income", account="alpha", count=1500, ago_seconds=3600, apart_seconds=1, late_seconds=0, info="mine")
    out = tmp_path / "alpha.xlsx"

    done = export(config, "--out", out, start="60d")

    assert done.returncode == 0
    assert "joined in one, oldest first" in done.stderr
    head, *rows = cells(out)
    assert head == HEADS
    assert len(rows) == entries(exchange)
    assert sum(row[2] == "mine" for row in rows) == 1500


def test_a_refused_call_leaves_the_file_that_was_there(exchange: Exchange, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "gamma.xlsx"
    out.write_bytes(b"an older one")

    done = export(config, "--out", out, account="gamma")

    assert done.returncode == 1
    assert "permission_denied" in done.stderr
    assert out.read_bytes() == b"an older one"
    exchange.tell("faults", kind="html", endpoint="income_export")
    done = export(config, "--out", out)
    assert done.returncode == 1
    assert "malformed_response" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--account", "nobody", "--from", "1d", "--to", "1h", "--out", "-"], "known: alpha, beta, gamma"),
        (["--account", "alpha", "--from", "1h", "--to", "1d", "--out", "-"], "the period is empty"),
        (["--account", "alpha", "--from", "300d", "--to", "200d", "--out", "-"], "all of the period is older"),
        (["--account", "alpha", "--from", "1d", "--to", "1h", "--out", "/no/such/place"], "cannot be written"),
    ],
)
def test_what_cannot_be_exported_is_told_in_one_line(config: Path, flags: list[str], said: str) -> None:
    done = run("income", "export", f"--config.file={config}", *flags)

    assert (done.returncode, done.stdout) == (1, "")
    assert said in [line for line in done.stderr.splitlines() if "level=ERROR" in line][-1]
    assert "Traceback" not in done.stderr


def test_a_ledger_that_has_every_row_agrees(filled: Path) -> None:
    for account in ("alpha", "beta"):
        done = run("income", "reconcile", f"--config.file={filled}", "--account", account)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{account}: ")
        assert done.stdout.endswith(" agree.\n")


def test_every_differing_row_is_named(filled: Path, exchange: Exchange) -> None:
    row = {"income_type": "TRADING_FEE", "symbol": "BTC-USDT", "amount": "-1.25", "asset": "USDT", "info": "late"}
    exchange.tell("income", account="alpha", count=2, ago_seconds=86400, apart_seconds=60, late_seconds=0, **row)

    table = run("income", "reconcile", f"--config.file={filled}", "--account", "alpha")
    told = run("income", "reconcile", f"--config.file={filled}", "--account", "alpha", "--format", "json")

    assert (table.returncode, told.returncode) == (1, 1)
    assert table.stdout.startswith("alpha: 2 rows from ")
    assert table.stdout.count("exchange  20") == 2
    (found,) = json.loads(told.stdout)
    assert (found["account"], found["equal"], found["only_in_ledger"]) == ("alpha", False, [])
    assert [one["amount"] for one in found["only_in_exchange"]] == ["-1.25", "-1.25"]
    assert sum(Decimal(day["difference"]) for day in found["days"]) == Decimal("-2.5")
    assert all(Decimal(day["exchange"]) - Decimal(day["ledger"]) == Decimal(day["difference"]) for day in found["days"])


def test_an_account_that_cannot_be_compared_is_told_like_the_others(filled: Path) -> None:
    done = run("income", "reconcile", f"--config.file={filled}")

    assert (done.returncode, done.stderr) == (1, "")
    assert [line.partition(": ")[0] for line in done.stdout.splitlines()] == ["alpha", "beta", "gamma"]
    assert done.stdout.splitlines()[2].startswith("gamma: not compared: nothing of its history has been read; ")


def test_an_account_whose_workbook_is_refused_is_told_like_the_others(filled: Path, exchange: Exchange) -> None:
    exchange.tell("rights", account="beta", read=True, trade=False)

    table = run("income", "reconcile", f"--config.file={filled}")
    told = run("income", "reconcile", f"--config.file={filled}", "--format=json")

    assert (table.returncode, table.stderr) == (1, "")
    alpha, beta, _ = table.stdout.splitlines()
    assert alpha.endswith(" agree.")
    error = f"income_export: permission_denied (code 100004); {PermissionDenied.mend}"
    assert beta == f"beta: not compared: {error}."
    assert (told.returncode, told.stderr) == (1, "")
    assert json.loads(told.stdout)[1] == {"account": "beta", "equal": False, "error": error}


def test_a_period_of_which_nothing_has_been_read_is_told_like_the_others(filled: Path) -> None:
    done = run("income", "reconcile", f"--config.file={filled}", "--account=alpha", "--from=1s")

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("alpha: not compared: the ledger has read up to ")
    assert done.stdout.endswith(", and nothing of the period for certain.\n")


def test_without_a_ledger_there_is_nothing_to_compare(config: Path, tmp_path: Path) -> None:
    done = run("income", "reconcile", f"--config.file={config}")

    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no ledger yet" in done.stderr
    assert not (tmp_path / "ledger.db").exists()

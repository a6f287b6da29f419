"""What the commands that answer and end print: JSON of a settled shape, and tables that fit into a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.exchange import Exchange, standing_still
from support.processes import eventually, exporter, run
from support.terminal import Terminal

pytestmark = pytest.mark.timeout(90)

LOCAL = "--web.listen-address=127.0.0.1:0"
BUDGET_KEYS = frozenset(("address", "accounts", "share", "fits", "accounts_that_fit", "addresses_needed", "endpoints"))


@pytest.fixture(scope="module")
def world() -> Iterator[Exchange]:
    with standing_still(history_days=6, history_trades_per_day=12.0) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def config(world: Exchange, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the configuration of a run that has read the income and ended."""
    folder = tmp_path_factory.mktemp("run")
    config = world.config(folder)
    with exporter(f"--config.file={config}", LOCAL, folder=folder) as process:
        eventually(lambda: process.log.count("The income history has been read") == 2, what="two baselines")
        assert process.end() == 0
    return f"--config.file={config}"


def printed(*arguments: str | Path) -> Any:  # noqa: ANN401 - JSON
    done = run(*arguments, "--format=json")
    assert done.returncode in {0, 1}, done.stderr
    return json.loads(done.stdout)


def test_check_has_the_keys_that_are_documented(config: str) -> None:
    told = printed("check", config)

    assert list(told) == ["findings", "budgets"]
    assert {tuple(one) for one in told["findings"]} == {("account", "endpoint", "outcome", "detail", "mend")}
    assert {frozenset(one) for one in told["budgets"]} == {BUDGET_KEYS}


def test_a_shard_says_how_many_accounts_are_its_own_and_where_there_are_none(config: str) -> None:
    told = [run("check", config, f"--shard={number}", "--total-shards=2").stdout for number in range(2)]
    shares = [re.search(r"^Shard (\d) of 2: (\d) of (\d) accounts\.$", one, re.MULTILINE) for one in told]
    assert [one and one[1] for one in shares] == ["0", "1"]
    assert sum(int(one[2]) for one in shares if one) == int(shares[0][3] if shares[0] else 0) > 0

    empty = run("income", "verify", config, "--shard=8000", "--total-shards=9000")

    assert empty.returncode == 1
    assert "none that belongs to this shard" in empty.stderr


def test_the_catalogue_has_the_keys_that_are_documented() -> None:
    assert {tuple(one) for one in printed("metrics")} == {("name", "type", "labels", "help", "source")}


@pytest.mark.parametrize(("by", "cut"), [([], ["type", "symbol"]), (["--by=type"], ["type"]), (["--by=day"], ["day"])])
def test_totals_have_the_keys_that_are_documented(config: str, by: list[str], cut: list[str]) -> None:
    keys = (
        "account",
        "asset",
        *cut,
        "credited",
        "debited",
        "net",
        "entries",
        "complete",
        "start",
        "watermark",
        "error",
    )

    assert {tuple(one) for one in printed("income", "totals", config, *by)} == {keys}


def test_verify_has_the_keys_that_are_documented(config: str) -> None:
    assert list(printed("income", "verify", config)) == ["accounts", "series", "differences"]


def test_reconcile_has_the_keys_that_are_documented(config: str) -> None:
    told = printed("income", "reconcile", config, "--from=5d")

    assert [list(one) for one in told if one["account"] == "alpha"] == [
        ["account", "equal", "start", "end", "rows", "days", "only_in_ledger", "only_in_exchange"]
    ]
    assert [list(one) for one in told if one["account"] == "gamma"] == [["account", "equal", "error"]]


def test_an_export_has_the_keys_that_are_documented(config: str) -> None:
    told = printed("income", "export", config, "--account=alpha", "--from=5d", "--to=1s", "--out=-")

    assert list(told) == ["heads", "rows"]
    assert told["rows"]
    assert {len(row) for row in told["rows"]} == {len(told["heads"])}


def test_a_healthcheck_has_the_keys_that_are_documented(tmp_path: Path) -> None:
    with exporter("demo", folder=tmp_path) as process:
        url = f"{process.ready()}/-/healthy"
        assert printed("healthcheck", f"--url={url}") == {"url": url, "healthy": True, "error": None}
        process.end()
    done = run("healthcheck", f"--url={url}", "--format=json")

    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["healthy"], "refused" in told["error"]) == (False, True)


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("words", [("check",), ("income", "totals"), ("income", "totals", "--by=day"), ("metrics",)])
def test_it_fits_into_a_terminal(config: str, words: tuple[str, ...], columns: int) -> None:
    flags = () if words == ("metrics",) else (config,)
    code = 1 if "totals" in words else 0  # those of gamma cannot be read
    lines = on_a_terminal(*words, *flags, columns=columns, code=code).splitlines()

    assert lines
    assert max(map(len, lines)) <= columns
    assert not any("…" in line for line in lines)


def test_on_a_terminal_of_80_columns_the_account_stands_above_its_totals(config: str) -> None:
    lines = on_a_terminal("income", "totals", config, "--account=alpha", columns=60).splitlines()

    assert lines[0].split() == ["type", "symbol", "credited", "debited", "net", "entries"]
    assert "alpha, USDT" in lines


def on_a_terminal(*arguments: str, columns: int, code: int = 0) -> str:
    """Return what the command prints on a terminal, without its colours; it ends with `code`."""
    screen = Terminal(*arguments, size=(columns, 40))
    try:
        assert screen.end() == code
        return re.sub(r"\x1b\[[0-9;]*m", "", screen.written)
    finally:
        screen.close()

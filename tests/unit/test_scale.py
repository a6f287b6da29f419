"""docs/scale.md calculates from the defaults of the program; here it is calculated again."""

from __future__ import annotations

import math
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from exporter.app.application import _MOST_WORKERS
from exporter.app.roster import threads_for
from exporter.bingx.limits import RULES, Scope
from exporter.config import AccountSettings, load
from exporter.config.shard import Shard
from exporter.polling.pace import ANSWER_SECONDS, SPARE, usable

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PAGE: Final = (DOCS / "scale.md").read_text(encoding="utf-8")
TEXT: Final = " ".join(PAGE.split())
PLANNED: Final = 0.8
SCRAPE_SECONDS: Final = 15
BYTES_A_SERIES: Final = 4000
SMALL: Final = (2, 5, 12)
LARGE: Final = (2, 20, 30)


def rows(head: str, text: str = PAGE) -> list[list[str]]:
    """Return the cells of the table whose head begins so."""
    lines = text[text.index(f"| {head}") :].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]


def number(text: str) -> int:
    (found,) = re.findall(r"\d[\d,]*", text)
    return int(found.replace(",", ""))


def series(assets: int, positions: int, symbols: int) -> int:
    counted = {row[0]: number(row[1]) for row in rows("for each", (DOCS / "cardinality.md").read_text("utf-8"))}
    return (
        counted["an account"]
        + assets * counted["an asset in its wallet"]
        + positions * counted["an open position"]
        + symbols * counted["a symbol that was ever held"]
    )


def of_the_exporter() -> int:
    return {row[0]: number(row[1]) for row in rows("for each", (DOCS / "cardinality.md").read_text("utf-8"))}[
        "the exporter itself"
    ]


def carried(interval: float, share: float = 1) -> int:
    return math.floor(share * usable(RULES, Scope.ADDRESS) * interval)


@pytest.fixture
def account(tmp_path: Path) -> AccountSettings:
    path = tmp_path / "config.yaml"
    path.write_text("accounts: [{name: main, api_key: key-0123456789, api_secret: secret-0123456789}]")
    path.chmod(0o600)
    return load(path, environ={}).accounts[0]


def test_the_interval_that_counts_is_the_shortest_and_the_default(account: AccountSettings) -> None:
    polled = [account.collectors.of(name) for name in account.collectors.enabled]
    assert min(one.interval for one in polled) == account.collectors.positions.interval
    assert rows("interval of")[0][0] == f"{account.collectors.positions.interval:.0f}s (default)"


def test_the_addresses_follow_from_the_limits() -> None:
    table = rows("interval of")
    assert len(table) == 3
    for row in table:
        at_most, planned, thousand, many = map(number, row[1:])
        interval = float(row[0].partition("s")[0])
        assert (at_most, planned) == (carried(interval), carried(interval, PLANNED))
        assert (thousand, many) == (math.ceil(1000 / planned), math.ceil(100_000 / planned))


def test_the_formula_is_that_of_the_plan() -> None:
    (rule,) = [one for one in RULES if one.scope is Scope.ADDRESS]

    words = PAGE.replace("\N{MULTIPLICATION SIGN}", "*")
    assert f"accounts = {1 - SPARE} * {rule.calls} * T / {rule.seconds + ANSWER_SECONDS:.1f}" in words


def test_the_series_are_those_of_the_page_on_them() -> None:
    assert f"ever held ({series(*SMALL)} series), a large one 2, 20 and 30 ({series(*LARGE)})" in TEXT
    table = rows("accounts | shards")
    assert [number(row[0]) for row in table] == [10, 1000, 100_000]
    for row in table:
        accounts, shards, pairs, small, large, samples, memory = map(number, row)
        assert shards == math.ceil(accounts / carried(5, PLANNED))
        assert pairs == 2 * shards
        assert small == accounts * series(*SMALL) + shards * of_the_exporter()
        assert large == accounts * series(*LARGE) + shards * of_the_exporter()
        assert samples == round(small / SCRAPE_SECONDS)
        assert memory == math.ceil(small * BYTES_A_SERIES / 1e9)


def test_what_an_exporter_takes_is_no_more_than_is_said(account: AccountSettings) -> None:
    """Within a third, as elsewhere; that it takes less is no fault of the page."""
    measured = (DOCS / "performance.md").read_text(encoding="utf-8")

    def figure(line: str) -> float:
        found = re.search(rf"^\| {re.escape(line)}[^|]*\| ([\d.]+) \|", measured, re.MULTILINE)
        assert found is not None, line
        return float(found[1])

    assert "at most 2 MiB of memory and 1 ms of CPU a second for each account" in TEXT
    assert figure("1000 accounts, measured once") / 1000 < 2 * 1.33
    assert figure("refresh: 5 positions, 0 rows of income") / account.collectors.positions.interval < 1.33
    assert carried(5, PLANNED) * 2 < 256


def test_a_process_runs_out_of_threads_where_it_is_said(account: AccountSettings) -> None:
    (row,) = [row for row in rows("accounts | what") if "threads" in row[1]]
    assert number(row[0]) == _MOST_WORKERS // threads_for([account])
    assert f"{_MOST_WORKERS:,} threads" in row[1]


def test_a_cell_has_as_many_shards_as_its_accounts_need() -> None:
    assert (
        f"Cells of up to 10,000 accounts, each with a file, keys, {math.ceil(10_000 / carried(5, PLANNED))} shards"
        in TEXT
    )


def test_the_line_that_tells_the_shard_of_an_account_tells_it() -> None:
    (line,) = re.findall(r"^```sh\n(.+)\n```$", PAGE, re.MULTILINE)
    for name in ("main", "hedge", "alpha", "beta", "gamma"):
        told = subprocess.run(
            ["sh", "-c", line.replace(" main ", f" {name} ")], capture_output=True, text=True, check=True
        )
        assert Shard(number=int(told.stdout), total=3).owns(name)

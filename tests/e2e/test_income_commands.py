"""`income totals`, `verify` and `backfill` on the ledger that a run has left behind; the last one up to Prometheus."""

from __future__ import annotations

import csv
import json
import math
import re
import sqlite3
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.clock import ManualClock
from support.exchange import Exchange, standing_still
from support.processes import Prometheus, eventually, exporter, needed, prometheus, run

from exporter.clock import SystemClock
from exporter.ledger import TAIL, Window, open_ledger
from exporter.model import IncomeEntry, from_milliseconds, to_milliseconds

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("e2e")]

LOCAL = "--web.listen-address=127.0.0.1:0"
STEP = 300
FAMILIES = ("credited", "debited", "entries")
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a run has left behind: its configuration, its ledger, and what the exchange knows."""

    config: str
    ledger: Path
    world: dict[str, dict[tuple[str, str, str], tuple[Decimal, Decimal, int]]]

    def entries(self) -> dict[str, tuple[IncomeEntry, ...]]:
        now = SystemClock().now().replace(microsecond=0) + timedelta(days=1)
        with open_ledger(f"sqlite:///{self.ledger}", ManualClock()) as ledger:
            return {book.name: book.entries(Window(book.epoch, now)) for book in ledger.books()}


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    folder = tmp_path_factory.mktemp("left")
    with standing_still(history_days=6, history_trades_per_day=12.0) as exchange:
        config = exchange.config(folder)
        with exporter(f"--config.file={config}", LOCAL, folder=folder) as process:
            process.ready()
            eventually(lambda: process.log.count("The income history has been read") == 2, what="two baselines")
            assert process.end() == 0
        with open_ledger(f"sqlite:///{folder / 'ledger.db'}", SystemClock()) as ledger:
            # Its income may not be read. Whether it has series by now depends on which call was the first.
            next(book for book in ledger.books() if book.name == "gamma").expect([("FUNDING_FEE", "BTC-USDT", "USDT")])
        yield Left(config=f"--config.file={config}", ledger=folder / "ledger.db", world=of_the_world(exchange))


def of_the_world(exchange: Exchange) -> dict[str, dict[tuple[str, str, str], tuple[Decimal, Decimal, int]]]:
    return {
        account["name"]: {
            (row["asset"], row["income_type"], row["symbol"]): (
                Decimal(row["credited"]),
                Decimal(row["debited"]),
                row["entries"],
            )
            for row in account["income"]["readable"]
        }
        for account in exchange.world()["accounts"]
    }


def test_the_totals_are_what_the_exchange_knows(left: Left) -> None:
    done = run("income", "totals", left.config, "--format=json")

    rows = [row for row in json.loads(done.stdout) if row["account"] != "gamma"]
    assert done.returncode == 1
    for name in ("alpha", "beta"):
        assert sums_of(rows, name) == left.world[name]
    assert all(Decimal(row["net"]) == Decimal(row["credited"]) - Decimal(row["debited"]) for row in rows)


def sums_of(rows: Iterable[dict[str, Any]], account: str) -> dict[tuple[str, str, str], tuple[Decimal, Decimal, int]]:
    """Return the rows of an account that have moved, as the world has them."""
    return {
        (row["asset"], row["type"], row["symbol"]): (Decimal(row["credited"]), Decimal(row["debited"]), row["entries"])
        for row in rows
        if row["account"] == account and row["entries"]
    }


@pytest.mark.parametrize("flags", [(), ("--by=type",), ("--by=symbol",), ("--by=day",), ("--since=3d",)])
def test_an_account_whose_income_cannot_be_read_has_no_totals_and_the_others_have(
    left: Left, flags: tuple[str, ...]
) -> None:
    told = json.loads((json_run := run("income", "totals", left.config, "--format=json", *flags)).stdout)
    csv_run = run("income", "totals", left.config, "--format=csv", *flags)
    table = run("income", "totals", left.config, *flags)

    assert (json_run.returncode, csv_run.returncode, table.returncode) == (1, 1, 1)
    (gamma,) = [row for row in told if row["account"] == "gamma"]
    assert gamma["error"].startswith("nothing of its history has been read; ")
    assert gamma["complete"] is False
    assert {value for name, value in gamma.items() if name not in {"account", "complete", "start", "error"}} == {None}
    assert list(gamma) == list(told[0])
    assert {row["account"] for row in csv.DictReader(csv_run.stdout.splitlines())} == {"alpha", "beta"}
    (warning,) = [line for line in csv_run.stderr.splitlines() if "level=WARN" in line]
    assert 'msg="gamma: no totals: nothing of its history has been read; ' in warning
    rows, _, sentences = table.stdout.partition("\n\n")
    assert {line.split()[0] for line in rows.splitlines()} == {"account", "alpha", "beta"}
    assert [line.partition(": ")[0] for line in sentences.splitlines()] == ["alpha", "beta", "gamma"]
    assert "gamma: no totals: nothing of its history has been read; " in sentences
    assert table.stderr == ""


def test_alone_it_has_nothing_but_its_reason(left: Left) -> None:
    table = run("income", "totals", left.config, "--account=gamma")

    assert (table.returncode, table.stderr, len(table.stdout.splitlines())) == (1, "", 1)
    assert table.stdout.startswith("gamma: no totals: ")


def test_totals_say_from_where_up_to_where_they_are_complete(left: Left) -> None:
    with open_ledger(f"sqlite:///{left.ledger}", ManualClock()) as ledger:
        book = next(book for book in ledger.books() if book.name == "alpha")
    told = run("income", "totals", left.config, "--account=alpha", "--format=json")
    table = run("income", "totals", left.config, "--account=alpha")
    in_csv = run("income", "totals", left.config, "--account=alpha", "--format=csv")

    assert (told.returncode, table.returncode, in_csv.returncode) == (0, 0, 0)
    assert {
        tuple(row[name] for name in ("complete", "start", "watermark", "error")) for row in json.loads(told.stdout)
    } == {(True, book.epoch.isoformat(), book.cursor.isoformat(), None)}
    assert re.fullmatch(
        rf"alpha: complete from \S+ up to {re.escape(book.cursor.isoformat())}\.", table.stdout.splitlines()[-1]
    )
    assert f'level=INFO msg="{table.stdout.splitlines()[-1]}"' in re.sub(r" source=\S+", "", in_csv.stderr)


def test_while_a_history_is_being_read_there_are_no_totals_of_it(tmp_path: Path) -> None:
    with standing_still(history_days=60) as exchange:
        exchange.tell("faults", kind="delay", account="alpha", endpoint="income", milliseconds=1200)
        config = f"--config.file={exchange.config(tmp_path)}"
        ask = ("income", "totals", config, "--format=json")

        def told(code: int, *flags: str) -> list[dict[str, Any]]:
            done = run(*ask, *flags)
            assert done.returncode == code, done.stdout + done.stderr
            rows: list[dict[str, Any]] = json.loads(done.stdout)
            return rows

        def under_way() -> dict[str, Any]:
            (alpha,) = told(1, "--account=alpha")
            assert alpha["watermark"]
            return alpha

        with exporter(config, LOCAL, folder=tmp_path) as process:
            process.ready()
            found = eventually(under_way, what="a part of the history has been read")
            eventually(lambda: told(0, "--account=beta"), what="the other one has been read")
            mixed = told(1)
            assert process.end() == 0
        assert (found["credited"], found["entries"], found["complete"]) == (None, None, False)
        assert re.match(r"its history has been read up to \S+ \(\d+ %\); the exporter goes on", found["error"])
        assert sums_of(mixed, "beta") == of_the_world(exchange)["beta"]
        assert [row["entries"] for row in mixed if row["account"] != "beta"] == [None, None]

        stopped = under_way()
        assert under_way() == stopped
        assert [row["entries"] for row in told(1, "--account=alpha", "--since=1d")] == [None]

        exchange.tell("faults/clear")
        with exporter(config, LOCAL, folder=tmp_path) as process:
            rows = eventually(lambda: told(0, "--account=alpha"), what="the rest has been read")
            assert process.end() == 0
        assert sums_of(rows, "alpha") == of_the_world(exchange)["alpha"]


def test_totals_leave_out_what_the_exchange_does_not_show(left: Left, tmp_path: Path) -> None:
    now = SystemClock().now().replace(microsecond=0)
    epoch, gap = now - timedelta(days=3), Window(now - timedelta(days=2), now - timedelta(days=2, seconds=-1))
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", SystemClock()) as ledger:
        book = ledger.account("alpha", since=epoch)
        book.record_window(Window(epoch, gap.start), (), cursor=gap.start)
        book.record_window(gap, (), cursor=gap.end, truncated=True)
        book.record_window(
            Window(gap.end, now), (transfer(now - timedelta(days=1)),), cursor=now, baseline_complete=True
        )
    config = elsewhere(left, tmp_path)

    whole, days = (run("income", "totals", config, *flags) for flags in ((), ("--by=day",)))
    after = run("income", "totals", config, f"--since={gap.end.isoformat()}", "--format=csv")

    assert (whole.returncode, days.returncode, after.returncode) == (1, 1, 0)
    assert whole.stdout == days.stdout
    assert whole.stdout.startswith("alpha: no totals: the exchange does not show all of its income between ")
    assert after.stdout.splitlines()[1:] == ["alpha,USDT,TRANSFER,,5,0,5,1"]


def transfer(at: datetime) -> IncomeEntry:
    ids = {"tran_id": "1", "trade_id": "", "info": ""}
    return IncomeEntry(time=at, income_type="TRANSFER", symbol="", asset="USDT", amount=Decimal(5), **ids)


@pytest.mark.parametrize("by", ["type", "symbol", "day"])
def test_every_way_to_cut_the_totals_adds_up_to_the_same(left: Left, by: str) -> None:
    cut = run("income", "totals", left.config, "--format=csv", f"--by={by}", "--account=alpha").stdout

    rows = list(csv.DictReader(cut.splitlines()))
    assert list(rows[0]) == ["account", "asset", by, "credited", "debited", "net", "entries"]
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["asset"]] += Decimal(row["net"])
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for (asset, _, _), (credited, debited, _) in left.world["alpha"].items():
        expected[asset] += credited - debited
    assert sums == expected


def test_totals_since_a_moment_are_of_the_entries_from_then_on(left: Left) -> None:
    since = SystemClock().now().replace(microsecond=0) - timedelta(days=3)

    done = run("income", "totals", left.config, "--format=json", f"--since={since.isoformat()}", "--by=type")

    expected: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for name, entries in left.entries().items():
        for entry in entries:
            if entry.time >= since:
                expected[name, entry.asset, entry.income_type] += entry.amount
    rows = [row for row in json.loads(done.stdout) if row["complete"]]
    assert {(row["account"], row["asset"], row["type"]): Decimal(row["net"]) for row in rows} == expected


def test_the_table_in_a_pipe_is_aligned_text(left: Left) -> None:
    table, _, said = run("income", "totals", left.config, "--by=type", "--account=beta").stdout.partition("\n\n")
    lines = table.splitlines()

    assert said.startswith("beta: complete from ")
    assert lines[0].split() == ["account", "asset", "type", "credited", "debited", "net", "entries"]
    assert {"FUNDING_FEE", "REALIZED_PNL", "TRADING_FEE"} <= {line.split()[2] for line in lines[1:]}
    assert len({len(line) for line in lines}) == 1
    assert "\x1b" not in "".join(lines)


def test_verify_says_how_many_series_agree(left: Left) -> None:
    done = run("income", "verify", left.config)

    with open_ledger(f"sqlite:///{left.ledger}", ManualClock()) as ledger:
        series = [len(book.totals()) for book in ledger.books()]
    assert (done.returncode, done.stdout) == (0, f"{sum(series)} series of {len(series)} accounts agree.\n")


def test_verify_shows_a_total_that_its_entries_do_not_add_up_to(left: Left, tmp_path: Path) -> None:
    config = broken(left, tmp_path)

    done = run("income", "verify", config)
    told = run("income", "verify", config, "--format=json")

    assert (done.returncode, told.returncode) == (1, 1)
    assert "1 of " in done.stdout
    assert done.stdout.splitlines()[1].split()[:3] == ["alpha", "USDT", "TRANSFER"]
    (difference,) = json.loads(told.stdout)["differences"]
    assert difference["recorded"]["credited"] == "12345.5"
    assert Decimal(difference["entered"]["credited"]) == left.world["alpha"]["USDT", "TRANSFER", ""][0]


def broken(left: Left, folder: Path) -> str:
    """Return the configuration of a copy of the ledger with one total changed."""
    with closing(sqlite3.connect(left.ledger)) as source, closing(sqlite3.connect(folder / "ledger.db")) as copy:
        source.backup(copy)
        copy.execute("UPDATE series SET credited = '12345.5' WHERE income_type = 'TRANSFER' AND account_id = 1")
        copy.commit()
    return elsewhere(left, folder)


def elsewhere(left: Left, folder: Path) -> str:
    """Return the same configuration with the ledger in `folder`."""
    text = Path(left.config.partition("=")[2]).read_text()
    path = folder / "config.yaml"
    path.write_text(text.replace(str(left.ledger), str(folder / "ledger.db")))
    return f"--config.file={path}"


@pytest.fixture(scope="module")
def past(left: Left, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run a Prometheus that has nothing but the blocks."""
    folder = tmp_path_factory.mktemp("past")
    file = folder / "income.om"
    done = run("income", "backfill", left.config, f"--out={file}")
    assert done.returncode == 0, done.stderr
    make_blocks(file, folder / "tsdb")
    with prometheus("127.0.0.1:1", folder) as metrics:
        yield metrics


def make_blocks(file: Path, folder: Path) -> None:
    promtool = needed("promtool")
    arguments = ["--max-block-duration=744h", str(file), str(folder)]
    done = subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def sums_between(left: Left, start: float, end: float) -> dict[tuple[str, Labels], float]:
    """Add up the entries after `start` up to and including `end` as the counters do."""
    sums: dict[tuple[str, Labels], Decimal] = defaultdict(Decimal)
    for name, entries in left.entries().items():
        for entry in entries:
            key = labels_of(name, entry)
            if start < to_milliseconds(entry.time) / 1000 <= end:
                sums["credited" if entry.amount > 0 else "debited", key] += abs(entry.amount)
                sums["entries", key] += 1
    return {key: float(value) for key, value in sums.items()}


def first_entries(left: Left) -> dict[Labels, float]:
    """Return when each series begins, in seconds since 1970."""
    found: dict[Labels, float] = {}
    for name, entries in left.entries().items():
        for entry in entries:
            found.setdefault(labels_of(name, entry), entry.time.timestamp())
    return found


def labels_of(account: str, entry: IncomeEntry) -> Labels:
    labels = {"account": account, "asset": entry.asset, "symbol": entry.symbol, "income_type": entry.income_type}
    return frozenset((name, value) for name, value in labels.items() if value)


def first_start(left: Left) -> datetime:
    with open_ledger(f"sqlite:///{left.ledger}", ManualClock()) as ledger:
        return min(total.created_at for book in ledger.books() for total in book.totals())


def periods(left: Left, *, offset: float) -> list[tuple[float, float]]:
    """Return periods whose ends are `offset` seconds behind a regular sample."""
    end = math.floor((first_start(left) - TAIL).timestamp() / STEP) * STEP - STEP + offset
    hour = 3600
    ends = [(24, 0), (72, 48), (6 * 24, 0), (7 * 24, 12), (5, 4), (30, 29.5), (100, 20)]
    return [(end - begin * hour, end - stop * hour) for begin, stop in ends]


@pytest.mark.parametrize("offset", [0, 77.5])
def test_the_difference_of_a_counter_at_two_times_is_what_the_ledger_has_between_them(
    left: Left, past: Prometheus, offset: float
) -> None:
    for start, end in periods(left, offset=offset):
        expected = sums_between(left, start, end)
        for family in FAMILIES:
            before, after = (past.query(f"bingx_income_{family}_total @ {at} + 0") for at in (start, end))
            found = {key: value - before.get(key, 0.0) for key, value in after.items()}
            assert found == {key: pytest.approx(expected.get((family, key), 0.0), abs=1e-9) for key in after}
            assert {key for name, key in expected if name == family} <= found.keys()


def test_increase_over_a_period_between_two_regular_samples_is_what_the_ledger_has(
    left: Left, past: Prometheus
) -> None:
    for start, end in periods(left, offset=0):
        expected = sums_between(left, start, end)
        for family in FAMILIES:
            found = past.query(f"increase(bingx_income_{family}_total[{round(end - start)}s] @ {end})")
            assert found == {key: pytest.approx(expected.get((family, key), 0.0), abs=1e-9) for key in found}
            assert {key for name, key in expected if name == family} <= found.keys()


def test_increase_over_any_period_misses_nothing_and_adds_two_steps_at_most(left: Left, past: Prometheus) -> None:
    """What Prometheus adds is in proportion to the period, or to the life of a series that begins within it."""
    born = first_entries(left)
    for start, end in periods(left, offset=133.25):
        expected, length = sums_between(left, start, end), end - start
        for family in FAMILIES:
            found = past.query(f"increase(bingx_income_{family}_total[{round(length)}s] @ {end})")
            for key, value in found.items():
                least = expected.get((family, key), 0.0)
                life = min(length, end - born[key])
                assert least - 1e-9 <= value
                assert value <= least * (1 + 2.2 * STEP / (life - 2 * STEP)) + 1e-9 or life < 4 * STEP
            assert {key for name, key in expected if name == family} <= found.keys()


def test_the_counters_of_the_blocks_go_on_on_the_page_without_a_reset(tmp_path: Path) -> None:
    with standing_still(history_days=3) as exchange:
        config = f"--config.file={exchange.config(tmp_path)}"
        with exporter(config, LOCAL, folder=tmp_path) as process:
            process.ready()
            eventually(lambda: process.log.count("The income history has been read") == 2, what="two baselines")
            instance = urlsplit(process.url).netloc
            file = tmp_path / "income.om"
            labels = ("--label=job=bingx", f"--label=instance={instance}")
            assert run("income", "backfill", config, f"--out={file}", *labels).returncode == 0
            make_blocks(file, tmp_path / "tsdb")
            with prometheus(instance, tmp_path) as metrics:
                eventually(lambda: metrics.query("bingx_income_credited_total"), what="the page is scraped")

                exchange.tell("income", account="alpha", income_type="TRANSFER", amount="7.25")

                moved = 'increase(bingx_income_credited_total{account="alpha",income_type="TRANSFER"}[1m]) > 7'
                eventually(lambda: metrics.query(moved), what="the counter moves", seconds=30)
                world = of_the_world(exchange)
                for family in FAMILIES:
                    name = f"bingx_income_{family}_total"
                    assert set(metrics.query(f"resets({name}[10d])").values()) == {0.0}
                    assert set(metrics.query(f"count without (job, instance) ({name})").values()) == {1.0}
                whole = metrics.query("last_over_time(bingx_income_entries_total[10d])")
                assert sum(whole.values()) == sum(row[2] for name in ("alpha", "beta") for row in world[name].values())
                assert max(map(len, metrics.raw("bingx_income_entries_total").values())) > 3


def test_a_backfill_in_parts_is_the_whole_one(left: Left) -> None:
    def written(*flags: str) -> set[str]:
        done = run("income", "backfill", left.config, "--out=-", "--step=1h", *flags)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("# EOF\n")
        return {line for line in done.stdout.splitlines() if not line.startswith("#")}

    cut = (SystemClock().now() - timedelta(days=2)).replace(minute=0, second=0, microsecond=0).isoformat()
    assert written(f"--until={cut}") | written(f"--since={cut}") == written()


def test_until_moves_the_end_up_to_where_the_ledger_has_been_read(left: Left) -> None:
    done = run("income", "backfill", left.config, "--out=-", "--account=alpha", "--until=1s", "--step=1d")

    counts = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("bingx_income_entries_total")]
    assert counts
    last: dict[str, float] = {}
    for line in done.stdout.splitlines():
        if line.startswith("bingx_income_entries_total"):
            block, value, _ = line.split()
            last[block] = float(value)
    assert sum(last.values()) == sum(row[2] for row in left.world["alpha"].values())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("totals", "--account=delta"), "there is no account 'delta'; known: alpha, beta"),
        (("backfill", "--account=delta", "--out=-"), "there is no account 'delta'; known: alpha, beta"),
        (("backfill", "--account=gamma", "--out=-"), "the history of 'gamma' has not been read completely"),
        (("backfill", "--out=/proc/none/file"), "cannot write: "),
        (("backfill", "--out=/"), "cannot write: / is no file"),
        (("backfill", "--until=2020-01-01", "--out=-"), "has no past to write"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(left: Left, arguments: tuple[str, ...], said: str) -> None:
    command, *rest = arguments
    done = run("income", command, left.config, "--log.level=error", *rest)

    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["totals", "verify", "backfill"])
def test_a_ledger_that_is_not_there_is_not_made_by_asking(left: Left, tmp_path: Path, command: str) -> None:
    out = (f"--out={tmp_path / 'out'}",) if command == "backfill" else ()
    done = run("income", command, elsewhere(left, tmp_path), *out)

    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "there is no ledger yet at" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("command", ["verify", "backfill"])
def test_a_ledger_without_income_says_so(left: Left, tmp_path: Path, command: str) -> None:
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", ManualClock()) as ledger:
        ledger.account("alpha", since=from_milliseconds(1_700_000_000_000))
    out = (f"--out={tmp_path / 'out'}",) if command == "backfill" else ()
    done = run("income", command, elsewhere(left, tmp_path), *out)

    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "the ledger of 'alpha' has no income yet" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("totals", "--by=year"),
        ("totals", "--since=yesterday"),
        ("verify", "--format=csv"),
        ("backfill",),
        ("backfill", "--out=-", "--step=5"),
        ("backfill", "--out=-", "--label=account=x"),
        ("backfill", "--out=-", "--label=symbol=x"),
        ("backfill", "--out=-", "--label=job"),
        (),
    ],
)
def test_flags_that_are_not_understood_end_with_2(arguments: tuple[str, ...]) -> None:
    done = run("income", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert "error: " in done.stderr


def test_a_failed_backfill_leaves_the_file_of_the_last_one(left: Left, tmp_path: Path) -> None:
    out = tmp_path / "income.om"
    out.write_text("the last one")

    done = run("income", "backfill", left.config, "--account=gamma", f"--out={out}")

    assert done.returncode == 1
    assert out.read_text() == "the last one"
    assert list(tmp_path.iterdir()) == [out]

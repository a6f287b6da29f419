"""Real shards of one configuration before a real Prometheus: one is killed, comes back, and then there are four."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
import yaml
from support.exchange import Exchange, standing_still
from support.processes import Exporter, Prometheus, eventually, exporter, get, prometheus_with, run
from support.world import expected_income, without_idle

from bench.ports import free_port
from exporter.clock import SystemClock
from exporter.config.shard import Shard

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("e2e")]

RULES: Final = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "rules" / "trust.yaml"
COUNTERS: Final = ("entries", "credited", "debited")


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with standing_still(accounts=16, positions=2, history_days=8) as exchange:
        yield exchange


def condition(alert: str) -> str:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    (found,) = [str(rule["expr"]) for group in groups for rule in group["rules"] if rule.get("alert") == alert]
    return found


class Fleet:
    """Shards of one configuration, each with a port and a ledger of its own that outlive the process."""

    def __init__(self, exchange: Exchange, folder: Path) -> None:
        self.since = (SystemClock().now() - timedelta(days=9)).replace(hour=0, minute=0, second=0, microsecond=0)
        slow = {name: {"interval": "2s"} for name in ("balance", "positions", "commission_rate")}
        income = {"interval": "2s", "initial_zero": "2s", "since": self.since.strftime("%Y-%m-%d")}
        self.config = exchange.config(folder, collectors={**slow, "income": income})
        document = yaml.safe_load(self.config.read_text())
        self.names = {account["name"] for account in document["accounts"]}
        self.config.write_text(yaml.safe_dump({**document, "ledger": {"url": "${LEDGER}"}}))
        self.folder = folder
        self.ports = [free_port() for _ in range(4)]
        self.running: dict[int, Exporter] = {}
        self._stacks: dict[int, ExitStack] = {}

    def start(self, number: int, *, total: int) -> None:
        stack = self._stacks[number] = ExitStack()
        self.running[number] = stack.enter_context(
            exporter(
                f"--config.file={self.config}",
                f"--web.listen-address=127.0.0.1:{self.ports[number]}",
                "--shard=auto",
                f"--total-shards={total}",
                folder=self.folder,
                environ={"LEDGER": self.ledger(number), "POD_NAME": f"exporter-{number}"},
            )
        )

    def ledger(self, number: int) -> str:
        return f"sqlite:///{self.folder / f'shard-{number}.db'}"

    def end(self, number: int, how: int = signal.SIGTERM) -> None:
        self.running.pop(number).end(how)
        self._stacks.pop(number).close()

    def close(self) -> None:
        for stack in self._stacks.values():
            stack.close()

    def wait(self) -> None:
        for process in self.running.values():
            process.ready()

    def owned(self, *, total: int) -> dict[int, set[str]]:
        shards = [Shard(number=number, total=total) for number in range(total)]
        return {shard.number: {name for name in self.names if shard.owns(name)} for shard in shards}

    def listed(self) -> dict[int, set[str]]:
        """Return which accounts each shard tells of on `/sd`."""
        groups = {number: json.loads(get(f"{process.url}/sd")[1]) for number, process in self.running.items()}
        return {number: {one["labels"]["__param_account"] for one in found} for number, found in groups.items()}

    def scraping(self) -> str:
        """Every shard's `/metrics` as one job, and every account by the `/sd` of all shards as another."""
        addresses = [f"127.0.0.1:{port}" for port in self.ports]
        discovery = [{"url": f"http://{one}/sd", "refresh_interval": "1s"} for one in addresses]
        return yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
                "scrape_configs": [
                    {"job_name": "bingx", "static_configs": [{"targets": addresses}]},
                    {"job_name": "accounts", "http_sd_configs": discovery},
                ],
            }
        )


@pytest.fixture
def fleet(exchange: Exchange, tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(exchange, tmp_path)
    for number in range(3):
        fleet.start(number, total=3)
    fleet.wait()
    yield fleet
    fleet.close()


@pytest.fixture
def server(fleet: Fleet, tmp_path: Path) -> Iterator[Prometheus]:
    with prometheus_with(fleet.scraping(), tmp_path) as server:
        yield server


def by_account(server: Prometheus, query: str) -> dict[str, float]:
    return {dict(labels)["account"]: value for labels, value in server.query(query).items()}


def probed(server: Prometheus) -> Counter[str]:
    """Count the targets of each account that http_sd found and that answer."""
    active = json.loads(get(f"{server.url}/api/v1/targets?state=active")[1])["data"]["activeTargets"]
    return Counter(
        one["discoveredLabels"]["__param_account"]
        for one in active
        if one["labels"]["job"] == "accounts" and one["health"] == "up"
    )


def all_once(server: Prometheus, names: set[str]) -> bool:
    once = dict.fromkeys(names, 1)
    assert by_account(server, 'count by (account) (bingx_account_info{job="bingx"})') == once
    assert by_account(server, 'count by (account) (bingx_account_equity{job="bingx", asset="USDT"})') == once
    return True


def all_probed_once(server: Prometheus, well: set[str]) -> bool:
    assert probed(server) == dict.fromkeys(well, 1)
    return True


def right_income(fleet: Fleet, exchange: Exchange) -> bool:
    expected = without_idle(expected_income(exchange.world(since=str(int(fleet.since.timestamp()) * 1000))))
    found = {key: value for process in fleet.running.values() for key, value in process.income().items()}
    assert without_idle(found) == expected
    assert sum(len(process.income()) for process in fleet.running.values()) == len(found), "nothing is there twice"
    return True


def test_every_account_is_there_once_while_a_shard_dies_and_comes_back_and_a_fourth_joins(
    exchange: Exchange, fleet: Fleet, server: Prometheus
) -> None:
    names, three = fleet.names, fleet.owned(total=3)
    well = names - {"gamma"}  # its key lacks a right: a probe of it is refused, here as elsewhere
    assert fleet.listed() == three
    eventually(lambda: right_income(fleet, exchange), what="the income of all is right", seconds=60)
    eventually(lambda: all_once(server, names), what="every account is there once")
    eventually(lambda: all_probed_once(server, well), what="every account is a target once")
    assert not server.query(condition("BingxShardAbsent"))
    assert not server.query(condition("BingxShardDoubled"))

    fleet.end(1, signal.SIGKILL)
    eventually(lambda: set(server.query(condition("BingxShardAbsent")).values()) == {1}, what="one shard is missing")
    left = names - three[1]
    assert three[1]
    eventually(lambda: set(by_account(server, 'bingx_account_equity{job="bingx"}')) == left, what="its accounts left")
    eventually(lambda: set(probed(server)) == left - {"gamma"}, what="its accounts are down")
    for name in sorted(three[1]):
        exchange.tell(
            "income", account=name, income_type="FUNDING_FEE", symbol="BTC-USDT", amount="-1.5", ago_seconds=5
        )

    fleet.start(1, total=3)
    fleet.wait()
    eventually(lambda: not server.query(condition("BingxShardAbsent")), what="none is missing")
    eventually(lambda: all_once(server, names), what="every account is there once again")
    eventually(lambda: right_income(fleet, exchange), what="what came meanwhile is counted once", seconds=30)
    eventually(lambda: all_probed_once(server, well), what="every account is a target once again")
    for counter in COUNTERS:
        resets = server.query(f'sum(resets(bingx_income_{counter}_total{{job="bingx"}}[5m]))')
        assert set(resets.values()) == {0}, counter

    join_a_fourth(fleet, server)
    four = fleet.owned(total=4)
    moved = {name for name in names if name in four[3]}
    assert fleet.listed() == four
    assert all(four[number] == three[number] - moved for number in range(3))
    assert 1 <= len(moved) <= len(names) / 2
    eventually(lambda: all_once(server, names), what="every account is there once, on four")
    eventually(lambda: all_probed_once(server, well), what="every account is a target once, on four")
    eventually(lambda: right_income(fleet, exchange), what="those that moved count what they counted", seconds=60)
    for alert in ("BingxShardAbsent", "BingxShardDoubled", "BingxShardsDisagree"):
        assert not server.query(condition(alert)), alert


def join_a_fourth(fleet: Fleet, server: Prometheus) -> None:
    """Start the new one first, then restart the others: at no step is an account without a shard."""
    fleet.start(3, total=4)
    fleet.wait()
    eventually(lambda: server.query(condition("BingxShardsDisagree")), what="they disagree on the total")
    assert not server.query(condition("BingxShardAbsent"))
    for number in range(3):
        fleet.end(number)
        fleet.start(number, total=4)
        fleet.wait()
        assert set().union(*fleet.listed().values()) == fleet.names


def test_a_command_speaks_of_all_accounts_of_a_ledger_or_of_those_of_a_shard(fleet: Fleet, exchange: Exchange) -> None:
    eventually(lambda: right_income(fleet, exchange), what="the income of all is right", seconds=60)
    three, four = fleet.owned(total=3), fleet.owned(total=4)
    environ = {"LEDGER": fleet.ledger(2)}

    def told(*flags: str) -> set[str]:
        done = run("income", "totals", f"--config.file={fleet.config}", "--format=json", *flags, environ=environ)
        assert done.returncode == 0, done.stderr
        return {row["account"] for row in json.loads(done.stdout)}

    assert told() == three[2]
    assert told("--shard=2", "--total-shards=4") == four[2] < three[2]
    stranger = next(iter(three[2] - four[2]))
    refused = run(
        *("income", "totals", f"--config.file={fleet.config}", f"--account={stranger}"),
        *("--shard=2", "--total-shards=4"),
        environ=environ,
    )
    assert refused.returncode == 1
    assert f"there is no account '{stranger}'" in refused.stderr
    fleet.end(2)
    with closing(sqlite3.connect(fleet.folder / "shard-2.db")) as damaged, damaged:
        damaged.execute(
            "UPDATE series SET credited = '12345.5' WHERE account_id IN (SELECT id FROM account WHERE name = ?)",
            (stranger,),
        )
    verify = ("income", "verify", f"--config.file={fleet.config}")
    assert run(*verify, environ=environ).returncode == 1
    verified = run(*verify, "--shard=2", "--total-shards=4", environ=environ)
    assert verified.returncode == 0
    assert f"of {len(four[2])} account" in verified.stdout

"""One shard of several in one process: what belongs to others is nowhere, at start and after a reload."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import yaml
from support.exchange import Exchange
from support.exposition import series
from support.heard import heard
from support.processes import eventually, get

from exporter.app import App, Options
from exporter.app.checkup import check_accounts
from exporter.clock import SystemClock
from exporter.config import load
from exporter.config.shard import Shard
from exporter.ledger import open_ledger

from .conftest import Running

pytestmark = pytest.mark.timeout(90)

OF_ALPHA: Final = Shard(number=1, total=3)
OF_NOBODY: Final = Shard(number=2, total=4)
OF_BETA: Final = Shard(number=3, total=4)
NAMES: Final = ("alpha", "beta", "gamma")


class Sharded(Running):
    """An exporter that is one shard, and the folder of its own with its configuration and its ledger."""

    def __init__(self, app: App, folder: Path) -> None:
        super().__init__(app)
        self.folder = folder

    def reload(self, *without: str) -> None:
        path = self.folder / "config.yaml"
        everybody = yaml.safe_load((self.folder / "everybody.yaml").read_text())
        kept = [account for account in everybody["accounts"] if account["name"] not in without]
        path.write_text(yaml.safe_dump({**everybody, "accounts": kept}))
        assert self.app._reloader is not None
        assert self.app._reloader.request() is None

    def shows(self) -> set[str]:
        return {labels["account"] for _, key in self.page() if "account" in (labels := dict(key))}

    def discovers(self) -> set[str]:
        return {group["labels"]["__param_account"] for group in json.loads(get(f"{self.url}/sd")[1])}

    def probes(self) -> set[str]:
        return {name for name in NAMES if get(f"{self.url}/probe?account={name}")[0] != 400}

    def tells(self) -> set[str]:
        page = get(f"{self.url}/")[1]
        return {name for name in NAMES if f">{name}<" in page}

    def configures(self) -> set[str]:
        return {account["name"] for account in yaml.safe_load(get(f"{self.url}/config")[1])["accounts"]}

    def names_everywhere(self, *names: str) -> None:
        """Check that every page names these accounts and no others; the status page may be a second old."""
        wanted = set(names)
        assert [self.shows(), self.discovers(), self.probes(), self.configures()] == [wanted] * 4
        eventually(lambda: self.tells() == wanted, what=f"the status page tells of {wanted}")

    def fingerprint(self) -> float:
        return self.page()[series("bingx_exporter_config_hash")]


Begin = Callable[..., Sharded]


@pytest.fixture
def begin(exchange: Exchange, tmp_path: Path) -> Iterator[Begin]:
    with ExitStack() as stack:

        def run(shard: Shard, *without: str) -> Sharded:
            folder = tmp_path / f"shard-{shard.number}-{shard.total}"
            folder.mkdir()
            path = exchange.config(folder)
            document = yaml.safe_load(path.read_text())
            document["ledger"] = {"url": f"sqlite:///{tmp_path / 'ledger.db'}"}
            (folder / "everybody.yaml").write_text(yaml.safe_dump(document))
            document["accounts"] = [one for one in document["accounts"] if one["name"] not in without]
            path.write_text(yaml.safe_dump(document))
            read = partial(load, path, environ={})
            options = Options(addresses=("127.0.0.1:0",), process_metrics=False, reread=read, shard=shard)
            return Sharded(stack.enter_context(App(read(), options)), folder)

        yield run


def called_for(exchange: Exchange) -> set[str]:
    return {call["account"] for call in exchange.calls(last=5000)["last"] if call["account"]}


def ready(running: Sharded) -> None:
    eventually(lambda: running.readiness() == 200, what="it is ready")


def test_an_account_of_another_shard_is_nowhere(begin: Begin, exchange: Exchange, tmp_path: Path) -> None:
    running = begin(OF_ALPHA)
    ready(running)

    running.names_everywhere("alpha")
    assert running.page()[series("bingx_exporter_shard_info", shard="1", total_shards="3")] == 1
    assert running.page()[series("bingx_exporter_total_shards")] == 3
    assert get(f"{running.url}/config")[1].startswith("# Shard 1 of 3: ")
    assert "shard 1 of 3" in get(f"{running.url}/")[1]
    assert called_for(exchange) == {"alpha"}
    running.app.stop()
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", SystemClock()) as ledger:
        assert [book.name for book in ledger.books()] == ["alpha"]


def test_a_shard_without_accounts_is_healthy_and_ready_and_says_so(
    begin: Begin, exchange: Exchange, tmp_path: Path
) -> None:
    with heard("info") as said:
        running = begin(OF_NOBODY)

    ready(running)
    assert get(f"{running.url}/-/healthy")[0] == 200
    running.names_everywhere()
    assert get(f"{running.url}/sd")[1] == "[]"
    assert running.page()[series("bingx_exporter_total_shards")] == 4
    assert 'msg="No account belongs to this shard" shard=2 total_shards=4 accounts=0' in said.getvalue()
    assert called_for(exchange) == set()
    assert not (tmp_path / "ledger.db").exists()


def test_a_reload_brings_a_shard_its_own_accounts_and_no_others(begin: Begin, exchange: Exchange) -> None:
    running = begin(OF_BETA, "beta")
    ready(running)
    running.names_everywhere()

    running.reload("gamma")
    ready(running)
    running.names_everywhere("beta")
    total = "bingx_income_epoch_timestamp_seconds"
    eventually(lambda: series(total, account="beta") in running.page(), what="the ledger was opened for it")

    running.reload("beta")
    running.names_everywhere()
    assert called_for(exchange) == {"beta"}


def test_shards_of_one_configuration_run_alike_and_those_of_another_do_not(begin: Begin) -> None:
    alpha, nobody, beta = (begin(one) for one in (OF_ALPHA, OF_NOBODY, OF_BETA))
    assert alpha.fingerprint() == nobody.fingerprint() == beta.fingerprint()

    before = alpha.fingerprint()
    alpha.reload("gamma")
    assert alpha.shows() == {"alpha"}
    assert alpha.fingerprint() != before
    nobody.reload("gamma")
    assert alpha.fingerprint() == nobody.fingerprint()


def test_a_check_of_a_shard_asks_for_its_accounts_alone(exchange: Exchange, tmp_path: Path) -> None:
    whole = load(exchange.config(tmp_path), environ={})

    found = {
        shard.number: {finding.account for finding in check_accounts(shard.part_of(whole), clock=SystemClock())}
        for shard in (OF_ALPHA, OF_NOBODY)
    }

    assert found == {1: {"alpha"}, 2: set()}

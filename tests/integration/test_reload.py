"""A configuration that changes while the exporter runs: who changes, who does not notice, and what is refused."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Self

import pytest
import yaml
from msgspec.structs import force_setattr
from support.exchange import Exchange
from support.exposition import Series, series
from support.heard import heard
from support.processes import eventually, get
from support.world import expected_gauges, expected_income, is_income

from exporter.app import App, Options
from exporter.bingx.errors import CallTimeout
from exporter.config import load
from exporter.model import CollectorName
from exporter.polling.collectors import SnapshotCollector
from exporter.polling.desk import Desk
from exporter.polling.host import Host

from .conftest import Running

pytestmark = pytest.mark.timeout(90)


class Reloading(Running):
    """An exporter whose configuration a test edits."""

    def __init__(self, app: App, path: Path) -> None:
        super().__init__(app)
        self.path = path

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Rewrite the file at once, as a careful editor does."""
        document = yaml.safe_load(self.path.read_text())
        change(document)
        new = self.path.with_suffix(".new")
        new.write_text(yaml.safe_dump(document))
        new.replace(self.path)

    def reload(self) -> str | None:
        reloader = self.app._reloader
        assert reloader is not None
        return reloader.request()


Begin = Callable[..., Reloading]


@pytest.fixture
def begin(exchange: Exchange, tmp_path: Path) -> Iterator[Begin]:
    with ExitStack() as stack:

        def run(*, auto_reload: bool = False, **settings: object) -> Reloading:
            path = exchange.config(tmp_path, **settings)
            read = partial(load, path, environ={})
            options = Options(addresses=("127.0.0.1:0",), process_metrics=False, reread=read, auto_reload=auto_reload)
            return Reloading(stack.enter_context(App(read(), options)), path)

        yield run


def account(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document["accounts"] if one["name"] == name)


def of(page: Mapping[Series, float], name: str) -> dict[Series, float]:
    return {key: value for key, value in page.items() if ("account", name) in key[1]}


def wait(condition: Callable[[], object], what: str, *, seconds: float = 20) -> None:
    eventually(condition, seconds=seconds, what=what)


def agrees(running: Running, exchange: Exchange, *names: str) -> Callable[[], bool]:
    """Tell whether the page says of these accounts what the exchange says, and of no other."""

    def check() -> bool:
        world, page = exchange.world(), running.page()
        for key, value in (expected_gauges(world) | expected_income(world)).items():
            name = dict(key[1])["account"]
            if name in names:
                assert page[key] == pytest.approx(value, rel=1e-12), key
            else:
                assert key not in page, key
        return True

    return check


def everybody_but(running: Reloading, *without: str) -> None:
    running.edit(
        lambda document: document.update(accounts=[one for one in document["accounts"] if one["name"] not in without])
    )


class Watch:
    """Scrapes without a pause, and remembers what was ever missing or went back."""

    def __init__(self, running: Running, keep: Callable[[Series], bool]) -> None:
        self._running = running
        self._keep = keep
        self._ending = threading.Event()
        self.faults: list[str] = []
        self.scrapes = 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        before: dict[Series, float] = {}
        while not self._ending.is_set():
            page = {key: value for key, value in self._running.page().items() if self._keep(key)}
            self.scrapes += 1
            self.faults += [f"{key} is missing" for key in before if key not in page]
            self.faults += [
                f"{key} fell from {value} to {page[key]}"
                for key, value in before.items()
                if key[0].endswith("_total") and page.get(key, value) < value
            ]
            before = page


def test_an_account_is_added_and_another_removed_and_the_third_does_not_notice(
    begin: Begin, exchange: Exchange
) -> None:
    running = begin()
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    everybody_but(running, "beta")
    assert running.reload() is None
    wait(agrees(running, exchange, "alpha", "gamma"), "beta is gone")
    assert not of(running.page(), "beta")
    polled = exchange.calls()["outcomes"]["alpha"]

    with Watch(running, lambda key: ("account", "alpha") in key[1] and key[0] != "bingx_api_budget_remaining") as watch:
        running.edit(lambda document: document.update(yaml.safe_load(_with(document, exchange, "beta"))))
        everybody_but(running, "gamma")
        assert running.reload() is None
        wait(agrees(running, exchange, "alpha", "beta"), "beta is back, and gamma gone")

    assert watch.faults == []
    assert watch.scrapes >= 2
    assert not of(running.page(), "gamma")
    wait(lambda: exchange.calls()["outcomes"]["alpha"] != polled, "alpha is polled as before")


def _with(document: Mapping[str, Any], exchange: Exchange, name: str) -> str:
    folder = Path(document["accounts"][0]["api_key_file"]).parent
    new = {
        "name": name,
        "api_key_file": str(folder / f"{name}.key"),
        "api_secret_file": str(folder / f"{name}.secret"),
        "base_url": exchange.url,
    }
    return yaml.safe_dump({**document, "accounts": [*document["accounts"], new]})


def test_the_income_of_an_account_that_was_away_goes_on_where_it_was(begin: Begin, exchange: Exchange) -> None:
    running = begin()
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    everybody_but(running, "beta")
    assert running.reload() is None
    exchange.tell("income", account="beta", count=3, income_type="FUNDING_FEE", symbol="BTC-USDT", amount="-1.5")

    running.edit(lambda document: document.update(yaml.safe_load(_with(document, exchange, "beta"))))
    assert running.reload() is None

    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "what happened meanwhile is counted once")


def refused(running: Running, name: str) -> float:
    failed = of(running.page(), name).items()
    return sum(value for key, value in failed if key[0] == "bingx_collector_failures_total" and _is_signature(key))


def _is_signature(key: Series) -> bool:
    return ("reason", "bad_signature") in key[1]


def test_a_key_that_was_wrong_works_at_once_after_the_reload(begin: Begin, exchange: Exchange) -> None:
    running = begin()
    right = Path(account(yaml.safe_load(running.path.read_text()), "alpha")["api_secret_file"])
    text = right.read_text()
    right.write_text("not-the-secret-of-anybody")
    assert running.reload() is None
    wait(lambda: running.page()[series("bingx_up", account="alpha")] == 0, "alpha is refused")
    wait(lambda: refused(running, "alpha") >= 2, "it has to wait long before the next attempt")

    right.write_text(text)
    assert running.reload() is None

    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "alpha is back", seconds=5)
    assert refused(running, "alpha") >= 2, "what was counted stays"


def test_the_key_of_another_user_takes_the_old_gauges_off_the_page_and_keeps_the_counters(
    begin: Begin, exchange: Exchange
) -> None:
    running = begin(collectors={"balance": {"interval": "30s"}, "positions": {"interval": "30s"}})
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    before = {key: value for key, value in of(running.page(), "alpha").items() if is_income(key)}
    exchange.tell("faults", kind="silent", account="beta")

    def use_the_key_of_beta(document: dict[str, Any]) -> None:
        beta = account(document, "beta")
        account(document, "alpha").update({name: beta[name] for name in ("api_key_file", "api_secret_file")})
        document["accounts"].remove(beta)

    running.edit(use_the_key_of_beta)
    assert running.reload() is None

    page = of(running.page(), "alpha")
    shown = {key[0] for key in page}
    assert not {name for name in shown if name.startswith(("bingx_position", "bingx_account_equity"))}
    assert {key: value for key, value in page.items() if is_income(key)} == before
    exchange.tell("faults/clear")
    mismatch = series("bingx_collector_failures_total", account="alpha", collector="income", reason="account_mismatch")
    wait(lambda: running.page().get(mismatch), "the stranger is noticed")
    assert {key: value for key, value in of(running.page(), "alpha").items() if is_income(key)} == before


def test_another_interval_holds_from_now_on_and_no_number_leaves_the_page(begin: Begin, exchange: Exchange) -> None:
    running = begin()
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")

    def of_an_account(key: Series) -> bool:
        return key[0] not in {"bingx_api_budget_remaining", "bingx_api_blocked_until_timestamp_seconds"}

    with Watch(running, of_an_account) as watch:
        running.edit(
            lambda document: account(document, "alpha").update(collectors={"positions": {"interval": "1500ms"}})
        )
        assert running.reload() is None
        interval = series("bingx_collector_interval_seconds", account="alpha", collector="positions")
        assert running.page()[interval] == 1.5
        wait(lambda: watch.scrapes > 20, "scrapes went on")

    assert watch.faults == []


def test_a_collector_that_is_switched_off_takes_its_numbers_along(begin: Begin, exchange: Exchange) -> None:
    running = begin()
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    running.edit(lambda document: account(document, "alpha").update(collectors={"positions": {"enabled": False}}))

    assert running.reload() is None

    alpha = of(running.page(), "alpha")
    assert not [key for key in alpha if key[0].startswith("bingx_position")]
    assert series("bingx_collector_success", account="alpha", collector="positions") not in alpha
    assert [key for key in alpha if key[0] == "bingx_account_equity"]


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("  - {name: alpha, api_kee: x}", 'unknown key; did you mean "api_key"'),
        ("  - {name: [", "config.yaml:"),
    ],
)
def test_a_bad_file_keeps_the_old_configuration_and_says_where(
    begin: Begin, exchange: Exchange, mistake: str, said: str
) -> None:
    running = begin()
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    good = running.path.read_text()
    before = running.page()[series("bingx_exporter_config_last_reload_success_timestamp_seconds")]
    running.path.write_text(f"accounts:\n{mistake}\n")

    with heard() as log:
        problem = running.reload()

    assert problem is not None
    assert said in problem
    assert f"{running.path}:2" in problem or f"{running.path}:3" in problem
    assert "The configuration was not reloaded" in log.getvalue()
    page = running.page()
    assert page[series("bingx_exporter_config_last_reload_successful")] == 0
    assert page[series("bingx_exporter_config_last_reload_success_timestamp_seconds")] == before
    assert agrees(running, exchange, "alpha", "beta", "gamma")()
    running.path.write_text(good)
    assert running.reload() is None
    assert running.page()[series("bingx_exporter_config_last_reload_successful")] == 1


def test_the_ledger_cannot_be_exchanged_under_way(begin: Begin, exchange: Exchange, tmp_path: Path) -> None:
    running = begin()
    running.edit(lambda document: document.update(ledger={"url": f"sqlite:///{tmp_path / 'other.db'}"}))

    problem = running.reload()

    assert problem is not None
    assert "`ledger.url` cannot be changed" in problem
    assert not (tmp_path / "other.db").exists()


def test_the_log_tells_what_has_changed_and_no_secret(begin: Begin, exchange: Exchange, tmp_path: Path) -> None:
    running = begin()
    document = yaml.safe_load(running.path.read_text())
    secret = Path(account(document, "alpha")["api_secret_file"])
    text = secret.read_text()
    secret.write_text("0123456789-another-secret-of-alpha")
    everybody_but(running, "beta")
    running.edit(lambda document: account(document, "gamma").update(labels={"desk": "night"}))

    with heard() as log:
        assert running.reload() is None

    said = log.getvalue()
    assert 'msg="An account was removed" account=beta' in said
    assert 'msg="A setting has changed" account=alpha key=api_secret old=<secret> new=<secret>' in said
    assert "account=gamma key=labels.desk" in said
    assert text not in said
    assert "another-secret" not in said
    labelled = [key for key in running.page() if key[0] == "bingx_account_info" and ("account", "gamma") in key[1]]
    assert [dict(key[1])["desk"] for key in labelled] == ["night"]


def test_a_changed_key_file_is_noticed_without_being_asked(begin: Begin, exchange: Exchange) -> None:
    running = begin(auto_reload=True)
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    secret = Path(account(yaml.safe_load(running.path.read_text()), "alpha")["api_secret_file"])
    text = secret.read_text()
    successful = series("bingx_exporter_config_last_reload_successful")

    secret.write_text("")
    wait(lambda: running.page()[successful] == 0, "an empty key is refused, the old one goes on")
    assert running.page()[series("bingx_up", account="alpha")] == 1
    secret.write_text("not-the-secret-of-anybody")
    wait(lambda: running.page()[series("bingx_up", account="alpha")] == 0, "the wrong one is taken up")
    assert running.page()[successful] == 1
    secret.write_text(text)
    wait(lambda: running.page()[series("bingx_up", account="alpha")] == 1, "and so is the right one")


def test_calls_that_hang_hold_up_the_change_of_their_account_and_of_no_other(begin: Begin, exchange: Exchange) -> None:
    running = begin(timeout="4s", collectors={"positions": {"interval": "2s"}})
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    exchange.tell("faults", kind="silent", account="alpha")
    # One that takes its time must not wait for the one that hangs, nor be without its polls meanwhile.
    exchange.tell("faults", kind="delay", account="beta", milliseconds=1600)
    hanging = exchange.calls()["outcomes"]["alpha"]
    wait(lambda: exchange.calls()["outcomes"]["alpha"] != hanging, "a call of alpha hangs")

    def label_all(document: dict[str, Any]) -> None:
        for one in document["accounts"]:
            one["labels"] = {"desk": "night"}

    running.edit(label_all)
    with Watch(running, lambda key: ("account", "beta") in key[1] and key[0].startswith("bingx_position")) as watch:
        done: list[str | None] = []
        asking = threading.Thread(target=lambda: done.append(running.reload()))
        asking.start()
        wait(lambda: desk_of(running, "beta") == "night", "beta has its new label soon", seconds=5)
        asking.join()

    assert done == [None]
    assert watch.faults == []
    assert desk_of(running, "alpha") == "night"
    exchange.tell("faults/clear")
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "alpha is back")


def desk_of(running: Running, name: str) -> str | None:
    labels = [dict(key[1]) for key in of(running.page(), name) if key[0] == "bingx_account_info"]
    return labels[0].get("desk") if labels else None


class NeverEnds:
    """A call that nothing bounds, such as a name look-up: it stands in the place of an account's balance."""

    def __init__(self, running: Reloading, name: str) -> None:
        desk = next(one for one in running.app._roster.desks if one.settings.name == name)
        self.task = desk.tasks[CollectorName.BALANCE]
        self.ending = threading.Event()
        self.began = threading.Event()

        def fetch(_: object) -> NoReturn:
            self.began.set()
            self.ending.wait(60)
            raise CallTimeout

        assert isinstance(self.task, SnapshotCollector)
        force_setattr(self.task, "fetch", fetch)


def test_an_account_whose_calls_never_end_keeps_its_old_settings_and_is_named(
    begin: Begin, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.app.roster._SLACK_SECONDS", 0.5)
    running = begin(timeout="1s")
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    stuck = NeverEnds(running, "alpha")
    assert stuck.began.wait(10)

    def label_all(document: dict[str, Any]) -> None:
        for one in document["accounts"]:
            one["labels"] = {"desk": "night"}

    running.edit(label_all)
    problem = running.reload()

    assert problem == "calls of alpha do not come to an end: old settings there, the new ones elsewhere"
    assert (desk_of(running, "alpha"), desk_of(running, "beta")) == (None, "night")
    assert running.page()[series("bingx_exporter_config_last_reload_successful")] == 0
    assert get(f"{running.url}/config")[1].count("night") == 2, "the page of the configuration tells what is in force"
    success = series("bingx_collector_last_success_timestamp_seconds", account="alpha", collector="positions")
    before = running.page()[success]
    wait(lambda: running.page()[success] > before, "what does not hang of alpha is polled on")
    stuck.ending.set()
    assert running.reload() is None
    assert desk_of(running, "alpha") == "night"


def test_a_ledger_that_cannot_be_asked_refuses_the_reload_and_everybody_is_polled_on(
    begin: Begin, exchange: Exchange, tmp_path: Path
) -> None:
    running = begin()
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")

    def change(document: dict[str, Any]) -> None:
        document["ledger"]["retention"] = "200d"
        account(document, "alpha").update(labels={"desk": "night"})
        document["accounts"].append({**account(document, "beta"), "name": "delta"})

    running.edit(change)
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        problem = running.reload()
        other.execute("ROLLBACK")

    assert problem is not None
    assert "ledger" in problem
    assert "retention" not in get(f"{running.url}/config")[1]
    assert desk_of(running, "alpha") is None
    assert not of(running.page(), "delta")
    kept = {one.income.book._retention for one in running.app._roster.desks if one.income is not None}
    assert kept == {None}, "nothing will be compacted by a configuration that was refused"
    success = series("bingx_collector_last_success_timestamp_seconds", account="alpha", collector="positions")
    before = running.page()[success]
    wait(lambda: running.page()[success] > before, "alpha is polled on")
    assert running.reload() is None
    kept = {one.income.book._retention for one in running.app._roster.desks if one.income is not None}
    assert kept == {timedelta(days=200)}, "another retention reaches every account"


@pytest.mark.parametrize("leave", ["account", "collector"])
def test_a_counter_that_leaves_the_page_before_it_moved_stands_at_zero_again_when_it_returns(
    begin: Begin, exchange: Exchange, leave: str
) -> None:
    running = begin(collectors={"income": {"initial_zero": "3s"}})
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    full = running.path.read_text()
    exchange.tell("income", account="beta", count=1, income_type="FUNDING_FEE", symbol="NEW-USDT", amount="-1.5")
    new = series(
        "bingx_income_entries_total", account="beta", asset="USDT", symbol="NEW-USDT", income_type="FUNDING_FEE"
    )
    wait(lambda: running.page().get(new) == 0, "it stands at 0")

    if leave == "account":
        everybody_but(running, "beta")
    else:
        running.edit(lambda document: account(document, "beta").update(collectors={"income": {"enabled": False}}))
    assert running.reload() is None
    assert new not in running.page()
    threading.Event().wait(3.5)  # longer than it has to stand at 0
    running.path.write_text(full)
    assert running.reload() is None

    seen: list[float] = []

    def moved() -> bool:
        value = running.page().get(new)
        seen.extend([] if value is None else [value])
        return value == 1

    wait(moved, "it moves")
    assert seen[0] == 0, "Prometheus has to see the 0 before the 1"


def test_a_shorter_interval_lets_old_data_leave_sooner(begin: Begin, exchange: Exchange) -> None:
    running = begin(collectors={"positions": {"interval": "20s"}})
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    exchange.tell("faults", kind="silent", account="alpha", endpoint="positions")
    running.edit(lambda document: account(document, "alpha").update(collectors={"positions": {"interval": "1s"}}))
    assert running.reload() is None

    wait(
        lambda: not [key for key in of(running.page(), "alpha") if key[0].startswith("bingx_position")],
        "three of the new intervals are over, not of the old",
        seconds=10,
    )


def test_after_a_change_of_key_nothing_is_said_of_the_old_one(begin: Begin, exchange: Exchange) -> None:
    running = begin()
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    wait(lambda: get(f"{running.url}/probe?account=alpha")[0] == 200, "alpha is well")
    exchange.tell("faults", kind="silent", account="beta")

    def use_the_key_of_beta(document: dict[str, Any]) -> None:
        beta = account(document, "beta")
        account(document, "alpha").update({name: beta[name] for name in ("api_key_file", "api_secret_file")})
        document["accounts"].remove(beta)

    running.edit(use_the_key_of_beta)
    assert running.reload() is None

    assert get(f"{running.url}/probe?account=alpha")[0] == 503
    page = running.page()
    assert page.get(series("bingx_collector_success", account="alpha", collector="positions")) != 1
    assert series("bingx_collector_last_success_timestamp_seconds", account="alpha", collector="positions") not in page


def test_a_host_that_nobody_uses_any_more_is_not_asked_any_more(begin: Begin, exchange: Exchange) -> None:
    running = begin()
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    other = exchange.url.replace("127.0.0.1", "localhost")
    full = running.path.read_text()
    open_files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are all that is wanted

    for _ in range(3):
        running.edit(lambda document: account(document, "beta").update(base_url=other))
        assert running.reload() is None
        assert {host.base_url for host in hosts(running)} == {exchange.url, other}
        running.path.write_text(full)
        assert running.reload() is None
        assert {host.base_url for host in hosts(running)} == {exchange.url}

    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    assert len(os.listdir("/proc/self/fd")) <= open_files + 20  # noqa: PTH208 - the same


def hosts(running: Running) -> list[Host]:
    return [task for task in running.app._scheduler._due if isinstance(task, Host)]


def all_desks() -> list[Desk]:
    return [one for one in gc.get_objects() if isinstance(one, Desk)]


def test_many_reloads_leave_nothing_behind(begin: Begin, exchange: Exchange) -> None:
    running = begin()
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")
    scheduler, threads = running.app._scheduler, threading.active_count()
    queued = len(scheduler._due)
    full = running.path.read_text()
    gc.collect()
    known = len(all_desks())

    gc.disable()  # those who part are gone without it, and so is their key
    try:
        for _ in range(10):
            everybody_but(running, "beta")
            assert running.reload() is None
            running.path.write_text(full)
            assert running.reload() is None
        assert len(all_desks()) <= known + 1
    finally:
        gc.enable()

    assert len(scheduler._due) <= queued
    assert len(running.app._roster.desks) == 3
    wait(lambda: threading.active_count() <= threads + 3, "threads are as many as before")
    wait(agrees(running, exchange, "alpha", "beta", "gamma"), "all three are there")

"""What a good file comes out as."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.config import (
    AccountSettings,
    CollectorSettings,
    Config,
    IncomeCollector,
    LedgerSettings,
    PolledCollector,
    PositionsCollector,
    ReconciliationCollector,
    keys,
    load,
)
from exporter.config.shapes import Group, Key
from exporter.model import CollectorName, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Load = Callable[..., Config]

DEFAULT_COLLECTORS = CollectorSettings(
    balance=PolledCollector(enabled=True, interval=10.0),
    positions=PositionsCollector(enabled=True, interval=5.0, position_id=False),
    income=IncomeCollector(enabled=True, interval=60.0, since=timedelta(days=90), initial_zero=60.0, tail=600.0),
    commission_rate=PolledCollector(enabled=True, interval=3600.0),
    reconciliation=ReconciliationCollector(enabled=False, interval=86400.0, period=604800.0),
)
DEFAULT_ACCOUNT = AccountSettings(
    name="main",
    api_key=Secret("sekret-key"),
    api_secret=Secret("sekret-secret"),
    environment="live",
    labels={},
    base_url=None,
    fallback_url=None,
    proxy=None,
    source_address=None,
    timeout=5.0,
    recv_window=5.0,
    stale_after=3.0,
    collectors=DEFAULT_COLLECTORS,
)
DEFAULT_LEDGER = LedgerSettings(url="sqlite:////var/lib/bingx-exporter/ledger.db")


@pytest.fixture
def load_good(config_file: Path, fixtures: Path, environ: Mapping[str, str]) -> Load:
    def load_named(name: str, overrides: Mapping[CollectorName, bool] | None = None) -> Config:
        config_file.write_bytes((fixtures / f"{name}.good.yaml").read_bytes())
        return load(config_file, environ=environ, overrides=overrides or {})

    return load_named


def test_a_name_and_a_key_are_enough(load_good: Load) -> None:
    assert load_good("minimal") == Config(ledger=DEFAULT_LEDGER, accounts=(DEFAULT_ACCOUNT,), warnings=())


def test_groups_with_nothing_in_them_say_nothing(load_good: Load) -> None:
    assert load_good("empty_groups") == load_good("minimal")


def test_every_key_comes_out_as_it_was_given(load_good: Load) -> None:
    config = load_good("every_key")
    assert config.ledger.url == "postgresql+psycopg://exporter:sekret-secret@db/ledger"
    assert config.ledger.retention == timedelta(days=365)
    assert config.warnings == ()
    assert config.accounts == (
        AccountSettings(
            name="счёт № 1",
            api_key=Secret("sekret-key"),
            api_secret=Secret("sekret-file-secret"),
            environment="vst",
            labels={"desk": "1", "note": "a$b $c", "season": "on"},
            base_url="https://open-api-vst.bingx.com",
            fallback_url="https://second.example:8443",
            proxy="http://user:sekret-secret@egress-2:3128",
            source_address="2001:db8::7",
            timeout=1.5,
            recv_window=4.0,
            stale_after=5.0,
            collectors=CollectorSettings(
                balance=PolledCollector(enabled=True, interval=11.0),
                positions=PositionsCollector(enabled=True, interval=6.0, position_id=True),
                income=IncomeCollector(
                    enabled=True,
                    interval=61.0,
                    since=datetime(2026, 1, 1, tzinfo=UTC),
                    initial_zero=0.0,
                    tail=3600.0,
                ),
                commission_rate=PolledCollector(enabled=False, interval=86400.0),
                reconciliation=ReconciliationCollector(enabled=True, interval=43200.0, period=172800.0),
            ),
        ),
    )


def test_an_account_lies_over_the_defaults_key_by_key_at_every_depth(load_good: Load) -> None:
    main, second = load_good("overlay").accounts
    assert (main.environment, main.stale_after, main.labels) == ("live", 2.5, {"desk": "beta", "team": "one"})
    assert main.collectors.positions == PositionsCollector(enabled=True, interval=90.0, position_id=True)
    assert main.collectors.income.enabled
    assert main.collectors.income.since == datetime(2026, 1, 1, tzinfo=UTC)
    assert (second.environment, second.stale_after, second.labels) == ("vst", 2.5, {"desk": "alpha", "team": "one"})
    assert second.collectors.positions == PositionsCollector(enabled=True, interval=2.0, position_id=True)
    assert not second.collectors.income.enabled
    assert second.collectors.balance == DEFAULT_COLLECTORS.balance
    assert second.api_key == Secret("sekret-file-key")


def test_anchors_aliases_and_merge_keys_work(load_good: Load) -> None:
    accounts = load_good("anchors").accounts
    assert [(account.name, account.timeout) for account in accounts] == [("main", 3.0), ("second", 3.0), ("third", 2.0)]
    assert {account.api_key for account in accounts} == {Secret("sekret-key")}


def test_a_flag_wins_over_the_file_in_every_account(load_good: Load) -> None:
    switches = {CollectorName.POSITIONS: False, CollectorName.INCOME: True}
    for account in load_good("overlay", switches).accounts:
        assert account.collectors.enabled == (
            CollectorName.BALANCE,
            CollectorName.INCOME,
            CollectorName.COMMISSION_RATE,
        )


def test_an_account_with_every_collector_off_is_warned_about(load_good: Load) -> None:
    config = load_good("minimal", dict.fromkeys(CollectorName, False))
    assert config.warnings == ("config.yaml:2: accounts[0].name: every collector of this account is switched off",)


def test_a_collector_is_found_by_its_name() -> None:
    assert DEFAULT_COLLECTORS.of(CollectorName.BALANCE) is DEFAULT_COLLECTORS.balance
    assert DEFAULT_COLLECTORS.of(CollectorName.POSITIONS) is DEFAULT_COLLECTORS.positions
    assert DEFAULT_COLLECTORS.of(CollectorName.INCOME) is DEFAULT_COLLECTORS.income
    assert DEFAULT_COLLECTORS.of(CollectorName.COMMISSION_RATE) is DEFAULT_COLLECTORS.commission_rate
    assert DEFAULT_COLLECTORS.of(CollectorName.RECONCILIATION) is DEFAULT_COLLECTORS.reconciliation


def test_the_reconciliation_is_off_unless_it_is_switched_on(load_good: Load) -> None:
    (silent,) = load_good("minimal").accounts
    (told,) = load_good("minimal", {CollectorName.RECONCILIATION: True}).accounts
    assert CollectorName.RECONCILIATION not in silent.collectors.enabled
    assert told.collectors.enabled[-1] is CollectorName.RECONCILIATION


def test_a_reconciliation_without_income_does_not_run_and_says_so(load_good: Load) -> None:
    config = load_good("minimal", {CollectorName.RECONCILIATION: True, CollectorName.INCOME: False})
    assert CollectorName.RECONCILIATION not in config.accounts[0].collectors.enabled
    assert config.warnings == (
        (
            "config.yaml:2: accounts[0].name: the reconciliation does not run: it needs the income collector; "
            "switch that on"
        ),
    )


def test_no_repr_shows_a_secret(load_good: Load) -> None:
    config = load_good("every_key")
    assert "sekret" not in repr(config)
    assert "api_key=<secret>, api_secret=<secret>" in repr(config)


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(load_good: Load, config_file: Path) -> None:
    expected = load_good("minimal")
    text = config_file.read_text(encoding="utf-8").replace("\n", "\r\n")
    config_file.write_text("\ufeff" + text, encoding="utf-8", newline="")
    environ = {"MAIN_KEY": "sekret-key", "MAIN_SECRET": "sekret-secret"}
    assert load(config_file, environ=environ) == expected


@pytest.mark.parametrize(
    ("given", "resolved"),
    [
        ("sqlite:///ledger.db", "sqlite:///{home}/etc/ledger.db"),
        ("sqlite:////srv/ledger.db", "sqlite:////srv/ledger.db"),
    ],
)
def test_relative_paths_begin_at_the_file(given: str, resolved: str, home: Path) -> None:
    directory = home / "etc"
    directory.mkdir()
    (home / "key").rename(directory / "key")
    (home / "secret").rename(directory / "secret")
    text = f"ledger: {{url: '{given}'}}\naccounts: [{{name: main, api_key_file: key, api_secret_file: ./secret}}]\n"
    (directory / "config.yaml").write_text(text, encoding="utf-8")
    config = load(directory / "config.yaml", environ={})
    assert config.ledger.url == resolved.format(home=home)
    assert config.accounts[0].api_secret == Secret("sekret-file-secret")


@pytest.mark.parametrize(
    ("group", "settings"),
    [
        (keys.LEDGER, LedgerSettings),
        (keys.ACCOUNT, AccountSettings),
        (keys.BALANCE, PolledCollector),
        (keys.POSITIONS, PositionsCollector),
        (keys.INCOME, IncomeCollector),
        (keys.COMMISSION_RATE, PolledCollector),
        (keys.RECONCILIATION, ReconciliationCollector),
    ],
)
def test_every_declared_key_has_its_setting_and_every_setting_its_key(group: Group, settings: type) -> None:
    declared = {member.name for member in group.members} - {"api_key_file", "api_secret_file"}
    assert declared == {field.name for field in fields(settings)}


def test_every_collector_of_the_model_can_be_configured() -> None:
    collectors = keys.ACCOUNT.member("collectors")
    assert isinstance(collectors, Group)
    assert {member.name for member in collectors.members} == set(CollectorName)


def test_a_default_can_be_read_as_it_is_written() -> None:
    interval = keys.BALANCE.member("interval")
    assert isinstance(interval, Key)
    assert interval.default is not None
    assert interval.parse(interval.default) == 10.0

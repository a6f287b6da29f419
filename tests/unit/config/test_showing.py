"""What anybody may see of a configuration, and of the difference between two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import Config, load, showing
from exporter.config.showing import Change, as_yaml, changes

SECRETS = ("key-of-main-0123456789", "secret-of-main-0123456789", "pa@ss/word", "hunter2", "sslkey-of-mine")
TEXT = """
ledger: {url: "postgresql+psycopg://bob:pa@ss@db/income?password=sslkey-of-mine", retention: 1y}
accounts:
  - name: main
    api_key: key-of-main-0123456789
    api_secret: secret-of-main-0123456789
    proxy: http://user:hunter2@egress:3128
    labels: {desk: alpha}
    collectors: {positions: {interval: 1500ms, position_id: true}, income: {since: "2026-01-01"}}
"""


@pytest.fixture
def reading(tmp_path: Path) -> Callable[[str], Config]:
    def read(text: str) -> Config:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        path.chmod(0o600)
        return load(path, environ={})

    return read


def test_every_key_is_shown_with_its_value_in_force_and_no_secret(reading: Callable[[str], Config]) -> None:
    text = as_yaml(reading(TEXT))

    shown = yaml.safe_load(text)
    (main,) = shown["accounts"]
    assert shown["ledger"] == {"url": "postgresql+psycopg://<secret>@db/income?<secret>", "retention": "365d"}
    assert main["api_key"] == main["api_secret"] == "<secret>"
    assert main["proxy"] == "http://<secret>@egress:3128"
    assert main["labels"] == {"desk": "alpha"}
    assert main["timeout"] == "5s"
    assert main["collectors"]["positions"] == {"enabled": True, "interval": "1500ms", "position_id": True}
    assert main["collectors"]["income"]["since"] == "2026-01-01T00:00:00+00:00"
    assert not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////var/lib/ledger.db", "sqlite:////var/lib/ledger.db"),
        ("postgresql+psycopg://db/income", "postgresql+psycopg://db/income"),
        ("postgresql+psycopg://bob:pa?ss@db/income", "postgresql+psycopg://<secret>"),
        ("postgresql+psycopg://bob@db/income?x=a@b&password=z", "postgresql+psycopg://<secret>"),
        ("postgresql+psycopg://bob:hunter2@db/income", "postgresql+psycopg://<secret>@db/income"),
    ],
)
def test_a_password_in_a_url_is_hidden_whatever_it_is_made_of(
    reading: Callable[[str], Config], url: str, shown: str
) -> None:
    text = as_yaml(reading(TEXT.replace("postgresql+psycopg://bob:pa@ss@db/income?password=sslkey-of-mine", url)))

    assert yaml.safe_load(text)["ledger"]["url"] == shown


def test_nothing_has_changed_in_the_same_file(reading: Callable[[str], Config]) -> None:
    assert changes(reading(TEXT), reading(TEXT + "# a remark\n")) == ()


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("desk: alpha", "desk: beta", Change(account="main", key="labels.desk", old="alpha", new="beta")),
        ("desk: alpha", "", Change(account="main", key="labels.desk", old="alpha", new=None)),
        (
            "1500ms",
            "2s",
            Change(account="main", key="collectors.positions.interval", old="1500ms", new="2s"),
        ),
        ("key-of-main", "another-key", Change(account="main", key="api_key", old="<secret>", new="<secret>")),
        (
            "hunter2",
            "hunter3",
            Change(
                account="main",
                key="proxy",
                old="http://<secret>@egress:3128",
                new="http://<secret>@egress:3128",
            ),
        ),
        ("retention: 1y", "retention: 2y", Change(account="", key="ledger.retention", old="365d", new="730d")),
        ("name: main", "name: other", None),
    ],
)
def test_a_change_names_account_and_key_and_no_secret(
    reading: Callable[[str], Config], old: str, new: str, change: Change | None
) -> None:
    found = changes(reading(TEXT), reading(TEXT.replace(old, new)))

    if change is None:
        assert found == (
            Change(account="main", key="", old="main", new=None),
            Change(account="other", key="", old=None, new="other"),
        )
    else:
        assert found == (change,)
    assert not any(secret in repr(found) for secret in SECRETS)


def test_a_configuration_knows_its_files_as_they_were_before_they_were_read(tmp_path: Path) -> None:
    key, config = tmp_path / "key", tmp_path / "config.yaml"
    key.write_text("key-of-main-0123456789")
    key.chmod(0o600)
    config.write_text(f"accounts: [{{name: a, api_key_file: {key}, api_secret: secret-of-main}}]")
    config.chmod(0o600)

    first = load(config, environ={})
    key.write_text("another-0123456789")

    assert set(first.stamps) == {key, config}
    assert load(config, environ={}).stamps[key] != first.stamps[key]
    assert load(config, environ={}).stamps[config] == first.stamps[config]


LABELS = st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(max_size=150), max_size=4)


@given(labels=LABELS)
def test_the_quick_way_of_writing_writes_what_the_slow_one_does(labels: dict[str, str]) -> None:
    read = load(None, environ={"BINGX_API_KEY": "k" * 40, "BINGX_API_SECRET": "s" * 40})
    config = replace(read, accounts=(replace(read.accounts[0], labels=labels),))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(showing, "_QUICK", yaml.SafeDumper)
        slow = as_yaml(config)

    assert as_yaml(config) == slow

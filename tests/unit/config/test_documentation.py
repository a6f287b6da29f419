"""The example and the page say what the program does, no more and no less."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import yaml

from exporter.config import Config, keys, load
from exporter.config.shapes import Key, walk
from exporter.model import Secret

ROOT: Final = Path(__file__).resolve().parents[3]
EXAMPLE: Final = ROOT / "config.example.yaml"
VARIABLES: Final = {name: f"{name}-text" for name in ("HEDGE_KEY", "HEDGE_SECRET", "REHEARSAL_KEY", "REHEARSAL_SECRET")}


def _load_example(home: Path) -> Config:
    (home / "secrets").mkdir()
    for name in ("main-key", "main-secret"):
        (home / "secrets" / name).write_text(f"{name}-text\n", encoding="ascii")
        (home / "secrets" / name).chmod(0o600)
    (home / "config.yaml").write_bytes(EXAMPLE.read_bytes())
    return load(Path("config.yaml"), environ=VARIABLES)


def _paths(node: object, path: str = "") -> set[str]:
    if isinstance(node, dict):
        inner = {f"{path}.{name}" if path else name: value for name, value in node.items()}
        return set(inner).union(*(_paths(value, name) for name, value in inner.items()))
    if isinstance(node, list):
        return set().union(*(_paths(item, f"{path}[]") for item in node))
    return set()


def test_the_example_is_valid_as_it_is(home: Path) -> None:
    config = _load_example(home)
    assert config.warnings == ()
    assert [account.name for account in config.accounts] == ["main", "hedge", "rehearsal"]
    assert config.accounts[0].api_key == Secret("main-key-text")
    assert config.accounts[0].collectors.income.since == timedelta(days=90)


def test_the_defaults_of_the_example_are_the_defaults(home: Path) -> None:
    config = _load_example(home)
    text = "accounts: [{name: hedge, api_key: hedge-key, api_secret: hedge-secret}]"
    (home / "bare.yaml").write_text(text, encoding="utf-8")
    (home / "bare.yaml").chmod(0o600)
    bare = load(Path("bare.yaml"), environ={})
    assert config.ledger.url == bare.ledger.url
    assert bare.ledger.retention is None
    assert config.accounts[1].collectors == bare.accounts[0].collectors
    assert config.accounts[1].stale_after == bare.accounts[0].stale_after
    assert config.accounts[1].timeout == bare.accounts[0].timeout
    assert config.accounts[1].recv_window == bare.accounts[0].recv_window
    assert config.accounts[1].environment == bare.accounts[0].environment


def test_the_example_names_every_key_and_no_other() -> None:
    """What may be said in the defaults may stand there or with an account."""
    shown = {
        path.removeprefix("accounts[].").removeprefix("defaults.")
        for path in _paths(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")))
        if ".labels." not in path
    }
    declared = {path.removeprefix("accounts[].").removeprefix("defaults.") for path, _ in walk(keys.ROOT)}
    assert shown == declared


def test_the_examples_of_the_keys_can_be_read() -> None:
    for path, member in walk(keys.ROOT):
        if isinstance(member, Key):
            assert member.parse(member.example) is not None, path

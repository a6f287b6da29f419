"""What is right but should be known: secrets that others on the machine can read, and keys sent in the clear."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.config import load

if TYPE_CHECKING:
    from collections.abc import Mapping

BY_FILE = "accounts:\n- name: main\n  api_key_file: {key}\n  api_secret_file: ./secret\n"
IN_PLACE = "accounts:\n- name: main\n  api_key: {key}\n  api_secret: ${{MAIN_SECRET}}\n"


def _warnings(config_file: Path, text: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    config_file.write_text(text, encoding="utf-8")
    return load(config_file, environ=environ).warnings


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440, 0o640])
def test_a_secret_file_that_not_everyone_can_read_is_fine(mode: int, config_file: Path) -> None:
    Path("key").chmod(mode)
    assert _warnings(config_file, BY_FILE.format(key="./key"), {}) == ()


@pytest.mark.parametrize("mode", [0o644, 0o444, 0o604])
def test_a_secret_file_that_everyone_can_read_is_warned_about(mode: int, config_file: Path) -> None:
    Path("key").chmod(mode)
    assert _warnings(config_file, BY_FILE.format(key="./key"), {}) == (
        'config.yaml:3: accounts[0].api_key_file: "./key" is readable by everyone; chmod 0600 it',
    )


def test_a_file_name_that_might_be_a_key_is_not_shown(config_file: Path) -> None:
    Path("key").chmod(0o644)
    assert _warnings(config_file, BY_FILE.format(key="key"), {}) == (
        "config.yaml:3: accounts[0].api_key_file: the file is readable by everyone; chmod 0600 it",
    )


def test_a_configuration_with_keys_in_it_that_everyone_can_read_is_warned_about(
    config_file: Path, environ: Mapping[str, str]
) -> None:
    config_file.chmod(0o644)
    assert _warnings(config_file, IN_PLACE.format(key="sekret-key"), environ) == (
        "config.yaml: holds keys and is readable by everyone; chmod 0600 it, or give the keys by file",
    )


@pytest.mark.parametrize("text", [IN_PLACE.format(key="${MAIN_KEY}"), BY_FILE.format(key="./key").replace("./", "")])
def test_a_configuration_without_keys_may_be_read_by_everyone(
    text: str, config_file: Path, environ: Mapping[str, str]
) -> None:
    config_file.chmod(0o644)
    assert _warnings(config_file, text, environ) == ()


def test_a_configuration_with_keys_in_it_that_is_kept_close_is_fine(
    config_file: Path, environ: Mapping[str, str]
) -> None:
    assert _warnings(config_file, IN_PLACE.format(key="sekret-key"), environ) == ()


@pytest.mark.parametrize("key", ["base_url", "fallback_url"])
@pytest.mark.parametrize("host", ["open-api.bingx.com", "192.0.2.1:8080", "[2001:db8::1]"])
def test_a_host_that_gets_the_key_in_the_clear_is_warned_about(
    host: str, key: str, config_file: Path, environ: Mapping[str, str]
) -> None:
    text = IN_PLACE.format(key="${MAIN_KEY}") + f"  {key}: http://{host}\n"
    assert _warnings(config_file, text, environ) == (
        f"config.yaml:5: accounts[0].{key}: sends the API key in the clear; use https://",
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://[::1]", "http://localhost:1", "https://192.0.2.1"])
def test_a_host_on_this_machine_or_by_https_is_fine(url: str, config_file: Path, environ: Mapping[str, str]) -> None:
    text = IN_PLACE.format(key="${MAIN_KEY}") + f'  base_url: "{url}"\n'
    assert _warnings(config_file, text, environ) == ()


def test_a_dollar_in_a_key_is_written_twice(config_file: Path) -> None:
    config_file.write_text(
        BY_FILE.format(key="./key").replace("api_key_file: ./key", "api_key: a-key$${b}"), encoding="utf-8"
    )
    assert load(config_file, environ={}).accounts[0].api_key.reveal() == "a-key${b}"

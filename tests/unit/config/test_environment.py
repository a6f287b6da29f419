"""The configuration without a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.config import Config, ConfigError, load
from exporter.model import CollectorName, Secret

PAIR = {"BINGX_API_KEY": "sekret-key", "BINGX_API_SECRET": "sekret-secret"}
LEDGER_HINT = "write sqlite:////absolute/path, sqlite:///relative/path or postgresql+psycopg://user@host/database"


def _refusal(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(None, environ=environ)
    assert "sekret" not in str(caught.value)
    return str(caught.value)


def test_a_key_and_a_secret_make_one_account_named_default() -> None:
    config = load(None, environ=PAIR)
    (account,) = config.accounts
    assert (account.name, account.api_key, account.api_secret) == (
        "default",
        Secret("sekret-key"),
        Secret("sekret-secret"),
    )
    assert (account.environment, account.timeout, account.collectors.positions.interval) == ("live", 5.0, 5.0)
    assert config.ledger.url == "sqlite:////var/lib/bingx-exporter/ledger.db"
    assert config.warnings == ()


def test_each_half_may_be_a_file(home: Path) -> None:
    config = load(None, environ={"BINGX_API_KEY_FILE": "key", "BINGX_API_SECRET_FILE": str(home / "secret")})
    assert config.accounts[0].api_key == Secret("sekret-file-key")
    assert config.accounts[0].api_secret == Secret("sekret-file-secret")


def test_environment_and_ledger_have_variables() -> None:
    more = {"BINGX_ENVIRONMENT": "vst", "BINGX_LEDGER_URL": "sqlite:///ledger.db"}
    config = load(None, environ={**PAIR, **more})
    assert config.accounts[0].environment == "vst"
    assert config.ledger.url == "sqlite:///ledger.db"


def test_a_flag_switches_a_collector() -> None:
    config = load(None, environ=PAIR, overrides={CollectorName.INCOME: False})
    assert CollectorName.INCOME not in config.accounts[0].collectors.enabled


def test_a_value_is_taken_as_it_is() -> None:
    """A variable's value is nobody's template: a dollar in it is a dollar."""
    config = load(None, environ={**PAIR, "BINGX_API_KEY": "a${b}$$"})
    assert config.accounts[0].api_key == Secret("a${b}$$")


def test_the_variables_are_not_read_beside_a_file(config_file: Path, environ: dict[str, str], fixtures: Path) -> None:
    config_file.write_bytes((fixtures / "minimal.good.yaml").read_bytes())

    def load_with(more: dict[str, str]) -> Config:
        return load(config_file, environ={**environ, **more})

    assert load_with({**PAIR, "BINGX_ENVIRONMENT": "vst", "BINGX_LEDGER_URL": "nonsense"}) == load_with({})


def test_nothing_at_all_tells_both_ways() -> None:
    assert _refusal({"BINGX_ENVIRONMENT": "live"}) == (
        "environment: no account is configured; name a file with --config.file, or set BINGX_API_KEY and "
        "BINGX_API_SECRET (or BINGX_API_KEY_FILE and BINGX_API_SECRET_FILE)"
    )


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"BINGX_API_KEY": "sekret"},
            "environment: BINGX_API_SECRET: not set, the other half of the pair is; set it or BINGX_API_SECRET_FILE",
        ),
        (
            {"BINGX_API_SECRET_FILE": "./secret"},
            "environment: BINGX_API_KEY: not set, the other half of the pair is; set it or BINGX_API_KEY_FILE",
        ),
        (
            {**PAIR, "BINGX_API_KEY_FILE": "./key"},
            "environment: BINGX_API_KEY_FILE: BINGX_API_KEY is given too; keep one of the two",
        ),
        ({**PAIR, "BINGX_API_KEY": ""}, "environment: BINGX_API_KEY: is empty; set it or leave it out"),
        (
            {**PAIR, "BINGX_API_SECRET": "sekret\n"},
            "environment: BINGX_API_SECRET: the value holds white space or characters that no key has",
        ),
        (
            {**PAIR, "BINGX_ENVIRONMENT": "demo"},
            'environment: BINGX_ENVIRONMENT: "demo" is none of live, vst',
        ),
        ({**PAIR, "BINGX_ENVIRONMENT": ""}, "environment: BINGX_ENVIRONMENT: is empty; set it or leave it out"),
        (
            {**PAIR, "BINGX_LEDGER_URL": "postgresql://u:sekret@db/ledger"},
            f"environment: BINGX_LEDGER_URL: the value is not the URL of a ledger; {LEDGER_HINT}",
        ),
        (
            {"BINGX_API_KEY_FILE": "./no-such-key", "BINGX_API_SECRET_FILE": "./secret"},
            'environment: BINGX_API_KEY_FILE: "./no-such-key" cannot be read: No such file or directory',
        ),
    ],
)
def test_a_wrong_variable_is_named(environ: dict[str, str], message: str, home: Path) -> None:
    assert _refusal(environ) == message


def test_all_wrong_variables_are_told_at_once() -> None:
    message = _refusal({"BINGX_API_KEY": "sekret key", "BINGX_API_SECRET": "", "BINGX_ENVIRONMENT": "x"})
    assert message.splitlines() == [
        "environment: BINGX_API_KEY: the value holds white space or characters that no key has",
        "environment: BINGX_API_SECRET: is empty; set it or leave it out",
        'environment: BINGX_ENVIRONMENT: "x" is none of live, vst',
    ]


def test_a_secret_file_that_everyone_can_read_is_warned_about(home: Path) -> None:
    (home / "key").chmod(0o644)
    config = load(None, environ={"BINGX_API_KEY_FILE": "./key", "BINGX_API_SECRET_FILE": "./secret"})
    assert config.warnings == ('environment: BINGX_API_KEY_FILE: "./key" is readable by everyone; chmod 0600 it',)

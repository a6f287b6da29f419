"""Every rule about the file, by a file that breaks it.

A `<rule>.bad.yaml` ends with the messages that it must get, whole and in order, each after `#! `. As comments at the
end they move no line.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from exporter.config import ConfigError, load

if TYPE_CHECKING:
    from collections.abc import Mapping

BAD: Final = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "config").glob("*.bad.yaml"))
MARK: Final = "#! "


def _messages(config_file: Path, text: str, environ: Mapping[str, str]) -> str:
    config_file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(config_file, environ=environ)
    return str(caught.value)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name.removesuffix(".bad.yaml"))
def test_a_broken_rule_gets_its_message_whole(path: Path, config_file: Path, environ: Mapping[str, str]) -> None:
    text, *expected = path.read_text(encoding="utf-8").split(MARK)
    assert expected, "the file says nothing of what it must get"
    messages = _messages(config_file, text, environ)
    assert messages + "\n" == "".join(expected)
    assert "sekret" not in messages


def test_all_problems_are_told_at_once_in_the_order_of_the_file(config_file: Path, environ: Mapping[str, str]) -> None:
    text = """\
accounts:
  - name: main
    api_kye: sekret
    timeout: 5
  - name: main
    api_key: ${NO_SUCH_KEY}
    api_secret: a-secret
defaults: {stale_after: 0}
"""
    assert _messages(config_file, text, environ).splitlines() == [
        "config.yaml:2: accounts[0].api_key: missing; give api_key or api_key_file",
        "config.yaml:2: accounts[0].api_secret: missing; give api_secret or api_secret_file",
        'config.yaml:3: accounts[0].api_kye: unknown key; did you mean "api_key"?',
        'config.yaml:4: accounts[0].timeout: "5" has no unit; write it like 500ms, 5s, 1m30s, 12h or 90d',
        'config.yaml:5: accounts[1].name: "main" is already the name of accounts[0], on line 2',
        "config.yaml:6: accounts[1].api_key: the environment variable NO_SUCH_KEY is not set",
        'config.yaml:8: defaults.stale_after: "0" is not a number between 1 and 1000',
    ]


def test_a_problem_carries_its_parts(config_file: Path) -> None:
    config_file.write_text("acounts: []\naccounts: []\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(config_file, environ={})
    problem = caught.value.problems[0]
    assert (problem.file, problem.line, problem.key) == ("config.yaml", 1, "acounts")
    assert (problem.message, problem.hint) == ("unknown key", 'did you mean "accounts"?')


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no-such.yaml", "no-such.yaml: cannot be read: No such file or directory"),
        ("folder", "folder: cannot be read: Is a directory"),
        ("binary", "binary:1: is not UTF-8 text"),
        ("empty", "empty: is empty"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(name: str, message: str, home: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Path(name), environ={})
    assert str(caught.value) == message


def test_a_huge_file_is_not_read(home: Path) -> None:
    Path("huge.yaml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(ConfigError) as caught:
        load(Path("huge.yaml"), environ={})
    assert str(caught.value) == "huge.yaml: is longer than 1 MiB; is it the right file?"


@pytest.mark.timeout(5)
def test_a_yaml_bomb_stays_small(config_file: Path) -> None:
    levels = [f"  b{level}: &b{level} [{', '.join([f'*b{level - 1}'] * 10)}]" for level in range(1, 30)]
    messages = _messages(config_file, "\n".join(["defaults:", "  b0: &b0 [x, x]", *levels, "accounts: *b29"]), {})
    assert len(messages.splitlines()) == 30 + 10


@pytest.mark.timeout(5)
def test_aliases_cannot_nest_without_end(config_file: Path) -> None:
    """Each key is a list in which the one before is nested; only the last is a value, and holds them all."""
    nested = [f"? &a{level} [*a{level - 1}]\n: 1" for level in range(1, 2000)]
    messages = _messages(config_file, "\n".join(["? &a0 [x]\n: 1", *nested, "accounts: *a1999"]), {})
    assert "config.yaml:3935: accounts" in messages
    assert "holds itself, or is nested too deeply" in messages

"""Any configuration: settings, or a `ConfigError` that tells no secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.mutations import texts

from exporter.config import Config, ConfigError, load
from exporter.config.environment import VARIABLES

FUZZ = settings.get_profile("fuzz")
ROOT = Path(__file__).parents[2]
FILES = (*sorted((ROOT / "tests" / "fixtures" / "config").glob("*.good.yaml")), ROOT / "config.example.yaml")
GOOD = tuple(path.read_text() for path in FILES)

PLANTED = "PLANTED-7f3a9c"
"""Stands in every secret that a variable or a file holds, and for the secrets in the file itself."""

ODD = (
    "", "~", "null", "yes", "5", "-1", "1e999", "0x10", "5s", "90d", "999999999y", "2026-13-01", "${", "$$", "${X}",
    "${MAIN_KEY}", "$", "*a", "&a b", "!!python/object:os.system x", "!x", "[", "]", "{", "}", "{a: {a: {a: b}}}",
    "[[[[[[]]]]]]", "|", ">", "---", "...", "%YAML 1.1", "<<: *a", "? a", "'", '"', '"\\ud800"', '"\\UFFFFFFFF"', "#",
    "\t", "a: b: c", "- - - a", "http://[::1", "http://h:99999", "http://[v1.x]", "sqlite://", "sqlite:///\\x", "././.",
    "postgresql+psycopg://u:" + PLANTED + "@h/d", "x" * 5000, "\u202e", "\ufeff", "é", "/dev/zero", "/", "..", "key",
)  # fmt: skip

lines = st.sampled_from(ODD) | texts | st.text(max_size=30)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        for inner in ("folder", "secrets"):
            (Path(folder) / inner).mkdir()
        for name in ("key", "secret", "main-key", "main-secret"):
            for file in (Path(folder) / inner / name for inner in (".", "folder", "secrets")):
                file.write_text(f"{PLANTED}-{name}")
                file.chmod(0o600)
        yield Path(folder)


def check(text: str, home: Path, environ: Mapping[str, str]) -> Config | None:
    path = home / "config.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return loaded(path, environ)


def loaded(path: Path | None, environ: Mapping[str, str]) -> Config | None:
    try:
        config = load(path, environ=environ)
    except ConfigError as error:
        refused = error
    else:
        assert PLANTED not in "\n".join(config.warnings)
        assert PLANTED not in repr(config)
        return config
    assert refused.problems
    told = [str(refused), repr(refused), repr(refused.problems), repr(refused.__cause__), repr(refused.__context__)]
    assert PLANTED not in "\n".join(told)
    return None


def environ_of(text: str) -> dict[str, str]:
    secrets = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), f"{PLANTED}-variable")
    return {**secrets, "FOLDER": "./folder", "EMPTY": ""}


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Return a good file, its secrets planted, with some of its lines changed."""
    text = draw(st.sampled_from(GOOD))
    rows = text.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(rows) - 1))
        match draw(st.sampled_from(["value", "line", "delete", "double", "insert", "indent", "join", "cut"])):
            case "value":
                name, colon, _ = rows[at].partition(":")
                rows[at] = f"{name}{colon} {draw(lines)}"
            case "line":
                rows[at] = draw(lines)
            case "delete" if len(rows) > 1:
                del rows[at]
            case "double":
                rows.insert(at, rows[draw(st.integers(0, len(rows) - 1))])
            case "insert":
                rows.insert(at, " " * draw(st.integers(0, 6)) + draw(lines))
            case "indent":
                rows[at] = " " * draw(st.integers(0, 8)) + rows[at].lstrip()
            case "join":
                rows[at] += draw(lines)
            case _:
                rows[at] = rows[at][: draw(st.integers(0, len(rows[at])))]
    return draw(st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"])).join(rows)


@settings(FUZZ)
@given(st.text() | st.lists(lines, max_size=12).map("\n".join))
def test_any_text(home: Path, text: str) -> None:
    check(text, home, environ_of(text))


@settings(FUZZ, max_examples=FUZZ.max_examples // 2)
@given(body=st.binary(max_size=200))
def test_any_bytes(home: Path, body: bytes) -> None:
    path = home / "config.yaml"
    path.write_bytes(body)
    loaded(path, {})


@settings(FUZZ, max_examples=FUZZ.max_examples * 2)
@given(mutated())
def test_a_good_file_with_other_lines_in_it(home: Path, text: str) -> None:
    check(text, home, environ_of(text))


SECRETS_IN_PLACE = f"""\
accounts:
  - name: main
    environment: live
    api_key: {PLANTED}
    api_secret: {PLANTED}
    proxy: http://user:{PLANTED}@egress:3128
    timeout: 5s
    labels: {{desk: alpha}}
ledger:
  url: postgresql+psycopg://user:{PLANTED}@host/ledger
"""


@settings(FUZZ)
@given(
    st.sampled_from(["main", "live", "5s", "alpha"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
    | st.sampled_from(ODD).filter(
        lambda text: PLANTED not in text and text not in {"|", ">"}  # they take the secrets after them into a text
    ),
)
def test_secrets_that_stand_in_the_file_beside_another_value(home: Path, instead_of: str, value: str) -> None:
    check(SECRETS_IN_PLACE.replace(instead_of, value, 1), home, {})


@settings(FUZZ)
@given(
    st.sampled_from(["timeout", "environment", "recv_window", "stale_after", "base_url", "source_address", "nonsense"]),
    st.sampled_from(["http", "https", "socks5", "postgresql+psycopg", "sqlite"]),
    st.lists(st.sampled_from([" ", "@", "/", ":", "#", "?", "%40", "//", "\\n", "\\0"]), max_size=3),
)
def test_a_password_in_a_url_under_any_key(home: Path, key: str, scheme: str, odd: list[str]) -> None:
    url = f"{scheme}://user:{PLANTED}{PLANTED.join(odd)}{PLANTED}@egress:3128"
    account = f'name: main, api_key: key, api_secret: secret, {key}: "{url}"'
    check(f"accounts: [{{{account}}}]", home, {})


@settings(FUZZ)
@given(
    st.dictionaries(
        st.sampled_from([variable.name for variable in VARIABLES]),
        st.text(st.characters(exclude_characters="\0"), max_size=30) | st.sampled_from(ODD),
    ),
    st.booleans(),
)
def test_any_environment(environ: dict[str, str], planted: bool) -> None:
    if planted:
        environ = {**environ, "BINGX_API_KEY": f"{PLANTED} ", "BINGX_API_SECRET": PLANTED + "\n"}
    loaded(None, environ)


def test_the_good_files_are_good(home: Path) -> None:
    """Else all of the above would prove nothing."""
    for path in FILES:
        text = path.read_text()
        assert check(text, home, environ_of(text)) is not None, path.name
    assert check(SECRETS_IN_PLACE, home, {}) is not None

"""What the documents name exists, and what they show works."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from exporter.cli.catalogue import entries
from exporter.cli.flags import COMMANDS, parse
from exporter.cli.income.flags import INCOME_COMMANDS
from exporter.config import load

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = ("docs", "bench", "deploy", "tests")
PAGES: Final = sorted((*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))))
HOSTS: Final = {"prometheus.io", "open-api.bingx.com", "open-api-vst.bingx.com"}
"""The hosts that a page may name; packages and images come from wherever the reader has them from."""

EVERY_PAGE: Final = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def blocks(page: Path, language: str) -> list[str]:
    return [text for name, text in FENCE.findall(page.read_text(encoding="utf-8")) if name == language]


def spans(page: Path) -> list[str]:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def code(page: Path) -> list[str]:
    """Return every line of code, those in the text among them; a continued line is one."""
    fenced = "".join(text for _, text in FENCE.findall(page.read_text(encoding="utf-8")))
    return [*spans(page), *fenced.replace("\\\n", " ").splitlines()]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def calls(page: Path) -> Iterator[list[str]]:
    """Find every call of the command: its words without the command's own name."""
    for line in code(page):
        first, *words = line.removeprefix("$ ").split() or [""]
        if first.rpartition("/")[2] == "bingx-exporter":
            yield words
        yield from (["demo", *flags.split()] for flags in re.findall(r'DEMO_FLAGS="([^"]*)"', line))


def is_there(metric: str) -> bool:
    for entry in entries():
        base = entry.name.removesuffix("_total")
        suffixes = ("_bucket", "_sum", "_count") if entry.type == "histogram" else ("_created",)
        if fnmatch(entry.name, metric) or metric in {base + suffix for suffix in suffixes}:
            return True
    return False


@pytest.fixture
def flags_of(capsys: pytest.CaptureFixture[str]) -> dict[str, set[str]]:
    """Return the flags that the help of each command names."""
    found = {}
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            parse([command, "--help"])
        found[command] = set(re.findall(r"--[a-z][\w.-]*", capsys.readouterr().out))
    for command in INCOME_COMMANDS:
        with pytest.raises(SystemExit):
            parse(["income", command, "--help"])
        found[f"income {command}"] = set(re.findall(r"--[a-z][\w.-]*", capsys.readouterr().out))
    return found


def test_the_generated_pages_are_what_the_program_says() -> None:
    script = ROOT / "scripts" / "generate_docs.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_pages_of_the_house_are_there() -> None:
    names = {str(page.relative_to(ROOT)) for page in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md", "docs/metrics.md"} <= names


@EVERY_PAGE
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize(
    "page",
    [*(page for page in PAGES if page.name != "CHANGELOG.md"), ROOT / "config.example.yaml"],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_metric_that_is_named_exists(page: Path) -> None:
    """A changelog alone may name what there was."""
    named = re.findall(r"\bbingx_(?:[a-z0-9_]*\*|[a-z0-9_]*[a-z0-9])", page.read_text(encoding="utf-8"))
    assert [metric for metric in named if not is_there(metric)] == []


@EVERY_PAGE
def test_every_command_that_is_shown_is_understood(page: Path, flags_of: dict[str, set[str]]) -> None:
    for words in calls(page):
        command, *rest = words if words and not words[0].startswith("-") else ["run", *words]
        assert command in COMMANDS, words
        if command == "income" and rest and not rest[0].startswith("-"):
            command, *rest = f"income {rest[0]}", *rest[1:]
            assert command in flags_of, words
        named = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert named <= flags_of[command], words


@EVERY_PAGE
def test_every_flag_that_is_named_is_one(page: Path, flags_of: dict[str, set[str]]) -> None:
    """A name with a dot is a flag of ours; others may belong to another program, but not in the README."""
    known = set().union(*flags_of.values())
    named = {re.split(r"[ =]", span)[0].replace("NAME", "balance") for span in spans(page) if span.startswith("--")}
    ours = named if page.name == "README.md" else {flag for flag in named if "." in flag}
    assert ours <= known


@EVERY_PAGE
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {line.split()[1] for line in code(page) if re.match(r"make [a-z]", line)}
    assert named <= targets


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name != "CHANGELOG.md" and page.parent.name != "design"],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_file_that_is_named_exists(page: Path) -> None:
    """What is dated may name what there was; a name with a placeholder is a pattern for new ones."""
    top = "|".join(sorted(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")))
    named = [span for span in spans(page) if re.fullmatch(rf"(?:{top})/[\w./*-]+", span)]
    assert [path for path in named if not any(ROOT.glob(path.rstrip("/")))] == []


@EVERY_PAGE
def test_every_configuration_that_is_shown_can_be_loaded(page: Path, tmp_path: Path) -> None:
    for text in blocks(page, "yaml"):
        document = yaml.safe_load(text)
        if "accounts" not in document:
            continue
        config = load(written(text, document, tmp_path), environ=dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "x"))
        assert [account.name for account in config.accounts] == [account["name"] for account in document["accounts"]]
        assert config.warnings == ()


def written(text: str, document: dict[str, Any], home: Path) -> Path:
    """Write a configuration with its secret files; those that lie elsewhere come into its own folder."""
    for account in document["accounts"]:
        for name in (account[key].lstrip("/") for key in ("api_key_file", "api_secret_file") if key in account):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text("x" * 32, encoding="ascii")
            (home / name).chmod(0o600)
    path = home / "config.yaml"
    path.write_text(re.sub(r"(_file: )/", r"\1", text), encoding="utf-8")
    path.chmod(0o600)
    return path


def test_the_readme_shows_what_it_is_for() -> None:
    readme = ROOT / "README.md"
    assert any("accounts" in yaml.safe_load(text) for text in blocks(readme, "yaml"))
    assert any("scrape_configs" in yaml.safe_load(text) for text in blocks(readme, "yaml"))
    assert blocks(readme, "promql")
    assert {"check", "run"} <= {words[0] for words in calls(readme) if words}


@EVERY_PAGE
def test_no_page_names_a_foreign_host_or_a_place_on_one_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"\b(?:[a-z0-9-]+\.)+(?:com|dev|io|net|org)\b", text)) <= HOSTS
    assert re.findall(r"(?<![\w.])/(?:home|mnt|root|Users|work)/\S*", text) == []

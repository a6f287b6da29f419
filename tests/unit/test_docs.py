"""What the documents name exists, and what they show works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from fnmatch import fnmatch
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, Final

import promql_parser
import pytest
import yaml

from bench.run import BENCHMARKS
from exporter.bingx import errors as of_calls
from exporter.cli.catalogue import entries
from exporter.cli.flags import COMMANDS, parse
from exporter.cli.income.flags import INCOME_COMMANDS
from exporter.config import keys, load
from exporter.config.shapes import walk
from exporter.ledger import errors as of_the_ledger

ROOT: Final = Path(__file__).resolve().parents[2]
MADE: Final = {"build", "dist", "venv", "node_modules"}
OURS: Final = sorted(
    path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".") and path.name not in MADE
)
"""The folders of the tree; what tools leave behind is none of ours."""
PAGES: Final = sorted((*ROOT.glob("*.md"), *(page for folder in OURS for page in folder.rglob("*.md"))))
README: Final = ROOT / "README.md"
MAP: Final = ROOT / "docs" / "index.md"
COMPOSE: Final = ROOT / "deploy" / "compose.yaml"
HOSTS: Final = {"prometheus.io", "open-api.bingx.com", "open-api-vst.bingx.com"}
"""The hosts that a page may name; packages and images come from wherever the reader has them from."""

EVERY_PAGE: Final = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PICTURE: Final = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)|<img alt=\"([^\"]*)\" src=\"([^\"]+)\">")
SOURCE: Final = re.compile(r'<source media="[^"]+" srcset="([^"]+)">')
DOCUMENT: Final = re.compile(r"(?<![\w./-])((?:docs/[\w/.-]*|[A-Z]{4,})\.md)(#[\w-]+)?")
PNG: Final = b"\x89PNG\r\n\x1a\n"


def blocks(page: Path, language: str) -> list[str]:
    return [text for name, text in FENCE.findall(page.read_text(encoding="utf-8")) if name == language]


def spans(page: Path) -> list[str]:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def code(page: Path) -> list[str]:
    """Return every line of code, those in the text among them; a continued line is one."""
    fenced = "".join(text for _, text in FENCE.findall(page.read_text(encoding="utf-8")))
    return [*spans(page), *fenced.replace("\\\n", " ").splitlines()]


def links(page: Path) -> list[tuple[Path, str]]:
    """Return where the links of a page lead within the tree, each as a path and an anchor, empty if there is none."""
    found = []
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if not target.startswith(("https://", "http://")):
            path, _, anchor = target.partition("#")
            found.append(((page.parent / path).resolve() if path else page, anchor))
    return found


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of the headings; of equal ones the second ends in `-1`."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    found: Counter[str] = Counter()
    names = set()
    for heading in headings:
        name = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if found[name] else name)
        found[name] += 1
    return frozenset(names)


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


@pytest.fixture(scope="module")
def flags_of() -> dict[str, set[str]]:
    """Return the flags that the help of each command names."""
    calls = [[command] for command in COMMANDS] + [["income", command] for command in INCOME_COMMANDS]
    found = {}
    for words in calls:
        with redirect_stdout(StringIO()) as told, pytest.raises(SystemExit):
            parse([*words, "--help"])
        found[" ".join(words)] = set(re.findall(r"--[a-z][\w.-]*", told.getvalue()))
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
    for there, anchor in links(page):
        assert there.exists(), there
        assert there.is_relative_to(ROOT), there
        assert not anchor or anchor in anchors(there), f"{there}#{anchor}"


def pictures(page: Path) -> list[tuple[str, str]]:
    """Return every picture of a page, as its words and where it is."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [(words or alt, target or source) for words, target, alt, source in PICTURE.findall(text)]


@EVERY_PAGE
def test_every_picture_is_there_and_told_in_words(page: Path) -> None:
    others = SOURCE.findall(page.read_text(encoding="utf-8"))
    for words, target in (*pictures(page), *(("the same in other colours", target) for target in others)):
        picture = page.parent / target
        assert picture.read_bytes().startswith(PNG), target
        assert picture.stat().st_size < 1_000_000, target
        assert len(words) > 3, target


def test_every_picture_of_the_docs_is_shown_with_words_of_its_own() -> None:
    shown = {(page.parent / target).resolve(): words for page in PAGES for words, target in pictures(page)}
    kept = sorted(path for path in (ROOT / "docs" / "images").iterdir())
    assert [path.name for path in kept if path not in shown] == []
    assert len(kept) >= 3


@EVERY_PAGE
def test_every_benchmark_that_is_named_exists(page: Path) -> None:
    known = {benchmark.name for benchmark in BENCHMARKS}
    for line in code(page):
        if "bench/run.py " in line:
            words = shlex.split(line.partition("bench/run.py ")[2])
            assert {word for word in words if word.isalpha()} <= known, line


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, next_ones = set[Path](), [README]
    while next_ones:
        page = next_ones.pop()
        if page in reached:
            continue
        reached.add(page)
        for there, _ in links(page):
            next_ones += sorted(there.glob("*.md")) if there.is_dir() else [there] * (there.suffix == ".md")
    assert sorted(str(page) for page in {*PAGES} - reached if "tests" not in page.parts) == []


def test_the_map_leads_to_every_page_of_the_docs() -> None:
    mapped = {there for there, _ in links(MAP)}
    assert sorted(str(page) for page in PAGES if page.is_relative_to(MAP.parent) and page not in {*mapped, MAP}) == []


def test_every_document_that_a_file_names_is_there() -> None:
    """Comments, docstrings, alerts, dashboards and log lines name pages, too."""
    files = [path for folder in OURS for path in folder.rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file()]
    named = 0
    for path in files:
        if path.suffix == ".md" or "__pycache__" in path.parts:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for document, anchor in DOCUMENT.findall(text):
            named += 1
            assert (ROOT / document).is_file(), f"{path}: {document}"
            assert not anchor or anchor[1:] in anchors(ROOT / document), f"{path}: {document}{anchor}"
    assert named > 100


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


@cache
def labels_of() -> dict[str, set[str]]:
    """Return the labels of every series of ours; `desk` and `le` are those of the examples and of histograms."""
    found: dict[str, set[str]] = {}
    for entry in entries():
        labels = {*entry.labels, "job", "instance", "desk", "le"}
        found |= {entry.name + part: labels for part in ("", "_bucket", "_sum", "_count")}
    return found


@cache
def rules() -> list[dict[str, Any]]:
    files = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yaml"))
    return [
        rule for path in files for group in yaml.safe_load(path.read_text("utf-8"))["groups"] for rule in group["rules"]
    ]


def queries(page: Path) -> Iterator[Any]:
    """Find every query: those between blank lines, or where they do not parse as one, each line."""
    for block in blocks(page, "promql"):
        for piece in re.split(r"\n\s*\n", re.sub(r"^\s*#.*$", "", block, flags=re.MULTILINE)):
            try:
                yield from [promql_parser.parse(piece)] if piece.strip() else []
            except ValueError:
                yield from map(promql_parser.parse, piece.strip().splitlines())


def selectors(expression: Any) -> Iterator[Any]:  # noqa: ANN401 - the parser's own types share no base
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for name in ("lhs", "rhs", "expr", "param", "vector_selector", "vs"):
        below = getattr(expression, name, None)
        if below is not None and not isinstance(below, str):
            yield from selectors(below)
    for argument in getattr(expression, "args", None) or ():
        yield from selectors(argument)


@EVERY_PAGE
def test_every_query_that_is_shown_asks_for_what_exists(page: Path) -> None:
    for one in (selector for query in queries(page) for selector in selectors(query)):
        if (one.name or "").startswith("bingx_"):
            assert one.name in labels_of()
            assert {matcher.name for matcher in one.matchers.matchers} <= labels_of()[one.name], one.name


@EVERY_PAGE
def test_every_alert_limit_and_reason_that_is_named_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    known = {rule.get("alert", "") for rule in rules()} | {
        error.__name__ for error in vars(of_calls).values() if isinstance(error, type)
    }
    assert set(re.findall(r"\bBingx[A-Z]\w+", text)) <= known
    recorded = {rule.get("record", "") for rule in rules()} | {"bingx:limit_override"}
    assert set(re.findall(r"\bbingx:[a-z]\w*(?::\w+)?", text)) <= recorded
    reasons = {*of_calls.REASONS, *of_the_ledger.REASONS}
    assert set(re.findall(r'reason="(\w+)"', text)) <= reasons


@EVERY_PAGE
def test_every_key_of_the_configuration_that_is_named_exists(page: Path) -> None:
    paths = {path.replace("[]", "") for path, _ in walk(keys.ROOT)}
    known = {path[at:] for path in paths for at in (0, *(dot.end() for dot in re.finditer(r"\.", path)))}
    groups = "ledger|defaults|accounts|collectors|income|balance|positions|commission_rate|reconciliation"
    named = {span for span in spans(page) if re.fullmatch(rf"(?:{groups})(?:\.[a-z_]+)+", span)}
    assert {span for span in named if not span.endswith((".py", ".db", ".om"))} <= known


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
    assert {"check", "top", "--config.file=config.yaml"} <= {words[0] for words in calls(readme) if words}


def test_every_command_of_the_readme_can_be_given_as_it_stands() -> None:
    shown = [words for words in calls(README) if words and not words[0].startswith("/")]
    assert len(shown) >= 5
    for words in shown:
        if words != ["income"]:
            parse(words)


def test_the_demo_of_the_readme_starts_as_it_is_shown() -> None:
    line = next(line for line in code(README) if line.startswith("make demo "))
    words = [*shlex.split(line), "--dry-run", "--no-print-directory"]
    outside_of_make = {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True, env=outside_of_make)
    assert done.stdout.splitlines()[-1].endswith("bin/bingx-exporter demo --web.listen-address=127.0.0.1:10066")


def test_the_configuration_of_the_readme_is_good(tmp_path: Path) -> None:
    text = next(text for text in blocks(README, "yaml") if "accounts" in yaml.safe_load(text))
    path = written(text, yaml.safe_load(text), tmp_path)
    program = [str(Path(sys.executable).parent / "bingx-exporter"), f"--config.file={path}", "--config.check"]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARN" not in done.stderr


@EVERY_PAGE
def test_every_call_of_compose_names_a_file_and_a_profile_of_it(page: Path) -> None:
    services = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"].values()
    profiles = {profile for service in services for profile in service.get("profiles", ())}
    for line in code(page):
        if line.startswith("docker compose "):
            assert "--file deploy/compose.yaml" in line
            assert set(re.findall(r"--profile (\w+)", line)) <= profiles


def test_the_readme_mounts_what_the_image_reads() -> None:
    line = next(line for line in code(README) if line.startswith("docker run "))
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    targets = re.findall(r'--volume "?[^: ]+:(/[\w./-]+)', line)
    assert len(targets) == 3
    assert [place for place in targets if place not in image and str(Path(place).parent) not in image] == []


@EVERY_PAGE
def test_no_page_names_a_foreign_host_or_a_place_on_one_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"\b(?:[a-z0-9-]+\.)+(?:com|dev|io|net|org)\b", text)) <= HOSTS
    assert re.findall(r"(?<![\w.])/(?:home|mnt|root|Users|work)/\S*", text) == []

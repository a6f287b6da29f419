"""SECURITY.md rests on tests and files that exist; a promise whose proof was renamed or removed is found here."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
SPANS: Final = frozenset(re.findall(r"`([^`\n]+)`", PAGE))
TESTS: Final = sorted(span for span in SPANS if re.fullmatch(r"test_\w+", span))
PATHS: Final = sorted(span for span in SPANS if re.match(r"(?:exporter|tests|docs|deploy|requirements|bench)/", span))


def names_of_tests() -> frozenset[str]:
    """Return the names of all test functions of the tree, read and not run."""
    return frozenset(
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def rows() -> list[str]:
    """Return the rows of the tables that say what holds somebody off: those with a proof in the last cell."""
    return [line for line in PAGE.splitlines() if line.startswith("| ") and line.count("|") == 4]


def test_the_page_cites_enough_to_be_held_to_it() -> None:
    assert len(TESTS) >= 30
    assert len(PATHS) >= 5


@pytest.mark.parametrize("path", PATHS)
def test_every_file_that_is_cited_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_test_that_is_cited_exists() -> None:
    known = names_of_tests()
    assert [name for name in TESTS if name not in known] == []


def test_every_row_that_promises_something_cites_its_proof() -> None:
    proven = [row for row in rows() if not row.startswith(("| what", "|---"))]
    assert len(proven) >= 15
    assert [row for row in proven if not re.search(r"`(?:test_\w+|[\w./-]+/[\w./-]+)`", row.split("|")[3])] == []

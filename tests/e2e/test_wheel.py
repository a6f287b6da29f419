"""The distributions: what they hold, and that they work where nothing else of this project is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "exporter"
pytestmark = [pytest.mark.alone, pytest.mark.timeout(400)]


def done(*command: str | Path, cwd: Path) -> str:
    """Run a command to its end and return what it printed."""
    words = [str(word) for word in command]
    result = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return result.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy, since a build leaves folders in its tree; first the source, and the wheel from that."""
    home = tmp_path_factory.mktemp("dist")
    tree = home / "tree"
    shutil.copytree(PACKAGE, tree / "exporter", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    done(sys.executable, "-m", "build", "--no-isolation", "--outdir", home / "dist", tree, cwd=home)
    return home / "dist"


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def files(root: Path) -> Iterator[str]:
    for path in root.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield str(path.relative_to(root.parent))


def test_the_wheel_holds_the_package_and_nothing_else(distributions: Path) -> None:
    with zipfile.ZipFile(only(distributions, "*.whl")) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == set(files(PACKAGE))


def test_the_source_distribution_can_be_built_from_and_has_its_licence(distributions: Path) -> None:
    with tarfile.open(only(distributions, "*.tar.gz")) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", *files(PACKAGE)} <= names


def test_the_index_would_take_both(distributions: Path) -> None:
    said = done(sys.executable, "-m", "twine", "check", "--strict", *distributions.iterdir(), cwd=distributions)
    assert said.count("PASSED") == 2


def test_what_it_declares_is_all_that_it_needs(distributions: Path, tmp_path: Path) -> None:
    """As pip, pipx and uvx install it: into an environment of its own, with what it declares."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    done(python, "-m", "pip", "install", "--quiet", only(distributions, "*.whl"), cwd=tmp_path)
    command = python.parent / "bingx-exporter"
    assert done(command, "--version", cwd=tmp_path).startswith("bingx-exporter, version ")
    assert "bingx_up" in done(command, "metrics", cwd=tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text("accounts: [{name: main, api_key: kkkkkkkkkkkk, api_secret: ssssssssssss}]")
    done(command, "--config.check", f"--config.file={config}", cwd=tmp_path)
    bill = json.loads(done(python, ROOT / "scripts" / "sbom.py", cwd=tmp_path))
    assert {"aiohttp", "requests"} <= {part["name"] for part in bill["components"]}

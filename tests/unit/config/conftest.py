"""A directory to keep configurations in, with the secret files and variables that the fixture files name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

FIXTURES: Final = Path(__file__).resolve().parents[2] / "fixtures" / "config"
FILES: Final = {
    "key": b"sekret-file-key\n",
    "secret": b"sekret-file-secret\r\n",
    "empty": b"",
    "newline": b"\n",
    "two-lines": b"sekret\nsekret\n",
    "padded": b" sekret \n",
    "binary": b"sekret\xff",
    "long": b"s" * 4097,
}


@pytest.fixture
def environ() -> dict[str, str]:
    return {
        "MAIN_KEY": "sekret-key",
        "MAIN_SECRET": "sekret-secret",
        "EMPTY": "",
        "BAD": "sekret",
        "FOLDER": "./folder",
    }


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, in which `config.yaml` and its secret files lie."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for name, content in FILES.items():
        for path in (tmp_path / name, tmp_path / "folder" / name):
            path.write_bytes(content)
            path.chmod(0o600)
    return tmp_path


@pytest.fixture
def config_file(home: Path) -> Path:
    """The relative path of a configuration file that is yet to be written, readable by its owner alone."""
    path = Path("config.yaml")
    path.touch(mode=0o600)
    return path


@pytest.fixture
def fixtures() -> Path:
    return FIXTURES

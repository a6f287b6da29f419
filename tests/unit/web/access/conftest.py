from __future__ import annotations

import shutil
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from support.certificates import Mint, mint, write_all
from support.clock import ManualClock
from support.heard import heard
from unit.web.access.guests import Door


@pytest.fixture(scope="session")
def minted() -> Mint:
    return mint()


@pytest.fixture(scope="session")
def minted_folder(minted: Mint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    write_all(folder, minted)
    return folder


@pytest.fixture
def folder(minted_folder: Path, tmp_path: Path) -> Path:
    """A folder of this test's own, with all that the fixtures name."""
    for path in minted_folder.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    return tmp_path


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log() -> Iterator[StringIO]:
    with heard("info") as text:
        yield text


@pytest.fixture
def door(folder: Path, clock: ManualClock, log: StringIO) -> Door:
    return Door(folder, clock)

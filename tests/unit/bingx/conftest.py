from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.clock import ManualClock

from exporter.bingx.endpoints import Endpoint
from exporter.bingx.envelope import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES = Path(__file__).parents[2] / "fixtures" / "bingx"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def data() -> Callable[[str], object]:
    """Read the data of a recorded shape, by its name: `<endpoint>_<case>`."""

    def read(name: str) -> object:
        endpoint = max((e for e in Endpoint if name.startswith(e)), key=len)
        return unwrap(200, (FIXTURES / f"{name}.json").read_bytes(), endpoint=endpoint)

    return read

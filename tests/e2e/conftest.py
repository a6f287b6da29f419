from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.exchange import Exchange, standing_still


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with standing_still() as exchange:
        yield exchange

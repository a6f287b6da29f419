from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.exchange import Exchange, standing_still
from support.exposition import Series, families_of_text, samples
from support.processes import get

from exporter.app import App, Options
from exporter.config import load


class Running:
    """An exporter in this process, and its page."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.url = app.urls[0]

    def page(self) -> dict[Series, float]:
        return samples(families_of_text(get(f"{self.url}/metrics")[1]))

    def readiness(self) -> int:
        return get(f"{self.url}/-/ready")[0]


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with standing_still() as exchange:
        yield exchange


@pytest.fixture
def start(exchange: Exchange, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start an exporter against the exchange; keyword arguments are laid over `defaults` of its configuration."""
    with ExitStack() as running:

        def begin(config: Path | None = None, **settings: object) -> Running:
            path = config or exchange.config(tmp_path, **settings)
            return running.enter_context(_app(path))

        yield begin


@contextmanager
def _app(path: Path) -> Iterator[Running]:
    with App(load(path, environ={}), Options(addresses=("127.0.0.1:0",), process_metrics=False)) as app:
        yield Running(app)

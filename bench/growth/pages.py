"""What a sample costs at a scrape where there are many.

Owns nothing else: the pages are those of `served`.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from bench import served
from bench.growth import sizes
from bench.measure import Benchmark, Case
from bench.references.server import Scraper

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZES: Final = (1, 10, 100, 1000)
_SCRAPES: Final = 5


@contextmanager
def _pages() -> Iterator[tuple[Case, ...]]:
    with ExitStack() as parts:
        yield tuple(_page(size, parts) for size in _SIZES)


def _page(size: int, parts: ExitStack) -> Case:
    running = parts.enter_context(served.serve(size))
    beside = None if size == sizes.REFERENCE else sizes.accounts(sizes.REFERENCE)
    return Case(name=sizes.accounts(size), cost=partial(_scrapes, running, size), beside=beside)


def _scrapes(running: served.Served, size: int) -> tuple[float, float]:
    scraper = Scraper(running.server.url)
    spent = 0.0
    for _ in range(_SCRAPES):
        running.change()
        spent += running.server.cpu_of(lambda: scraper.scrape(gzip=False))
    scraper.close()
    milliseconds = spent * 1000 / _SCRAPES
    return milliseconds, milliseconds * 1e6 / (size * served.SAMPLES_PER_ACCOUNT)


BENCHMARK: Final = Benchmark(
    name="growth-scrape",
    title="Growth: a scrape",
    text=f"""\
The page of more and more accounts with {served.POSITIONS} positions each, scraped over HTTP after one account has
changed: CPU time of the process that serves it, budgets and the exporter's own metrics included.""",
    quantities=("CPU, ms a scrape", "CPU, ns a sample"),
    ratio=f"beside {sizes.accounts(sizes.REFERENCE)}",
    plots=(sizes.line("CPU of a sample", 1, _SIZES, along="accounts", name=sizes.accounts),),
    cases=_pages,
)

"""How cost grows: with accounts, with the positions of one account, with the entries of a ledger.

Costs are told for one of what grows, so that a line that stays level is growth in proportion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.growth import accounts, entries, pages, positions

if TYPE_CHECKING:
    from bench.measure import Benchmark

BENCHMARKS: Final[tuple[Benchmark, ...]] = (
    accounts.BENCHMARK,
    pages.BENCHMARK,
    positions.BENCHMARK,
    entries.BENCHMARK,
)

"""The lines of prometheus-client's instruments, written by the library itself, and kept while nothing changes.

Writing a histogram with its label values costs the library more than all accounts' budgets together. Owns the lines of
each instrument, in both formats, and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from prometheus_client.exposition import generate_latest as generate_text
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.metrics.render import END_OF_OPENMETRICS, Format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric


class Collector(Protocol):
    """What the library makes lines of."""

    def collect(self) -> Iterable[Metric]:
        """Return the samples as they are now."""
        ...


class _WithoutCreated:
    """A collector as the text format should see it: `_created` samples there would be gauges of their own."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterator[Metric]:
        for metric in self._collector.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


def lines_of(collector: Collector, exposition: Format) -> bytes:
    """Write what a collector says now, without the end mark of OpenMetrics."""
    if exposition is Format.OPENMETRICS:
        page: bytes = generate_openmetrics(collector)  # type: ignore[no-untyped-call]  # the library has no types there
        return page.removesuffix(END_OF_OPENMETRICS)
    without_created: Any = _WithoutCreated(collector)  # has the one method that is called
    return generate_text(without_created)


class Printed:
    """The lines of an instrument that says by `changed` when they are not true any more; any thread may."""

    def __init__(self, collector: Collector) -> None:
        """Begin with nothing written."""
        self._collector = collector
        self._state = object()
        self._lines: dict[Format, tuple[object, bytes]] = {}

    def changed(self) -> None:
        """Have the lines written anew; to be said after the change, and after every one."""
        self._state = object()  # no state comes twice, so threads that say it at the same time need no lock

    def render(self, exposition: Format) -> bytes:
        """Return the lines as they are now."""
        # Whatever changes from here on is said after it, and then the state that is kept below is not that of the time.
        state = self._state
        written = self._lines.get(exposition)
        if written is not None and written[0] is state:
            return written[1]
        lines = lines_of(self._collector, exposition)
        self._lines[exposition] = (state, lines)
        return lines

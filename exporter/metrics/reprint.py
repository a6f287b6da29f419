"""What is read at every scrape and is mostly that of the scrape before: rendered anew only where it differs.

Owns what it rendered last, and no more: the lines of one scrape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exporter.metrics.render import Fragment, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.metrics.family import Subject


@dataclass(frozen=True, slots=True)
class _Printed:
    """The data of one scrape, the lines of each element of it, and all of them together."""

    data: tuple[Any, ...]
    lines: tuple[Fragment, ...]
    whole: Fragment


class Reprint:
    """Renders one subject without common labels, whose data is a series of immutable things, each a row by itself."""

    def __init__(self, subject: Subject[Any, Any]) -> None:
        """Begin with nothing rendered."""
        self.subject = subject
        self._last = _Printed((), (), render(subject, ()))

    def render(self, read: Iterable[Any]) -> Fragment:
        """Return the very lines that rendering all that was read would give."""
        data, last = tuple(read), self._last
        if data == last.data:
            return last.whole
        if len(data) == len(last.data):
            pairs = zip(data, last.data, last.lines, strict=True)
            lines = tuple([line if one == old else render(self.subject, (one,)) for one, old, line in pairs])
        else:
            lines = tuple([render(self.subject, (one,)) for one in data])
        self._last = last = _Printed(data, lines, self._together(lines))  # at once: two threads may do this
        return last.whole

    def _together(self, lines: Sequence[Fragment]) -> Fragment:
        families = range(len(self.subject.families))
        return Fragment(
            tuple(b"".join([line.text[number] for line in lines]) for number in families),
            tuple(b"".join([line.openmetrics[number] for line in lines]) for number in families),
            sum(line.samples for line in lines),
        )

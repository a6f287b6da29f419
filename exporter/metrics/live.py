"""What is read at every scrape, and is mostly that of the scrape before.

Owns the data of the last scrape, and no more; how it is written is `render`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exporter.metrics.render import Scribe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.metrics.family import Subject
    from exporter.metrics.render import Fragment


class Live:
    """Renders one subject without common labels, whose data is a series of immutable things; for one thread."""

    def __init__(self, subject: Subject[Any, Any]) -> None:
        """Begin with nothing rendered."""
        self.subject = subject
        self._scribe = Scribe(subject, ())
        self._last: tuple[Any, ...] = ()
        self._fragment = self._scribe.render(())

    def render(self, read: Iterable[Any]) -> Fragment:
        """Return the very lines that rendering all that was read would give."""
        data = tuple(read)
        if data != self._last:
            self._fragment = self._scribe.render(self.subject.rows(data))
            self._last = data
        return self._fragment

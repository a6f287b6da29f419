"""How the series of an account have moved, kept in a temporary file until they are written one after the other.

The ledger tells entries by time, an exposition tells them by series: what lies between is as large as the ledger, and
therefore on disk. Memory holds a small buffer for each series.
"""

from __future__ import annotations

from decimal import Decimal
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Final, Self

from msgspec import Struct, field

from exporter.ledger import Sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

_BUFFERED: Final = 256
"""Changes of a series that wait in memory."""


class Track(Struct, kw_only=True):
    """One series: what it stood at when the period began, what it stands at, and where its changes lie in the file."""

    before: Sums
    sums: Sums
    waiting: list[str] = field(default_factory=list)
    extents: list[tuple[int, int]] = field(default_factory=list)


class Spool:
    """The changes of many series; a context manager, whose end removes the file. Raises `OSError` on a full disk."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def move(self, track: Track, at_ms: int, amounts: Iterable[Decimal]) -> None:
        """Add the entries of one moment, which must be later than the last one, to a series."""
        track.sums = sums = track.sums.plus(amounts)
        track.waiting.append(f"{at_ms} {sums.credited} {sums.debited} {sums.entries}\n")
        if len(track.waiting) >= _BUFFERED:
            self._flush(track)

    def changes(self, track: Track) -> Iterator[tuple[int, Sums]]:
        """Yield the moments (ms) at which a series moved, and what it stood at from then on."""
        self._flush(track)
        for offset, size in track.extents:
            self._file.seek(offset)
            for line in self._file.read(size).decode("ascii").splitlines():
                at_ms, credited, debited, entries = line.split()
                yield int(at_ms), Sums(credited=Decimal(credited), debited=Decimal(debited), entries=int(entries))

    def _flush(self, track: Track) -> None:
        if track.waiting:
            piece = "".join(track.waiting).encode("ascii")
            track.extents.append((self._file.seek(0, 2), len(piece)))
            self._file.write(piece)
            track.waiting.clear()

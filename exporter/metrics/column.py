"""What all accounts have of one subject: their pieces, and the lines of its families as long as those are the truth.

Owns one subject's part of a page. Not thread-safe but where it says so: the page holds the lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from exporter.metrics.blocks import Run, run_of
from exporter.metrics.render import Format, header

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.metrics.family import Subject
    from exporter.metrics.render import Fragment
    from exporter.metrics.shelf import Piece


@dataclass(frozen=True, slots=True)
class Laid:
    """The families of a subject that have lines, until the next change or until a piece runs out."""

    version: int
    expires_at: float
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A column at one moment: what it takes to lay it out while others go on changing it."""

    column: Column
    version: int
    pieces: tuple[Piece | None, ...]

    def laid(self, exposition: Format, now: float) -> Laid:
        """Return what is valid now, as it was laid out before if that is still the truth; any thread may ask."""
        known = self.column.laid.get(exposition)
        if known is not None and known.version == self.version and now < known.expires_at:
            return known
        valid = [piece for piece in self.pieces if piece is not None and piece.expires_at > now]
        expires_at = min([piece.expires_at for piece in valid], default=inf)
        fragments = [piece.fragment for piece in valid]
        laid = Laid(self.version, expires_at, runs_of(self.column.subject, fragments, exposition))
        self.column.laid = {**self._of_this_version(), exposition: laid}
        return laid

    def _of_this_version(self) -> Mapping[Format, Laid]:
        # What was laid out in the other format, and is not the truth any more, would only keep old pieces alive.
        return {name: laid for name, laid in self.column.laid.items() if laid.version == self.version}


class Column:
    """The pieces of one subject in the order of the accounts; `None` where there is nothing."""

    __slots__ = ("_pieces", "_version", "laid", "subject")

    def __init__(self, subject: Subject[Any, Any]) -> None:
        """Begin without accounts."""
        self.subject = subject
        self.laid: Mapping[Format, Laid] = {}
        self._pieces: dict[str, Piece | None] = {}
        self._version = 0

    def arrange(self, accounts: Iterable[str]) -> None:
        """Set the accounts and their order; pieces of others are dropped."""
        self._pieces = {name: self._pieces.get(name) for name in accounts}
        self._version += 1

    def place(self, account: str, piece: Piece | None, *, now: float) -> bool:
        """Exchange the piece of an account; return whether that changes the page."""
        old, self._pieces[account] = self._pieces[account], piece
        differs = old is not piece and (old is None or piece is None or _differs(old, piece, now=now))
        self._version += differs
        return differs

    def piece(self, account: str) -> Piece | None:
        """Return what an account has here."""
        return self._pieces.get(account)

    def view(self) -> View:
        """Return the column as it is."""
        return View(column=self, version=self._version, pieces=tuple(self._pieces.values()))


def _differs(old: Piece, new: Piece, *, now: float) -> bool:
    # The same bytes for longer: what is laid out stays the truth and need not be laid out again.
    return old.fragment != new.fragment or old.expires_at <= now or new.expires_at < old.expires_at


def runs_of(subject: Subject[Any, Any], fragments: Iterable[Fragment], exposition: Format) -> tuple[Run, ...]:
    """Return the families of a subject that have lines in any of the fragments."""
    if exposition is Format.TEXT:
        written = [fragment.text for fragment in fragments]
    else:
        written = [fragment.openmetrics for fragment in fragments]
    runs = []
    for index, family in enumerate(subject.families):
        lines = [parts[index] for parts in written]
        if any(lines):
            runs.append(run_of(header(family, exposition), lines))
    return tuple(runs)

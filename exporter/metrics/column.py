"""What all accounts have of one subject: their pieces, and the lines of its families as long as those are the truth.

Owns one subject's part of a page. Not thread-safe but where it says so: the page holds the lock.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import Struct

from exporter.metrics.blocks import Run, amended, run_of
from exporter.metrics.render import Format, header

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exporter.metrics.family import Family, Subject
    from exporter.metrics.render import Fragment
    from exporter.metrics.shelf import Piece

    _Lines: TypeAlias = Sequence[Sequence[bytes]]

_FEW: Final = 0.25
"""Where more than this share of the accounts has changed, families are quicker laid out from the beginning."""


class Laid(Struct, frozen=True):
    """The families of a subject until the next change or until a piece runs out.

    `written` are the lines of each fragment, family by family; a family without any has no run.
    """

    version: int
    expires_at: float
    written: _Lines
    families: tuple[Run | None, ...]

    @property
    def runs(self) -> Iterator[Run]:
        """The families that have lines."""
        return (run for run in self.families if run is not None)


class View(Struct, frozen=True, kw_only=True):
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
        written = _written([piece.fragment for piece in valid], exposition)
        laid = Laid(self.version, expires_at, written, _laid_out(self.column.subject, written, exposition, known))
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


def runs_of(subject: Subject[Any, Any], fragments: Iterable[Fragment], exposition: Format) -> Iterator[Run]:
    """Yield the families of a subject that have lines in any of the fragments."""
    runs = _laid_out(subject, _written(fragments, exposition), exposition)
    return (run for run in runs if run is not None)


def _written(fragments: Iterable[Fragment], exposition: Format) -> _Lines:
    if exposition is Format.TEXT:
        return [fragment.text for fragment in fragments]
    return [fragment.openmetrics for fragment in fragments]


def _laid_out(
    subject: Subject[Any, Any], written: _Lines, exposition: Format, known: Laid | None = None
) -> tuple[Run | None, ...]:
    """Return a run for each family, `None` for one without lines; what is `known` of them is not laid out again."""
    moved = None if known is None else _moved(known.written, written)
    if known is None or moved is None:
        return tuple([_run(family, index, written, exposition) for index, family in enumerate(subject.families)])
    runs = []
    for index, family in enumerate(subject.families):
        run, old = known.families[index], known.written
        lines = {place: written[place][index] for place in moved if written[place][index] is not old[place][index]}
        if lines:
            run = (run and amended(run, lines)) or _run(family, index, written, exposition)
        runs.append(run)
    return tuple(runs)


def _moved(old: _Lines, new: _Lines) -> Sequence[int] | None:
    """Return which places have other lines, or `None` where that is better not looked at family by family."""
    if len(old) != len(new):
        return None
    moved = [place for place, (one, other) in enumerate(zip(old, new, strict=True)) if one is not other]
    return moved if len(moved) < len(new) * _FEW else None


def _run(family: Family[Any], index: int, written: _Lines, exposition: Format) -> Run | None:
    lines = [parts[index] for parts in written]
    return run_of(header(family, exposition), lines) if any(lines) else None

"""Tables for terminals and pipes: columns as wide as they need, points below points; pure but for `put`.

Where a terminal is too narrow, columns go by their rank and names are cut, never numbers: a number that is cut off is
a wrong number. A pipe has no width.
"""

from __future__ import annotations

import sys
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GAP: Final = "  "
HEAD: Final = "bold"
_LEAST: Final = 12
"""Cells that an elastic column keeps before others go for its sake."""


class Column(Struct, frozen=True, kw_only=True):
    """A head and how the cells below it stand.

    `number` is flush right with the points below each other. `rank` says when the column goes: the greatest first, 0
    never. A cell of an `elastic` column may be cut, and then ends in `…`, or goes on in the next line if it `folds`.
    """

    head: str
    number: bool = False
    rank: int = 0
    elastic: bool = False
    folds: bool = False


def lay_out(columns: Sequence[Column], rows: Sequence[Sequence[Text]], *, width: int | None = None) -> list[Text]:
    """Return the lines of a table, the heads first; none is wider than `width` cells, if that is given."""
    cells = [[row[place] for row in rows] for place in range(len(columns))]
    cells = [_pointed(some) if one.number else some for one, some in zip(columns, cells, strict=True)]
    widths = [
        max([cell_len(one.head), *(cell.cell_len for cell in some)]) for one, some in zip(columns, cells, strict=True)
    ]
    kept = _kept(columns, widths, width)
    widths = widths if width is None else _trimmed(columns, widths, kept, width)
    lines = [[Text(one.head, style=HEAD) for one in columns]]
    lines += [line for row in range(len(rows)) for line in _folded(columns, [some[row] for some in cells], widths)]
    return [
        Text(GAP).join(_cell(line[place], widths[place], right=columns[place].number) for place in kept)
        for line in lines
    ]


def plain(lines: Iterable[Text]) -> str:
    """Return lines without colour and without blanks at their ends."""
    return "\n".join(line.plain.rstrip() for line in lines)


def put(lines: Iterable[Text]) -> None:
    """Print lines: with colour on a terminal that has it and wants it, else as plain text."""
    if sys.stdout.isatty():
        console = Console(highlight=False)
        for line in lines:
            line.rstrip()
            console.print(line, soft_wrap=True)
    else:
        print(writable(plain(lines)))


def writable(text: str) -> str:
    r"""Return a text that standard output can encode, with `\u....` for what it cannot."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def width_of_terminal() -> int | None:
    """Return how wide the terminal is, in cells; `None` where standard output is none."""
    return Console().width if sys.stdout.isatty() else None


def _kept(columns: Sequence[Column], widths: Sequence[int], width: int | None) -> list[int]:
    kept = list(range(len(columns)))
    while width is not None:
        least = [min(widths[place], _LEAST) if columns[place].elastic else widths[place] for place in kept]
        last = max(kept, key=lambda place: columns[place].rank)
        if sum(least) + len(GAP) * (len(kept) - 1) <= width or columns[last].rank == 0:
            break
        kept.remove(last)
    return kept


def _trimmed(columns: Sequence[Column], widths: Sequence[int], kept: Sequence[int], width: int) -> list[int]:
    """Take what is too much from the widest elastic column, cell by cell, so that they end up alike."""
    trimmed = list(widths)
    elastic = [place for place in kept if columns[place].elastic]
    over = sum(widths[place] for place in kept) + len(GAP) * (len(kept) - 1) - width
    while over > 0 and elastic:
        widest = max(elastic, key=trimmed.__getitem__)
        if trimmed[widest] <= 1:
            break
        trimmed[widest] -= 1
        over -= 1
    return trimmed


def _folded(columns: Sequence[Column], row: Sequence[Text], widths: Sequence[int]) -> list[list[Text]]:
    """Return a row as the lines that it takes."""
    parts = [
        [Text(part, style=cell.style) for part in wrap(cell.plain, width) or [""]]
        if one.folds and cell.cell_len > width
        else [cell]
        for one, cell, width in zip(columns, row, widths, strict=True)
    ]
    return [list(line) for line in zip_longest(*parts, fillvalue=Text())]


def _pointed(cells: Sequence[Text]) -> list[Text]:
    """Fill cells up at their right, so that their points are below each other when they are flush right."""
    tails = [len(cell.plain) - place if (place := cell.plain.rfind(".")) >= 0 else 0 for cell in cells]
    longest = max(tails, default=0)
    return [_filled(cell, longest - tail) for cell, tail in zip(cells, tails, strict=True)]


def _filled(cell: Text, count: int) -> Text:
    copy = cell.copy()
    copy.pad_right(count)
    return copy


def _cell(text: Text, width: int, *, right: bool) -> Text:
    cell = text.copy()
    cell.truncate(width, overflow="ellipsis")
    space = width - cell.cell_len
    if right:
        cell.pad_left(space)
    else:
        cell.pad_right(space)
    return cell

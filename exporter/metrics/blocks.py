"""How the lines of a page are divided: into blocks that stay the same where their lines do.

A reader that keeps something of a block (its compressed form) can use it again for an equal one. So a block ends with
a family, or at an account within a large one, never at a byte: a number that gets longer moves no other block. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

BLOCK_BYTES: Final = 1 << 17
"""The least that a block has, unless it is the last one; most have less than twice as much."""
_SMALL: Final = 512


class Block(Struct, frozen=True):
    """Whole lines in their order, not joined, and how many bytes they are."""

    parts: tuple[bytes, ...]
    size: int


class Run(Struct, frozen=True):
    """The lines of a family: its header, then a part for each account; and how many bytes each is."""

    parts: Sequence[bytes]
    sizes: Sequence[int]
    size: int


def run_of(header: bytes, lines: list[bytes]) -> Run:
    """Return the run of a family. Small parts are joined: a thousand of them are slower to handle than their bytes."""
    sizes = list(map(len, lines))
    size = sum(sizes) + len(header)
    if size < len(lines) * _SMALL:
        return Run((header + b"".join(lines),), (size,), size)
    return Run((header, *lines), (len(header), *sizes), size)


def amended(run: Run, lines: Mapping[int, bytes]) -> Run | None:
    """Return the run with other lines in those places, or `None` where it has to be made anew by `run_of`."""
    if len(run.parts) == 1:
        return None
    parts, sizes = list(run.parts), list(run.sizes)
    for place, line in lines.items():
        parts[place + 1] = line
        sizes[place + 1] = len(line)
    size = sum(sizes)
    return None if size < (len(parts) - 1) * _SMALL else Run(parts, sizes, size)


def blocks_of(runs: Iterable[Run], *, least: int = BLOCK_BYTES) -> Iterator[Block]:
    """Divide families into blocks of at least so many bytes."""
    parts: list[bytes] = []
    sizes: list[int] = []
    size = 0
    for run in runs:
        parts += run.parts
        sizes += run.sizes
        size += run.size
        if size >= least:
            yield from _cut(parts, sizes, size // least)
            parts, sizes, size = [], [], 0
    if parts:
        yield Block(tuple(parts), size)


def _cut(parts: list[bytes], sizes: list[int], count: int) -> Iterator[Block]:
    step = -(-len(parts) // count)
    for begin in range(0, len(parts), step):
        yield Block(tuple(parts[begin : begin + step]), sum(sizes[begin : begin + step]))

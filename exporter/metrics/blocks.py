"""How the lines of a page are divided: into blocks that stay the same where their lines do.

A reader that keeps something of a block (its compressed form) can use it again for an equal one. So a block ends with
a family, or at an account within a large one, never at a byte: a number that gets longer moves no other block. Pure.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

BLOCK_BYTES: Final = 1 << 17
"""What a block has, roughly: half of it at least, unless nothing small is next to it; most have less than twice it."""
_SMALL: Final = 512


class Block(Struct, frozen=True):
    """Whole lines in their order, not joined, and how many bytes they are."""

    parts: tuple[bytes, ...]
    size: int


class Run(Struct, frozen=True):
    """The lines of a family: its header, then a part for each account, `step` parts in each block but the last.

    Where `step` is 0 they are one text.
    """

    blocks: tuple[Block, ...]
    step: int


def run_of(header: bytes, lines: Sequence[bytes], *, least: int = BLOCK_BYTES) -> Run:
    """Return the run of a family. Small parts are joined: a thousand of them are slower to handle than their bytes."""
    size = sum(map(len, lines)) + len(header)
    if size < len(lines) * _SMALL:
        return Run((Block((header + b"".join(lines),), size),), 0)
    parts = (header, *lines)
    step = _step(len(parts), size, least)
    return Run(tuple([_block(parts[begin : begin + step]) for begin in range(0, len(parts), step)]), step)


def amended(run: Run, lines: Mapping[int, bytes], *, least: int = BLOCK_BYTES) -> Run | None:
    """Return the run with other lines in those places, or `None` where it has to be made anew by `run_of`.

    It is the very run that would be made, and its other blocks are those of before.
    """
    if run.step == 0:
        return None
    changed: dict[int, list[bytes]] = {}
    for place, line in lines.items():
        at, within = divmod(place + 1, run.step)
        if at not in changed:
            changed[at] = list(run.blocks[at].parts)
        changed[at][within] = line
    blocks = list(run.blocks)
    for at, parts in changed.items():
        blocks[at] = _block(parts)
    count, size = sum(len(block.parts) for block in blocks), sum(block.size for block in blocks)
    fits = size >= (count - 1) * _SMALL and _step(count, size, least) == run.step
    return Run(tuple(blocks), run.step) if fits else None


def blocks_of(runs: Iterable[Run], *, least: int = BLOCK_BYTES) -> Iterator[Block]:
    """Yield the blocks of some families in their order; small ones that are neighbours become one."""
    small: list[Block] = []
    size = 0
    for block in chain.from_iterable(run.blocks for run in runs):
        is_large = block.size >= least // 2
        if is_large or size >= least:
            yield from _merged(small)
            small, size = [], 0
        if is_large:
            yield block
        else:
            small.append(block)
            size += block.size
    yield from _merged(small)


def _merged(blocks: Sequence[Block]) -> Sequence[Block]:
    if not blocks[1:]:
        return blocks
    return [Block(tuple(chain.from_iterable(block.parts for block in blocks)), sum(block.size for block in blocks))]


def _step(count: int, size: int, least: int) -> int:
    return -(-count // max(1, size // least))


def _block(parts: Sequence[bytes]) -> Block:
    return Block(tuple(parts), sum(map(len, parts)))

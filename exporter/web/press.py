"""A page in gzip, of which only the blocks are compressed that differ from those of the page before.

Owns what it compressed last, for each content type that is asked for. A block becomes deflate data that ends at a byte
and looks back at nothing before itself (RFC 1951; a full flush), so that they can stand in a row. Together they are ONE
member of RFC 1952: bodies of several members are cut short without a word by some clients.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from isal import isal_zlib
from msgspec import Struct

from exporter.web.pieces import Parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exporter.web.site import Block

_FASTEST: Final = 1
_RAW: Final = -isal_zlib.MAX_WBITS
_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # deflate; no name, no time, no system
_LAST: Final = b"\x03\x00"  # an empty block that says it is the last one
_FORGOTTEN_AFTER: Final = 8
_GATHERED: Final = 1 << 17


class _Pressed(Struct, frozen=True):
    """A block, its compressed form, and the CRC-32 of what it was."""

    parts: tuple[bytes, ...]
    size: int
    deflated: bytes
    crc: int


class _Edition(Struct, frozen=True):
    blocks: tuple[_Pressed, ...]
    turn: int


class Press:
    """Compresses pages; one thread at a time.

    It holds the last page of each content type, and lets go of one that was not asked for in the last eight turns:
    that keeps the parts of an old page in memory.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._editions: dict[str, _Edition] = {}
        self._turn = 0

    def passed(self) -> None:
        """Take note of a turn: of a page that was asked for, compressed or not."""
        self._turn += 1
        self._forget()

    def gzip(self, content_type: str, blocks: Sequence[Block]) -> tuple[Parts, ...]:
        """Return blocks that together are one member of gzip with all that is in `blocks`."""
        self._turn += 1
        last = self._editions.get(content_type)
        known = () if last is None else last.blocks
        pressed = tuple(_pressed(block, old) for block, old in zip_longest(blocks, known[: len(blocks)]) if block)
        self._editions[content_type] = _Edition(pressed, self._turn)
        self._forget()
        return tuple(_gathered((_HEAD, *[block.deflated for block in pressed], _LAST, _trailer(pressed))))

    def _forget(self) -> None:
        oldest = self._turn - _FORGOTTEN_AFTER
        self._editions = {name: edition for name, edition in self._editions.items() if edition.turn > oldest}


def _pressed(block: Block, old: _Pressed | None) -> _Pressed:
    # Equal parts are mostly the same objects: then this compares no byte.
    if old is not None and old.parts == block.parts:
        return old
    plain = b"".join(block.parts)
    press = isal_zlib.compressobj(_FASTEST, isal_zlib.DEFLATED, _RAW)
    deflated = press.compress(plain) + press.flush(isal_zlib.Z_FULL_FLUSH)
    return _Pressed(block.parts, len(plain), deflated, isal_zlib.crc32(plain))


def _trailer(pressed: Sequence[_Pressed]) -> bytes:
    crc = size = 0
    for block in pressed:
        crc = isal_zlib.crc32_combine(crc, block.crc, block.size)
        size += block.size
    return crc.to_bytes(4, "little") + (size % (1 << 32)).to_bytes(4, "little")


def _gathered(parts: Iterable[bytes]) -> Iterator[Parts]:
    some: list[bytes] = []
    size = 0
    for part in parts:
        some.append(part)
        size += len(part)
        if size >= _GATHERED:
            yield Parts(*some)
            some, size = [], 0
    if some:
        yield Parts(*some)

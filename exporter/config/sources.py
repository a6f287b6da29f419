"""Which files a configuration was read from, and how each of them stood at that moment.

Owns the stamps by which a change is noticed without reading anything again. Holds no content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


class Stamp(NamedTuple):
    """What tells one state of a file from another: device, inode, time of change in nanoseconds, size in bytes."""

    device: int
    inode: int
    changed_ns: int
    size: int


def stamp(path: Path) -> Stamp | None:
    """Return how the file behind `path` stands now (links are followed), `None` if there is none to be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Stamp(found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)


def stamps(paths: Iterable[Path]) -> Mapping[Path, Stamp | None]:
    """Return how each of the files stands now."""
    return {path: stamp(path) for path in paths}


class Sources:
    """The files of one reading, each stamped before it was opened: what changes while it is read counts as changed."""

    def __init__(self) -> None:
        self._stamps: dict[Path, Stamp | None] = {}

    def opening(self, path: Path) -> None:
        """Take note of a file that is about to be opened."""
        self._stamps.setdefault(path, stamp(path))

    @property
    def stamps(self) -> Mapping[Path, Stamp | None]:
        """Return every file so far, with its stamp."""
        return dict(self._stamps)

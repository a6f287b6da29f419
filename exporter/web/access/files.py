"""Files that may change while the exporter runs: their stamps, and a bounded read."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.web.access.problems import Place

_LARGEST: Final = 1 << 20

Stamp: TypeAlias = tuple[int, ...]


def stamp(path: Path) -> Stamp:
    """Return what differs once the file has been written, replaced, removed or given to somebody else."""
    try:
        seen = path.stat()
    except OSError as error:
        return (error.errno or 0,)
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def read(path: Path, *, place: Place) -> bytes:
    """Return what the file holds; raises `WebConfigError` at `place` if it cannot be had, or is no plain file."""
    try:
        # Opening a pipe would wait for somebody to write into it.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - the descriptor needs its flags
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                place.refuse(f"{path} is not a plain file")
            content = file.read(_LARGEST + 1)
    except OSError as error:
        place.refuse(f"cannot read {path}: {error.strerror}")
    if len(content) > _LARGEST:
        place.refuse(f"{path} is larger than {_LARGEST} bytes")
    return content

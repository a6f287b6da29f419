"""The interpreter that has ccxt: an environment of its own, lest its many packages change what is measured.

Owns where that is; `make bench` makes it from requirements/bench.lock.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).resolve().parents[2] / "build" / "peers"
_COMPLETE: Final = ".installed"


def python_of_peers() -> Path | None:
    """Return the interpreter, or `None` if nobody has made it, or filled it."""
    return _FOLDER / "bin" / "python" if (_FOLDER / _COMPLETE).exists() else None

"""Threads that hand over the interpreter only when they want to: the worst that long work can do to the others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unforced() -> Iterator[None]:
    """Force no thread to hand over until the end of the block."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        yield
    finally:
        sys.setswitchinterval(before)

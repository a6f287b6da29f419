"""A piece of work during which Python looks for no cyclic garbage."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold the collector of cyclic garbage until the end of the block; for one thread at a time.

    A page is thousands of objects that are all gone when it is made. The collector would take them for objects that
    stay, and after a few pages look at all that the process has: while it does, no thread goes on.
    """
    if not gc.isenabled():  # whoever holds it may let it go meanwhile, and then it goes on
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

"""Durations as Go writes them: `1s`, `100ms`, `1m30s`; pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_SECONDS: Final = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_PIECE: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(" + "|".join(_SECONDS) + ")")
_LONGEST: Final = 64


def seconds(text: str) -> float | None:
    """Return a duration in seconds, or `None` if `text` is none; a negative one is none here, and `0` needs no unit."""
    if text == "0":
        return 0.0
    pieces = _PIECE.findall(text[:_LONGEST])
    if not pieces or "".join(number + unit for number, unit in pieces) != text:
        return None
    return float(sum(Decimal(number) * _SECONDS[unit] for number, unit in pieces))

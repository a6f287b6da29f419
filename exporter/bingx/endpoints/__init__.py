"""One file an endpoint: its parameters, the right it needs, and a pure `parse` from `data` to the nouns.

Venue spellings begin and end here. The list of paths is `exporter.bingx.paths`.
"""

from __future__ import annotations

from typing import Final

from exporter.bingx.paths import Endpoint

ENDPOINTS: Final[tuple[Endpoint, ...]] = tuple(Endpoint)

__all__ = ["ENDPOINTS", "Endpoint"]

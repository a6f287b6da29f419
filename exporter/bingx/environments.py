"""Where the exchange is reached: for trading with money and for its demo, a host each and a second one beside it.

The exchange documents the second for when the network does not lead to the first, and never as a way around an answer.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Hosts(Struct, frozen=True, kw_only=True):
    """The base URL that calls go to, and the one for when it cannot be reached (`None`: there is no other)."""

    first: str
    fallback: str | None = None


HOSTS: Final[Mapping[str, Hosts]] = MappingProxyType(
    {
        "live": Hosts(first="https://open-api.bingx.com", fallback="https://open-api.bingx.pro"),
        "vst": Hosts(first="https://open-api-vst.bingx.com", fallback="https://open-api-vst.bingx.pro"),
    }
)
"""Hosts by environment, as the exchange documents them; all serve the same paths and take the same keys."""

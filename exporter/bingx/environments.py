"""Where the exchange is reached: one host for trading with money, one for its demo."""

from __future__ import annotations

from typing import Final

BASE_URLS: Final = {
    "live": "https://open-api.bingx.com",
    "vst": "https://open-api-vst.bingx.com",
}
"""Base URL by environment; both serve the same paths, and the same key works on both."""

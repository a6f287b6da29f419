"""Commission rate: what the account pays, as fractions. Needs the right Perpetual Futures Trading. No parameters.

<https://bingx-api.github.io/docs/#/en-us/swapV2/account-api.html>
"""

from __future__ import annotations

from typing import Final

from exporter.bingx.errors import MalformedResponse
from exporter.bingx.wire import Drifts, Parsed, Row
from exporter.model import CommissionRate

_NESTED: Final = "commission"
_MAKER: Final = "makerCommissionRate"
_TAKER: Final = "takerCommissionRate"
_RATES: Final = frozenset((_MAKER, _TAKER))
_KNOWN: Final = _RATES | {_NESTED}


def parse(data: object) -> Parsed[CommissionRate]:
    """Read the rates, nested as on this endpoint or flat as on its sister; raises `MalformedResponse` without any."""
    drifts = Drifts()
    row = Row(data, _KNOWN, drifts)
    nested = row.raw(_NESTED)
    if nested is not None:
        row = Row(nested, _RATES, drifts, prefix=f"data.{_NESTED}")
    rate = CommissionRate(maker=row.maybe_decimal(_MAKER), taker=row.maybe_decimal(_TAKER))
    if rate.maker is None and rate.taker is None:
        raise MalformedResponse(detail="has neither a maker nor a taker rate", path="data")
    return drifts.parsed(rate)

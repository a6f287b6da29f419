"""Server time: the exchange's clock. Public: no key, no signature, no parameters.

<https://bingx-api.github.io/docs/#/en-us/swapV2/base-info.html>
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.bingx.wire import Drifts, Parsed, Row

if TYPE_CHECKING:
    from datetime import datetime

_SERVER_TIME: Final = "serverTime"
_KNOWN: Final = frozenset((_SERVER_TIME,))


def parse(data: object) -> Parsed[datetime]:
    """Read the time, aware UTC; raises `MalformedResponse` if there is none."""
    drifts = Drifts()
    return drifts.parsed(Row(data, _KNOWN, drifts).time(_SERVER_TIME))

"""Income export: the fund flow as a workbook. Needs the right Perpetual Futures Trading. Parameters as for income.

The exchange documents neither content type nor columns: a workbook is known by its first bytes. Errors come as the
usual envelope in its place.
<https://bingx-api.github.io/docs/#/en-us/swapV2/account-api.html>
"""

from __future__ import annotations

from typing import Final

from exporter.bingx.envelope import unwrap
from exporter.bingx.errors import MalformedResponse
from exporter.bingx.paths import Endpoint

_XLSX: Final = b"PK\x03\x04"
_XLS: Final = bytes.fromhex("D0CF11E0")


def parse(body: bytes, *, status: int = 200) -> bytes:
    """Return the workbook as it came; raises what an envelope in its place tells, else `MalformedResponse`."""
    is_workbook = body.startswith((_XLSX, _XLS))
    if is_workbook and status in range(200, 300):
        return body
    if status in range(200, 300) and not body.lstrip(b"\0 \t\r\n\xef\xbb\xbf").startswith(b"{"):
        raise MalformedResponse(detail="the answer is no workbook", endpoint=Endpoint.INCOME_EXPORT)
    unwrap(status, body, endpoint=Endpoint.INCOME_EXPORT)
    raise MalformedResponse(detail="the answer is an envelope, not a workbook", endpoint=Endpoint.INCOME_EXPORT)

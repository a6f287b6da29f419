"""The only paths that this house ever asks for. All of them read; none can place, change or cancel anything.

This file owns the list and nothing else: what cannot be named here cannot be sent.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Endpoint(StrEnum):
    """An endpoint of the exchange, by the name it has in metrics, logs and fixtures."""

    path: str
    signed: bool
    flat: bool
    __hash__ = str.__hash__  # as it compares; an enum's own is by the name of the member, and slow where all look up

    def __new__(cls, name: str, path: str, signed: bool = True, flat: bool = False) -> Self:  # noqa: FBT001, FBT002 - an enum's row
        """Make a member whose value is its name; the rest rides along. A `flat` answer has no `data`."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.path = path
        member.signed = signed
        member.flat = flat
        return member

    BALANCE = "balance", "/openApi/swap/v3/user/balance"
    POSITIONS = "positions", "/openApi/swap/v2/user/positions"
    INCOME = "income", "/openApi/swap/v2/user/income"
    INCOME_EXPORT = "income_export", "/openApi/swap/v2/user/income/export"
    COMMISSION_RATE = "commission_rate", "/openApi/swap/v2/user/commissionRate"
    PERMISSIONS = "permissions", "/openApi/v1/account/apiPermissions", True, True
    SERVER_TIME = "server_time", "/openApi/swap/v2/server/time", False

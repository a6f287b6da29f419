"""The seven paths of the exchange that exist here, with the right each needs and the parameters each knows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

READ: Final = "Read"
TRADE: Final = "Perpetual Futures Trading"

_COMMON: Final = frozenset({"timestamp", "recvWindow"})
_INCOME: Final = _COMMON | {"symbol", "incomeType", "startTime", "endTime", "limit", "currency"}


class Name(StrEnum):
    """What an endpoint is called in the control calls."""

    BALANCE = "balance"
    POSITIONS = "positions"
    INCOME = "income"
    INCOME_EXPORT = "income_export"
    COMMISSION_RATE = "commission_rate"
    PERMISSIONS = "permissions"
    SERVER_TIME = "server_time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One path; `right` is `None` where no key is needed."""

    name: Name
    path: str
    right: str | None
    parameters: frozenset[str]


ENDPOINTS: Final = (
    Endpoint(name=Name.BALANCE, path="/openApi/swap/v3/user/balance", right=READ, parameters=_COMMON),
    Endpoint(
        name=Name.POSITIONS,
        path="/openApi/swap/v2/user/positions",
        right=READ,
        parameters=_COMMON | {"symbol", "currency"},
    ),
    Endpoint(name=Name.INCOME, path="/openApi/swap/v2/user/income", right=TRADE, parameters=_INCOME),
    Endpoint(
        name=Name.INCOME_EXPORT,
        path="/openApi/swap/v2/user/income/export",
        right=TRADE,
        parameters=_INCOME - {"currency"},
    ),
    Endpoint(
        name=Name.COMMISSION_RATE,
        path="/openApi/swap/v2/user/commissionRate",
        right=TRADE,
        parameters=_COMMON,
    ),
    Endpoint(name=Name.PERMISSIONS, path="/openApi/v1/account/apiPermissions", right=READ, parameters=_COMMON),
    Endpoint(name=Name.SERVER_TIME, path="/openApi/swap/v2/server/time", right=None, parameters=_COMMON),
)


def find_endpoint(method: str, path: str) -> Endpoint | None:
    """Return the endpoint behind a method and a path; only GET leads anywhere."""
    if method != "GET":
        return None
    return next((endpoint for endpoint in ENDPOINTS if endpoint.path == path), None)

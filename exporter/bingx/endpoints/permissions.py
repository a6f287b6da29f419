"""Permissions: what the key may do, and whether it is bound to addresses. Needs the right Read. No parameters.

The fields stand beside the code, without `data`. The answer repeats the key and lists its addresses and its note: none
of them is read, nor shown in an error or a drift, not even as the name of a field.
<https://bingx-api.github.io/docs/#/en-us/common/account-api.html>
"""

from __future__ import annotations

from typing import Final

from exporter.bingx.errors import MalformedResponse, redact
from exporter.bingx.wire import BAD_VALUE, UNKNOWN_FIELD, Drifts, Parsed
from exporter.model import KeyPermissions

_RIGHTS: Final = "permissions"
_ADDRESSES: Final = "ipAddresses"
_KNOWN: Final = frozenset((_RIGHTS, _ADDRESSES, "apiKey", "note"))
_SPOT: Final = 1
_READ: Final = 2
_TRADE: Final = 3
_WITHDRAW: Final = 5
_TRANSFERS: Final = frozenset((4, 7))  # universal, and between sub-accounts
_ALL: Final = frozenset((_SPOT, _READ, _TRADE, _WITHDRAW)) | _TRANSFERS
_NAME_LENGTH: Final = 64
_AS_TEXT: Final = {str(right): right for right in range(100)}


def parse(data: object) -> Parsed[KeyPermissions]:
    """Read the rights; raises `MalformedResponse` if one cannot be read: left out it would look safe."""
    if type(data) is not dict:
        raise MalformedResponse(detail="the answer has no fields")
    drifts = Drifts()
    for name in sorted(data.keys() - _KNOWN):
        drifts.add(UNKNOWN_FIELD, redact(name)[:_NAME_LENGTH])
    rights = _rights(data.get(_RIGHTS))
    if rights - _ALL:
        drifts.add(BAD_VALUE, f"{_RIGHTS}[]")
    return drifts.parsed(
        KeyPermissions(
            read=_READ in rights,
            trade=_TRADE in rights,
            withdraw=_WITHDRAW in rights,
            transfer=not rights.isdisjoint(_TRANSFERS),
            spot=_SPOT in rights,
            ip_restricted=_is_restricted(data.get(_ADDRESSES), drifts),
        )
    )


def _rights(raw: object) -> frozenset[int]:
    if type(raw) is not list or not raw:
        raise MalformedResponse(detail="is no list of rights", path=_RIGHTS)
    rights = [_AS_TEXT.get(right) if type(right) is str else right for right in raw]
    if not all(type(right) is int for right in rights):
        raise MalformedResponse(detail="has what is no right", path=f"{_RIGHTS}[]")
    return frozenset(right for right in rights if type(right) is int)


def _is_restricted(raw: object, drifts: Drifts) -> bool | None:
    """Tell whether any address is listed; an empty text is none."""
    if raw is None:
        return None
    if type(raw) is not list or not all(type(address) is str for address in raw):
        drifts.add(BAD_VALUE, _ADDRESSES)
        return None
    return any(address.strip() for address in raw)

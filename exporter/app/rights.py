"""What a key could do beyond what an exporter needs, in words; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.model import CollectorName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from exporter.model import KeyPermissions

_NEED_TRADE: Final = frozenset((CollectorName.INCOME, CollectorName.COMMISSION_RATE, CollectorName.RECONCILIATION))


def powers(permissions: KeyPermissions) -> str:
    """Say what the key could do beside reading, and from where: "could trade, not bound to addresses"."""
    could = (
        ("could trade", permissions.trade),
        ("could withdraw", permissions.withdraw),
        ("could transfer", permissions.transfer),
        ("could trade spot", permissions.spot),
        ("not bound to addresses", permissions.ip_restricted is False),
    )
    return ", ".join(words for words, applies in could if applies) or "only reads"


def mend(permissions: KeyPermissions, enabled: Collection[CollectorName]) -> str:
    """Say how to make the key safer, given the collectors that it serves; "" if there is nothing to do."""
    return "; ".join(_steps(permissions, enabled))


def _steps(permissions: KeyPermissions, enabled: Collection[CollectorName]) -> Iterator[str]:
    needless = (
        ("Perpetual Futures Trading", permissions.trade and _NEED_TRADE.isdisjoint(enabled)),
        ("Withdraw", permissions.withdraw),
        ("Transfer", permissions.transfer),
        ("Spot Trading", permissions.spot),
    )
    names = [f"`{name}`" for name, applies in needless if applies]
    if names:
        yield f"the exporter has no use for {', '.join(names)}: make a key without"
    if permissions.ip_restricted is False:
        yield "bind the key to the address of the exporter, so that it is worth nothing elsewhere"

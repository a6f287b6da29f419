"""Fee families: what a trade costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.metrics.family import Family, Labelled, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from exporter.model import CommissionRate


def _liquidities(rate: CommissionRate) -> Iterable[Labelled[Decimal | None]]:
    return ((("maker",), rate.maker), (("taker",), rate.taker))


COMMISSION: Final[Subject[CommissionRate, Decimal | None]] = Subject(
    name="commission_rate",
    source="the commissionRate call",
    labels=("liquidity",),
    rows=_liquidities,
    families=(
        Family(
            name="bingx_commission_rate",
            help="Trading fee as a fraction of the traded value "
            "(`makerCommissionRate` and `takerCommissionRate` of the commissionRate call).",
            value=lambda rate: rate,
        ),
    ),
)

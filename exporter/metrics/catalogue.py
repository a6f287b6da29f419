"""Every subject that is rendered here, in the order of the page; the one list that docs and tests are held to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from exporter.metrics import account, api, fees, health, income, position, reconciliation

if TYPE_CHECKING:
    from exporter.metrics.family import Subject

ACCOUNT_SUBJECTS: Final[tuple[Subject[Any, Any], ...]] = (
    health.UP,
    health.COLLECTOR,
    health.FAILURES,
    health.CUT,
    account.INFO,
    account.KEY,
    account.BALANCE,
    position.OPEN,
    fees.COMMISSION,
    income.PROGRESS,
    income.SURPRISES,
    reconciliation.RECONCILIATION,
    position.POSITION,
    income.TOTALS,
)
"""Rendered per account, when its data changes; where not all may stand on the page, the later ones give way."""

SCRAPE_SUBJECTS: Final[tuple[Subject[Any, Any], ...]] = (api.BUDGET, api.OFFSET)
"""Rendered at the scrape, since they change by themselves."""

SUBJECTS: Final = (*ACCOUNT_SUBJECTS, *SCRAPE_SUBJECTS)

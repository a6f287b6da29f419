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
    account.INFO,
    account.KEY,
    account.BALANCE,
    position.OPEN,
    position.POSITION,
    fees.COMMISSION,
    income.PROGRESS,
    income.SURPRISES,
    income.TOTALS,
    reconciliation.RECONCILIATION,
)
"""Rendered per account, when its data changes."""

SCRAPE_SUBJECTS: Final[tuple[Subject[Any, Any], ...]] = (api.BUDGET, api.OFFSET)
"""Rendered at the scrape, since they change by themselves."""

SUBJECTS: Final = (*ACCOUNT_SUBJECTS, *SCRAPE_SUBJECTS)

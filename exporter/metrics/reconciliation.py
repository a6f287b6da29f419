"""Reconciliation families: what the exchange's own workbook says beyond the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.metrics.family import Family, Labelled, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.model import IncomeDifference, IncomeReconciliation


def _differences(comparison: IncomeReconciliation) -> Iterable[Labelled[IncomeDifference]]:
    return (((one.asset, one.income_type), one) for one in comparison.differences)


RECONCILIATION: Final[Subject[IncomeReconciliation, IncomeDifference]] = Subject(
    name="income_reconciliation",
    source="the workbook of the income/export call, and the ledger",
    labels=("asset", "income_type"),
    rows=_differences,
    families=(
        Family(
            name="bingx_income_reconciliation_difference",
            help="Income in the exchange's workbook minus that in the ledger over the compared period, in units of the "
            "asset; 0 when they agree.",
            value=lambda one: one.amount,
        ),
        Family(
            name="bingx_income_reconciliation_differing_rows",
            help="Rows of the compared period that only the exchange's workbook or only the ledger has.",
            value=lambda one: one.rows,
        ),
    ),
)

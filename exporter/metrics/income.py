"""Income families: totals of the ledger, split by sign so that they are true counters, and how far it has read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.metrics.family import Family, Kind, Labelled, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.model import IncomeState, IncomeTotal


def _totals(state: IncomeState) -> Iterable[Labelled[IncomeTotal]]:
    return (((total.asset, total.symbol, total.income_type), total) for total in state.totals)


TOTALS: Final[Subject[IncomeState, IncomeTotal]] = Subject(
    name="income_totals",
    source="the ledger of the income call",
    labels=("asset", "symbol", "income_type"),
    rows=_totals,
    rank=lambda total: total.created_at,
    keeps=True,
    families=(
        Family(
            name="bingx_income_credited_total",
            help="Income received since the epoch of the ledger, in units of the asset: the sum of positive entries "
            "(`income` of the income call).",
            kind=Kind.COUNTER,
            value=lambda total: total.credited,
            created=lambda total: total.created_at,
        ),
        Family(
            name="bingx_income_debited_total",
            help="Income paid since the epoch of the ledger, in units of the asset: the sum of negative entries "
            "without their sign (`income` of the income call).",
            kind=Kind.COUNTER,
            value=lambda total: total.debited,
            created=lambda total: total.created_at,
        ),
        Family(
            name="bingx_income_entries_total",
            help="Income entries in the ledger since its epoch, each counted once.",
            kind=Kind.COUNTER,
            value=lambda total: total.entries,
            created=lambda total: total.created_at,
        ),
    ),
)


def _whole(state: IncomeState) -> Iterable[Labelled[IncomeState]]:
    return (((), state),)


PROGRESS: Final[Subject[IncomeState, IncomeState]] = Subject(
    name="income_progress",
    source="the ledger of the income call",
    rows=_whole,
    families=(
        Family(
            name="bingx_income_complete",
            help="Whether every entry between the epoch and the watermark is in the ledger (1 = yes, 0 = no).",
            value=lambda state: int(state.complete),
        ),
        Family(
            name="bingx_income_baseline_progress_ratio",
            help="Share of the time between the epoch and the first start that has been read; "
            "counters appear when it is 1.",
            value=lambda state: state.baseline_ratio,
            unit="ratio",
        ),
        Family(
            name="bingx_income_watermark_timestamp_seconds",
            help="Up to when the income has been read without a gap, in seconds since 1970.",
            value=lambda state: None if state.watermark is None else state.watermark.timestamp(),
            unit="seconds",
        ),
        Family(
            name="bingx_income_epoch_timestamp_seconds",
            help="Since when the income counters count, in seconds since 1970; pinned at the first start.",
            value=lambda state: state.epoch.timestamp(),
            unit="seconds",
        ),
    ),
)


SURPRISES: Final[Subject[IncomeState, IncomeState]] = Subject(
    name="income_surprises",
    source="the ledger of the income call",
    rows=_whole,
    families=(
        Family(
            name="bingx_income_late_entries_total",
            help="Entries that turned up after their time had been read; they are in the ledger all the same.",
            kind=Kind.COUNTER,
            value=lambda state: state.late,
        ),
        Family(
            name="bingx_income_amended_entries_total",
            help="Entries that the exchange later showed with another content; the ledger keeps what it had.",
            kind=Kind.COUNTER,
            value=lambda state: state.amended,
        ),
        Family(
            name="bingx_income_vanished_entries_total",
            help="Entries that the exchange no longer shows; the ledger keeps them.",
            kind=Kind.COUNTER,
            value=lambda state: state.vanished,
        ),
    ),
)

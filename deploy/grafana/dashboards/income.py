"""The dashboard of income: what came in and went out, by type, day and symbol, from the totals of the ledger."""

from __future__ import annotations

from typing import Final

from deploy.grafana.dashboards import limits, promql
from deploy.grafana.dashboards.panels import Board, Column, Graph, Query, Section, Stat, Style, Table, Unit

_ALL: Final = 'income_type=~".+"'
_RESULT: Final = promql.ALL_BUT_TRANSFERS
_REALIZED: Final = 'income_type="REALIZED_PNL"'
_FUNDING: Final = 'income_type="FUNDING_FEE"'
_FEES: Final = 'income_type="TRADING_FEE"'
_TRANSFERS: Final = 'income_type="TRANSFER"'
_NOTHING: Final = "Empty: no such entry is known, or the history is still being read."
_SUM: Final = "asset"


def _account(name: str) -> str:
    return promql.highest(name, promql.ACCOUNT, promql.PER_ACCOUNT)


def _total(title: str, types: str, text: str, alerts: tuple[str, ...] = ()) -> Stat:
    return Stat(
        title=f"{title} ($asset)",
        description=f"{text} In the chosen time, of the chosen accounts and symbols together, in units of the "
        f"asset. {_NOTHING}",
        queries=(Query(promql.net(_SUM, types), title),),
        unit=Unit.MONEY,
        width=4,
        steps=limits.SIGN,
        alerts=alerts,
    )


_CHOSEN: Final = Section(
    "In the chosen time",
    (
        _total("Net", _RESULT, "All income but transfers."),
        _total("Realised PnL", _REALIZED, "Of closed positions, before fees.", ("BingxFirstLoss", "BingxLiquidated")),
        _total("Funding", _FUNDING, "Received less paid.", ("BingxDailyCostHigh",)),
        _total("Fees", _FEES, "Trading fees; what was paid is negative.", ("BingxDailyCostHigh",)),
        _total("Transfers", _TRANSFERS, "Put into the futures account, less taken out of it."),
        Stat(
            title="Entries",
            description=f"How many income entries were read in the chosen time. {_NOTHING}",
            queries=(Query(f"sum({promql.flow('entries', _ALL)})", "entries"),),
            unit=Unit.PLAIN,
            width=4,
        ),
    ),
)


def _side(part: str, types: str, sign: str = "") -> str:
    return f"{sign}sum by ({_SUM}) ({promql.flow(part, types, days=True)})"


_BY_DAY: Final = Section(
    "By day",
    (
        Graph(
            title="Income by type and day ($asset)",
            description="Net of each income type but transfers, a bar a UTC day, in units of the asset. A day "
            "ends with what "
            f"Prometheus has scraped of it; the first day begins with the first scrape. {_NOTHING}",
            queries=(Query(promql.net("income_type", _RESULT, days=True), "{{income_type}}"),),
            unit=Unit.MONEY,
            width=24,
            height=9,
            style=Style.DAYS,
        ),
        Graph(
            title="Funding by day ($asset)",
            description=f"Received above zero, paid below, a bar a UTC day, in units of the asset. {_NOTHING}",
            queries=(
                Query(_side("credited", _FUNDING), "received"),
                Query(_side("debited", _FUNDING, "-"), "paid"),
            ),
            unit=Unit.MONEY,
            width=12,
            style=Style.DAYS,
            alerts=("BingxDailyCostHigh",),
        ),
        Graph(
            title="Trading fees by day ($asset)",
            description=f"Paid less given back, a bar a UTC day, in units of the asset. {_NOTHING}",
            queries=(Query(f"-({promql.net('account', _FEES, days=True)})", "{{account}}"),),
            unit=Unit.MONEY,
            width=12,
            style=Style.DAYS,
            alerts=("BingxDailyCostHigh", "BingxCommissionRateChanged"),
        ),
    ),
)

_CUMULATIVE: Final = Section(
    "Since the epoch of the ledger",
    (
        Graph(
            title="Net, cumulative ($asset)",
            description="All income but transfers of each account since the epoch, in units of the asset. It "
            "goes on after a "
            f"restart, and knows what came in before Prometheus did. {_NOTHING}",
            queries=(Query(promql.net("account", _RESULT, grown=False), "{{account}}"),),
            unit=Unit.MONEY,
            width=12,
        ),
        Graph(
            title="By type, cumulative ($asset)",
            description="Net of each income type since the epoch, of the chosen accounts together, in units of "
            "the asset. "
            f"{_NOTHING}",
            queries=(Query(promql.net("income_type", _ALL, grown=False), "{{income_type}}"),),
            unit=Unit.MONEY,
            width=12,
        ),
    ),
)


def _symbol(types: str) -> str:
    return promql.net("symbol", f'{types}, symbol!=""')


_BY_SYMBOL: Final = Table(
    title="By symbol in the chosen time ($asset)",
    description="Net income of each symbol, of the chosen accounts together, in units of the asset. Income that "
    "belongs to "
    f"no symbol is left out. {_NOTHING}",
    width=24,
    height=9,
    sort_by="Net",
    empty="-",
    columns=(
        Column(name="Symbol", label="symbol"),
        Column(name="Net", expr=_symbol(_RESULT), unit=Unit.MONEY, steps=limits.SIGN),
        Column(name="Realised PnL", expr=_symbol(_REALIZED), unit=Unit.MONEY, steps=limits.SIGN),
        Column(name="Funding", expr=_symbol(_FUNDING), unit=Unit.MONEY, steps=limits.SIGN),
        Column(name="Fees", expr=_symbol(_FEES), unit=Unit.MONEY, steps=limits.SIGN),
    ),
)

_TRUST: Final = Section(
    "Can it be trusted",
    (
        Stat(
            title="Complete",
            description="Whether every entry between the epoch and the watermark is in the ledger. Empty: income "
            "was never "
            "read, or too long ago.",
            queries=(Query(promql.lowest("bingx_income_complete", promql.ACCOUNT, "account"), "{{account}}"),),
            unit=Unit.PLAIN,
            width=6,
            steps=limits.SHOULD_BE_ONE,
            words=((0, "no"), (1, "yes")),
            alerts=("BingxIncomeIncomplete",),
        ),
        Stat(
            title="Behind",
            description="Seconds since the time up to which the income has been read without a gap. Empty: "
            "income was never "
            "read, or too long ago.",
            queries=(Query(f"time() - {_account('bingx_income_watermark_timestamp_seconds')}", "{{account}}"),),
            unit=Unit.SECONDS,
            width=6,
            steps=limits.INCOME_BEHIND,
            alerts=("BingxIncomeBehind",),
        ),
        Stat(
            title="Epoch",
            description="Since when everything is counted, pinned at the first start. Empty: income was never read.",
            queries=(Query(f"1000 * {_account('bingx_income_epoch_timestamp_seconds')}", "{{account}}"),),
            unit=Unit.DAY,
            width=6,
        ),
        Stat(
            title="History read",
            description="Share of the time between the epoch and the first start that has been read; counters "
            "appear when all "
            "of it has. Empty: income was never read, or too long ago.",
            queries=(Query(_account("bingx_income_baseline_progress_ratio"), "{{account}}"),),
            unit=Unit.SHARE,
            width=6,
            steps=limits.SHOULD_BE_ONE,
        ),
        Graph(
            title="Late, amended and vanished entries",
            description="Entries since the start of the ledger that came after their time had been read, that "
            "the exchange "
            "showed again with another content, or no longer shows. Empty: income was never read.",
            queries=tuple(
                Query(_account(f"bingx_income_{what}_entries_total"), f"{{{{account}}}} {what}")
                for what in ("late", "amended", "vanished")
            ),
            unit=Unit.PLAIN,
            width=12,
        ),
        Graph(
            title="Reconciliation",
            description="Workbook of the exchange less ledger, by income type in units of its asset, and rows "
            "that only one of "
            "them has; all should be 0. Empty: the reconciliation collector is off, as it is by default, or has "
            "not run.",
            queries=(
                Query(
                    promql.highest(
                        "bingx_income_reconciliation_difference", promql.MONEY, "account, asset, income_type"
                    ),
                    "{{account}} {{income_type}} amount",
                ),
                Query(
                    promql.highest(
                        "bingx_income_reconciliation_differing_rows", promql.MONEY, "account, asset, income_type"
                    ),
                    "{{account}} {{income_type}} rows",
                ),
            ),
            unit=Unit.PLAIN,
            width=12,
            alerts=("BingxReconcileDifference",),
        ),
    ),
)

BOARD: Final = Board(
    uid="bingx-income",
    title="BingX / Income",
    description="Realised PnL, funding, fees and transfers by type, UTC day and symbol, from the totals of the ledger.",
    sections=(_CHOSEN, _BY_DAY, _CUMULATIVE, Section("By symbol", (_BY_SYMBOL,)), _TRUST),
    span="now-30d",
    refresh="5m",
    timezone="utc",
)

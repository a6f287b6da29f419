"""The dashboard of all accounts: who is near the edge, and whether the numbers are fresh."""

from __future__ import annotations

from typing import Final

from deploy.grafana.dashboards import limits, promql
from deploy.grafana.dashboards.panels import Board, Column, Graph, Query, Section, Stat, Table, Unit

_WATCHED: Final = "balance|positions"
_UP: Final = promql.highest("bingx_up", promql.ACCOUNT, promql.PER_ACCOUNT)
_POSITIONS: Final = promql.highest("bingx_positions", promql.ACCOUNT, promql.PER_ACCOUNT)
_OVERDUE: Final = promql.overdue(_WATCHED)
_RISK: Final = promql.position("risk_ratio")
_UP_WORDS: Final = ((0, "down"), (1, "up"))


def _each(how: str, expr: str) -> str:
    return f"{how} by (account) ({expr})"


_NOW: Final = Section(
    "Now",
    (
        Stat(
            title="Accounts",
            description="Whether the last call of any collector of the account succeeded. Empty: no exporter is "
            "scraped.",
            queries=(Query(_UP, "{{account}}"),),
            unit=Unit.PLAIN,
            width=6,
            steps=limits.SHOULD_BE_ONE,
            words=_UP_WORDS,
            alerts=("BingxAccountAbsent", "BingxExporterAbsent", "BingxShardAbsent"),
        ),
        Stat(
            title="Equity ($asset)",
            description="Equity of the chosen accounts together, in units of the asset: balance and unrealised PnL. "
            "Empty: the balance of one of them is not fresh.",
            queries=(Query(promql.funds_together("equity"), "equity"),),
            unit=Unit.MONEY,
            width=4,
            alerts=("BingxEquityDrop",),
        ),
        Stat(
            title="Unrealised PnL ($asset)",
            description="Of all open positions of the chosen accounts, in units of the asset; a loss is negative. "
            "Empty: the balance of one of them is not fresh.",
            queries=(Query(promql.funds_together("unrealized_pnl"), "PnL"),),
            unit=Unit.MONEY,
            width=4,
            steps=limits.SIGN,
            alerts=("BingxUnrealizedLossLarge",),
        ),
        Stat(
            title="Nearest liquidation",
            description="The smallest way from mark price to liquidation price of any position, as a share of "
            "the mark. "
            "Empty: no position has a liquidation price.",
            queries=(Query(f"min({promql.distance()})", "distance"),),
            unit=Unit.SHARE,
            width=3,
            steps=limits.DISTANCE,
            alerts=("BingxLiquidationNear",),
            empty="none",
        ),
        Stat(
            title="Highest risk ratio",
            description="By the exchange's own measure; it liquidates at 100 %. Empty: no open position.",
            queries=(Query(f"max({_RISK})", "risk"),),
            unit=Unit.SHARE,
            width=3,
            steps=limits.RISK,
            alerts=("BingxRiskRatioHigh",),
            empty="none",
        ),
        Stat(
            title="Overdue",
            description="Seconds since balance or positions of any account left the page for being older than three "
            "intervals; 0 is in time, endless is never read. The alert fires at 60. Empty: no exporter is scraped.",
            queries=(Query(f"max({_OVERDUE})", "overdue"),),
            unit=Unit.SECONDS,
            width=4,
            steps=limits.OVERDUE,
            alerts=("BingxDataStale",),
        ),
    ),
)

_TABLE: Final = Table(
    title="Accounts ($asset)",
    description="One row an account; money in units of the asset, shares of the equity. A cell is empty where a "
    "number is "
    "not known, too old, or where there is no position. A click on a name opens the account.",
    width=24,
    height=9,
    sort_by="Nearest liquidation",
    empty="-",
    alerts=("BingxMarginUsedHigh", "BingxConcentrationHigh"),
    columns=(
        Column(name="Account", label="account", board="bingx-account"),
        Column(name="State", expr=_UP, words=_UP_WORDS, steps=limits.SHOULD_BE_ONE),
        Column(name="Equity", expr=_each("max", promql.funds("equity")), unit=Unit.MONEY),
        Column(
            name="Unrealised PnL",
            expr=_each("min", promql.funds("unrealized_pnl")),
            unit=Unit.MONEY,
            steps=limits.SIGN,
        ),
        Column(name="Loss", expr=_each("max", promql.loss()), unit=Unit.SHARE, steps=limits.LOSS),
        Column(name="Margin used", expr=_each("max", promql.margin_used()), unit=Unit.SHARE, steps=limits.MARGIN_USED),
        Column(name="Leverage", expr=_each("max", promql.effective_leverage()), unit=Unit.PLAIN, steps=limits.LEVERAGE),
        Column(name="Positions", expr=_POSITIONS),
        Column(
            name="Nearest liquidation",
            expr=_each("min", promql.distance()),
            unit=Unit.SHARE,
            steps=limits.DISTANCE,
        ),
        Column(name="Highest risk", expr=_each("max", _RISK), unit=Unit.SHARE, steps=limits.RISK),
        Column(name="Age", expr=_each("max", promql.age(_WATCHED)), unit=Unit.SECONDS),
        Column(name="Overdue", expr=_each("max", _OVERDUE), unit=Unit.SECONDS, steps=limits.OVERDUE),
    ),
)

_COURSE: Final = Section(
    "Course",
    (
        Graph(
            title="Equity ($asset)",
            description="Equity of each account in units of the asset. Gaps: the balance was too old.",
            queries=(Query(promql.funds("equity"), "{{account}}"),),
            unit=Unit.MONEY,
            width=12,
            alerts=("BingxEquityDrop",),
        ),
        Graph(
            title="Unrealised PnL ($asset)",
            description="Of all open positions of each account, in units of the asset. Gaps: the balance was too old.",
            queries=(Query(promql.funds("unrealized_pnl"), "{{account}}"),),
            unit=Unit.MONEY,
            width=12,
            alerts=("BingxUnrealizedLossLarge",),
        ),
        Graph(
            title="Margin used",
            description="Used margin as a share of the equity of each account. Gaps: the balance was too old.",
            queries=(Query(promql.margin_used(), "{{account}}"),),
            unit=Unit.SHARE,
            width=12,
            steps=limits.MARGIN_USED,
            alerts=("BingxMarginUsedHigh",),
        ),
        Graph(
            title="Nearest liquidation",
            description="The position of each account that is nearest to its liquidation: its distance as a "
            "share of the "
            "mark price. Empty: no position has a liquidation price.",
            queries=(Query(_each("min", promql.distance()), "{{account}}"),),
            unit=Unit.SHARE,
            width=12,
            steps=limits.DISTANCE,
            alerts=("BingxLiquidationNear",),
        ),
        Graph(
            title="Highest risk ratio",
            description="The riskiest position of each account by the exchange's own measure, which liquidates "
            "at 100 %. "
            "Empty: no open position.",
            queries=(Query(_each("max", _RISK), "{{account}}"),),
            unit=Unit.SHARE,
            width=12,
            steps=limits.RISK,
            alerts=("BingxRiskRatioHigh",),
        ),
        Graph(
            title="Age of the numbers",
            description="Seconds since the last good balance and positions of each account were asked for. After three "
            "intervals they leave the page. Empty: there never was a good answer.",
            queries=(Query(promql.age(_WATCHED), "{{account}} {{collector}}"),),
            unit=Unit.SECONDS,
            width=12,
            alerts=("BingxDataStale",),
        ),
    ),
)

BOARD: Final = Board(
    uid="bingx-overview",
    title="BingX / Overview",
    description="All accounts: equity, margin, the nearest liquidation, and whether the numbers are fresh.",
    sections=(_NOW, Section("Accounts", (_TABLE,)), _COURSE),
)

"""The dashboard of an account: its funds, and each of its positions with what would liquidate it."""

from __future__ import annotations

from typing import Final

from deploy.grafana.dashboards import limits, promql
from deploy.grafana.dashboards.panels import Board, Column, Graph, Query, Section, Stat, Style, Table, Unit

_NAME: Final = "{{account}} {{symbol}} {{side}}"
_YES_NO: Final = ((0, "no"), (1, "yes"))
_STALE: Final = "Empty: no balance that is fresh."


def _fund(title: str, name: str, text: str, alerts: tuple[str, ...] = ()) -> Stat:
    return Stat(
        title=f"{title} ($asset)",
        description=f"{text} In units of the asset. {_STALE}",
        queries=(Query(promql.funds(name), "{{account}}"),),
        unit=Unit.MONEY,
        width=4,
        steps=limits.SIGN if "pnl" in name else limits.NONE,
        alerts=alerts,
    )


_NOW: Final = Section(
    "Now",
    (
        _fund("Equity", "equity", "Wallet balance and unrealised PnL.", ("BingxEquityDrop",)),
        _fund("Wallet balance", "balance", "Without unrealised PnL."),
        _fund("Available margin", "available_margin", "Margin that is free for new positions."),
        _fund("Unrealised PnL", "unrealized_pnl", "Of all open positions.", ("BingxUnrealizedLossLarge",)),
        Stat(
            title="Margin used",
            description=f"Used margin as a share of the equity. {_STALE}",
            queries=(Query(promql.margin_used(), "{{account}}"),),
            unit=Unit.SHARE,
            width=4,
            steps=limits.MARGIN_USED,
            alerts=("BingxMarginUsedHigh",),
        ),
        Stat(
            title="Effective leverage",
            description="Value of all positions at mark price over the equity, long and short added up. "
            "Empty: no open position.",
            queries=(Query(promql.effective_leverage(), "{{account}}"),),
            unit=Unit.PLAIN,
            width=4,
            steps=limits.LEVERAGE,
            alerts=("BingxConcentrationHigh",),
            empty="none",
        ),
    ),
)

_POSITIONS: Final = Table(
    title="Positions ($asset)",
    description="One row a position, nearest to liquidation first; a closed one is gone at the next scrape. Size "
    "in base coin, "
    "prices in quote units, margin and PnL in units of the asset, distance as a share of the mark price. A cell "
    "is empty "
    "where there is no such number, as there is no liquidation price of a well covered position. Empty: no position is "
    "open, or the positions are too old.",
    width=24,
    height=10,
    sort_by="Distance",
    empty="-",
    alerts=("BingxLiquidationNear", "BingxRiskRatioHigh"),
    columns=(
        Column(name="Account", label="account"),
        Column(name="Symbol", label="symbol", board="bingx-account"),
        Column(name="Side", label="side"),
        Column(name="Mode", label="margin_mode"),
        Column(name="Size", expr=promql.position("amount"), unit=Unit.EXACT),
        Column(name="Entry", expr=promql.position("entry_price"), unit=Unit.EXACT),
        Column(name="Mark", expr=promql.position("mark_price"), unit=Unit.EXACT),
        Column(name="Liquidation", expr=promql.position("liquidation_price"), unit=Unit.EXACT),
        Column(name="Distance", expr=promql.distance(), unit=Unit.SHARE, steps=limits.DISTANCE),
        Column(name="Risk", expr=promql.position("risk_ratio"), unit=Unit.SHARE, steps=limits.RISK),
        Column(name="Leverage", expr=promql.position("leverage"), unit=Unit.PLAIN),
        Column(name="Value", expr=promql.position("value"), unit=Unit.MONEY),
        Column(name="Margin", expr=promql.position("margin"), unit=Unit.MONEY),
        Column(name="PnL", expr=promql.position("unrealized_pnl"), unit=Unit.MONEY, steps=limits.SIGN),
        Column(name="PnL on margin", expr=promql.position("pnl_ratio"), unit=Unit.SHARE, steps=limits.SIGN),
        Column(name="Changed", expr=f"1000 * {promql.position('updated_timestamp_seconds')}", unit=Unit.MOMENT),
    ),
)


def _margin(name: str) -> Query:
    return Query(promql.funds_together(f"{name}_margin"), name)


_FUNDS: Final = Section(
    "Funds",
    (
        Graph(
            title="Equity curve ($asset)",
            description=f"Equity and wallet balance in units of the asset; between them is unrealised PnL. {_STALE}",
            queries=(
                Query(promql.funds("equity"), "{{account}} equity"),
                Query(promql.funds("balance"), "{{account}} balance"),
            ),
            unit=Unit.MONEY,
            width=12,
            alerts=("BingxEquityDrop",),
        ),
        Graph(
            title="Margin ($asset)",
            description="Used by positions, frozen by orders and free, of the chosen accounts together, in units "
            "of the asset. Gaps: the balance of one of them was not fresh.",
            queries=(_margin("used"), _margin("frozen"), _margin("available")),
            unit=Unit.MONEY,
            width=12,
            style=Style.STACK,
            alerts=("BingxMarginUsedHigh",),
        ),
        Graph(
            title="Unrealised PnL by position ($asset)",
            description="In units of the asset; a loss is negative. Empty: no open position.",
            queries=(Query(promql.position("unrealized_pnl"), _NAME),),
            unit=Unit.MONEY,
            width=12,
            alerts=("BingxUnrealizedLossLarge",),
        ),
        Graph(
            title="Realised PnL of open positions ($asset)",
            description="What each open position has realised so far, fees included, in units of the asset. It "
            "ends with the "
            "position; what came in over time is on the dashboard Income. Empty: no open position.",
            queries=(Query(promql.position("realized_pnl"), _NAME),),
            unit=Unit.MONEY,
            width=12,
        ),
    ),
)

_RISK: Final = Section(
    "Risk",
    (
        Graph(
            title="Distance to liquidation",
            description="Way from mark price to liquidation price as a share of the mark price. Empty: no "
            "position has a "
            "liquidation price.",
            queries=(Query(promql.distance(), f"{_NAME} {{{{margin_mode}}}}"),),
            unit=Unit.SHARE,
            width=12,
            steps=limits.DISTANCE,
            alerts=("BingxLiquidationNear",),
        ),
        Graph(
            title="Risk ratio",
            description="By the exchange's own measure; it liquidates at 100 %. Empty: no open position.",
            queries=(Query(promql.position("risk_ratio"), f"{_NAME} {{{{margin_mode}}}}"),),
            unit=Unit.SHARE,
            width=12,
            steps=limits.RISK,
            alerts=("BingxRiskRatioHigh",),
        ),
    ),
)

_KEY: Final = Section(
    "Key and fees",
    (
        Stat(
            title="The key may trade",
            description="Whether the key of the account may trade; reading is all that the exporter does. Empty: "
            "the exchange "
            "has not said for three hours.",
            queries=(Query(promql.highest("bingx_account_key_can_trade", promql.ACCOUNT, "account"), "{{account}}"),),
            unit=Unit.PLAIN,
            width=6,
            words=_YES_NO,
        ),
        Stat(
            title="The key may withdraw",
            description="Whether the key of the account may withdraw funds, which no exporter needs. Empty: the "
            "exchange has "
            "not said for three hours.",
            queries=(
                Query(promql.highest("bingx_account_key_can_withdraw", promql.ACCOUNT, "account"), "{{account}}"),
            ),
            unit=Unit.PLAIN,
            width=6,
            steps=limits.SHOULD_BE_ZERO,
            words=_YES_NO,
        ),
        Stat(
            title="Fee rates",
            description="Trading fee as a share of the traded value. Empty: the key lacks the right to ask.",
            queries=(
                Query(
                    promql.highest("bingx_commission_rate", promql.ACCOUNT, "account, liquidity"),
                    "{{account}} {{liquidity}}",
                ),
            ),
            unit=Unit.SHARE,
            decimals=3,
            width=12,
            alerts=("BingxCommissionRateChanged",),
        ),
    ),
)

_PRICES: Final = Section(
    "Liquidation against mark",
    (
        Graph(
            title="$symbol",
            description="Mark price, and entry and liquidation price of each position, in quote units: a panel "
            "for each "
            "symbol. Empty: no position of the symbol is open.",
            queries=(
                Query(promql.highest("bingx_position_mark_price", promql.POSITION, "symbol"), "mark"),
                Query(promql.position("liquidation_price"), "{{account}} {{side}} {{margin_mode}} liquidation"),
                Query(promql.position("entry_price"), "{{account}} {{side}} {{margin_mode}} entry"),
            ),
            unit=Unit.PLAIN,
            width=12,
            dashed=(("liquidation$", limits.BAD), ("entry$", "blue")),
            repeat="symbol",
            alerts=("BingxLiquidationNear",),
        ),
    ),
)

BOARD: Final = Board(
    uid="bingx-account",
    title="BingX / Account",
    description="Funds and positions of one account or several: equity, margin, PnL, and what would liquidate "
    "each position.",
    sections=(_NOW, Section("Positions", (_POSITIONS,)), _FUNDS, _RISK, _KEY, _PRICES),
)

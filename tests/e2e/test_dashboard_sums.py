"""What the dashboards' sums and ratios show when one number is missing, by Prometheus' own program."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from support.processes import needed

GRAFANA: Final = Path(__file__).resolve().parents[2] / "deploy" / "grafana"
CHOSEN: Final = {"$account": ".*", "$asset": "USDT", "$symbol": ".*"}
SUMS: Final = [
    ("overview", "Equity ($asset)", "bingx_account_equity"),
    ("overview", "Unrealised PnL ($asset)", "bingx_account_unrealized_pnl"),
    ("account", "Margin ($asset)", "bingx_account_used_margin"),
]


def query(board: str, title: str) -> str:
    panels = json.loads((GRAFANA / f"bingx-{board}.json").read_text("utf-8"))["panels"]
    expr: str = next(one for one in panels if one.get("title") == title)["targets"][0]["expr"]
    return filled(expr)


def filled(expr: str) -> str:
    for variable, value in CHOSEN.items():
        expr = expr.replace(variable, value)
    return expr


def shows(folder: Path, expr: str, series: dict[str, str], *, at: str, value: float | None) -> bool:
    """Return whether the expression gives just this value at that time; None is no sample at all."""
    samples: list[Any] = [] if value is None else [{"labels": "{}", "value": value}]
    case = {
        "interval": "15s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": f"sum({expr})", "eval_time": at, "exp_samples": samples}],
    }
    (folder / "case.yaml").write_text(yaml.safe_dump({"tests": [case]}))
    done = subprocess.run([needed("promtool"), "test", "rules", str(folder / "case.yaml")], check=False, timeout=60)
    return done.returncode == 0


@pytest.mark.parametrize(("board", "title", "metric"), SUMS)
def test_a_sum_is_not_shown_without_the_account_that_is_stale(
    tmp_path: Path, board: str, title: str, metric: str
) -> None:
    expr = query(board, title)
    series = {
        f'{name}{{account="{account}", {more}, instance="{replica}"}}': values
        for account, amount in (("one", "1000"), ("two", "9000"))
        for replica in ("a", "b")
        for name, more, values in (
            ("bingx_collector_interval_seconds", 'collector="balance"', "10x100"),
            ("bingx_account_balance", 'asset="USDT"', f"{amount}x40" + (" stale" if account == "two" else " 1000x59")),
            (metric, 'asset="USDT"', f"{amount}x40" + (" stale" if account == "two" else " 1000x59")),
        )
    }
    assert shows(tmp_path, expr, series, at="5m", value=10000)
    assert shows(tmp_path, expr, series, at="15m", value=None)


def test_leverage_is_not_shown_while_the_value_of_a_position_is_unknown(tmp_path: Path) -> None:
    table = json.loads((GRAFANA / "bingx-overview.json").read_text("utf-8"))["panels"]
    exprs = [target["expr"] for panel in table for target in panel.get("targets", ())]
    (expr,) = {one for one in exprs if "bingx_position_value" in one}
    leg = 'account="one", asset="USDT", symbol="BTC-USDT", side="{}", margin_mode="cross"'
    series = {
        'bingx_account_equity{account="one", asset="USDT"}': "1000x100",
        f"bingx_position_amount{{{leg.format('long')}}}": "1x100",
        f"bingx_position_amount{{{leg.format('short')}}}": "1x100",
        f"bingx_position_value{{{leg.format('long')}}}": "5000x100",
        f"bingx_position_value{{{leg.format('short')}}}": "4000x40 stale",
    }
    assert shows(tmp_path, filled(expr), series, at="5m", value=9)
    assert shows(tmp_path, filled(expr), series, at="15m", value=None)

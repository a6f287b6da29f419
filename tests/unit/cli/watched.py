"""Pages of an exporter for the tests of `top`."""

from __future__ import annotations

from exporter.cli.top.reading import read_page
from exporter.cli.top.seeing import FAMILIES, see
from exporter.cli.top.view import Overview

NOW = 1_795_371_480.0
BUILD = 'bingx_exporter_build_info{pythonversion="3.11",revision="abc",version="1.2.3"} 1.0'


def account(name: str, *, success: str = "1.0", asked: float = NOW - 3, equity: bool = True) -> list[str]:
    lines = [f'bingx_account_info{{account="{name}",environment="live",desk="x"}} 1.0']
    for collector, interval in (("positions", 5.0), ("balance", 10.0)):
        labels = f'{{account="{name}",collector="{collector}"}}'
        lines += [
            f"bingx_collector_success{labels} {success}",
            f"bingx_collector_last_success_timestamp_seconds{labels} {asked}",
            f"bingx_collector_interval_seconds{labels} {interval}",
            f"bingx_collector_consecutive_failures{labels} {0 if success == '1.0' else 3}",
        ]
    if equity:
        funds = f'{{account="{name}",asset="USDT"}}'
        lines += [
            f"bingx_account_equity{funds} 1234.5",
            f"bingx_account_used_margin{funds} 0.0",
            f"bingx_account_unrealized_pnl{funds} -7.25",
            f'bingx_positions{{account="{name}"}} 2.0',
        ]
    return lines


def position(name: str, symbol: str, distance: str | None, *, side: str = "long") -> list[str]:
    labels = f'{{account="{name}",asset="USDT",symbol="{symbol}",side="{side}",margin_mode="cross"}}'
    lines = [f"bingx_position_amount{labels} 2.0", f"bingx_position_mark_price{labels} 100.0"]
    return lines if distance is None else [*lines, f"bingx_position_liquidation_distance_ratio{labels} {distance}"]


def failures(name: str, collector: str, **counts: int) -> list[str]:
    return [
        f'bingx_collector_failures_total{{account="{name}",collector="{collector}",reason="{reason}"}} {count}.0'
        for reason, count in counts.items()
    ]


def seen(*lines: str, before: Overview | None = None, now: float = NOW) -> Overview:
    content = "".join(f"{line}\n" for line in (BUILD, *lines, "# EOF")).encode()
    return see(read_page(content, FAMILIES), now=now, before=before)

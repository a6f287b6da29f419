"""The vocabulary of the expressions: what is chosen, which of several replicas counts, and what income came in.

Two exporters may show the same account, so everything is first brought down to one value by its own labels, as the
alert rules do: the worst number of the replicas. Nothing is ever added up across assets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploy.grafana.dashboards.limits import STALE_AFTER_INTERVALS

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT: Final = 'account=~"$account"'
MONEY: Final = f'{ACCOUNT}, asset="$asset"'
POSITION: Final = f'{MONEY}, symbol=~"$symbol"'

PER_ACCOUNT: Final = "account"
PER_FUNDS: Final = "account, asset"
PER_POSITION: Final = "account, asset, symbol, side, margin_mode, position_id"
PER_COLLECTOR: Final = "account, collector"
PER_PROCESS: Final = "job, instance"
_PER_INCOME: Final = "account, asset, symbol, income_type"

OURS: Final = f"and on ({PER_PROCESS}) bingx_exporter_build_info"
"""Of the metrics that any program has, those of our exporters."""

ALL_BUT_TRANSFERS: Final = 'income_type!="TRANSFER"'

_LESS_IS_WORSE: Final = ("equity", "balance", "available_margin", "unrealized_pnl", "realized_pnl", "pnl_ratio")


def highest(name: str, selected: str, per: str) -> str:
    """Return the highest value of a gauge over the replicas."""
    return f"max by ({per}) ({_chosen(name, selected)})"


def lowest(name: str, selected: str, per: str) -> str:
    """Return the lowest value of a gauge over the replicas."""
    return f"min by ({per}) ({_chosen(name, selected)})"


def funds(name: str) -> str:
    """Return a gauge of the accounts' funds in the asset, such as `equity`."""
    return _worst(name)(f"bingx_account_{name}", MONEY, PER_FUNDS)


def funds_together(name: str) -> str:
    """Return a gauge of the funds of all chosen accounts as one sum, nothing while the balance of one is stale."""
    selected = f'{ACCOUNT}, collector="balance"'
    asked = highest("bingx_collector_interval_seconds", selected, PER_ACCOUNT)
    fresh = highest("bingx_account_balance", f'{ACCOUNT}, asset=~".+"', PER_ACCOUNT)
    return f"sum({funds(name)}) unless on () (count({asked} unless on ({PER_ACCOUNT}) {fresh}) > 0)"


def position(name: str) -> str:
    """Return a gauge of the open positions, such as `mark_price`."""
    return _worst(name)(f"bingx_position_{name}", POSITION, PER_POSITION)


def distance() -> str:
    """Return how far the mark price of each position is from liquidation, as a fraction."""
    return lowest("bingx_position_liquidation_distance_ratio", POSITION, PER_POSITION)


def margin_used() -> str:
    """Return used margin over equity as a fraction, 100 where there is no equity, as the alert rules have it."""
    return f"clamp_max({funds('used_margin')} / clamp_min({funds('equity')}, 1e-9), 100)"


def loss() -> str:
    """Return the unrealised loss over equity as a fraction, 0 for a gain, as the alert rules have it."""
    return f"clamp(-{funds('unrealized_pnl')} / clamp_min({funds('equity')}, 1e-9), 0, 100)"


def effective_leverage() -> str:
    """Return the value of all positions over the equity of their account, and nothing where one value is not known."""
    values = highest("bingx_position_value", MONEY, PER_POSITION)
    open_ones = highest("bingx_position_amount", MONEY, PER_POSITION)
    unknown = f"({open_ones} unless on ({PER_POSITION}) {values})"
    return f"sum by ({PER_FUNDS}) ({values}) / {funds('equity')} unless on ({PER_FUNDS}) {unknown}"


def age(collectors: str = ".+") -> str:
    """Return how old the numbers of each collector are, in seconds."""
    selected = f'{ACCOUNT}, collector=~"{collectors}"'
    return f"time() - {highest('bingx_collector_last_success_timestamp_seconds', selected, PER_COLLECTOR)}"


def overdue(collectors: str) -> str:
    """Return the seconds since the numbers left the page: endless where there never were any, 0 if they are in time."""
    selected = f'{ACCOUNT}, collector=~"{collectors}"'
    interval = highest("bingx_collector_interval_seconds", selected, PER_COLLECTOR)
    never = f"Inf * ({interval} unless on ({PER_COLLECTOR}) bingx_collector_last_success_timestamp_seconds)"
    return f"clamp_min({age(collectors)} - {STALE_AFTER_INTERVALS} * {interval}, 0) or {never}"


def net(per: str, types: str, *, grown: bool = True, days: bool = False) -> str:
    """Return credited minus debited income by the labels `per`, in units of the asset.

    `types` selects income types. What has `grown` is that of the chosen time, or of each UTC day with `days`; otherwise
    it is all since the epoch of the ledger.
    """
    parts = [flow(part, types, grown=grown, days=days) for part in ("credited", "debited")]
    return f"sum by ({per}) (\n  {parts[0]}\n  -\n  {parts[1]}\n)"


def flow(part: str, types: str, *, grown: bool = True, days: bool = False) -> str:
    """Return one side of the income (`credited`, `debited`) or its `entries`, one series a label set.

    The counters are totals of the ledger: they go on after a restart, and are the same in every replica. A difference
    of two of them is exact, where `increase()` would extrapolate. Where nothing was known before, the first value that
    was seen is the start.
    """
    series = _chosen(f"bingx_income_{part}_total", f"{POSITION}, {types}")
    if not grown:
        return f"max by ({_PER_INCOME}) ({series})"
    window, past = ("[1d] offset -1d", "[1d]") if days else ("[$__range]", "[1d] offset $__range")
    last = f"max by ({_PER_INCOME}) (last_over_time({series}{window}))"
    before = f"max by ({_PER_INCOME}) (last_over_time({series}{past}))"
    first = f"min by ({_PER_INCOME}) (min_over_time({series}{window}))"
    return f"({last} - ({before} or {first}))"


def rises(name: str, selected: str, per: str) -> str:
    """Return by how much a counter rose in each interval of a graph, summed over processes by the labels `per`."""
    return f"sum by ({per}) (increase({_chosen(name, selected)}[$__rate_interval]))"


def per_second(name: str, per: str) -> str:
    """Return how fast a counter rises, summed over processes by the labels `per`."""
    return f"sum by ({per}) (rate({name}[$__rate_interval]))"


def zero_if_none(expr: str) -> str:
    """Return the expression, or 0 where an exporter is scraped and a counter of failures has not appeared."""
    return f"{expr} or on () 0 * count(bingx_exporter_build_info)"


def _worst(name: str) -> Callable[[str, str, str], str]:
    return lowest if name in _LESS_IS_WORSE else highest


def _chosen(name: str, selected: str) -> str:
    return f"{name}{{{selected}}}" if selected else name

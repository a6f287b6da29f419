"""What a page must say: nothing past its time, nothing that counts down, nothing but what is true at the exchange.

Owns the comparison of pages with each other and with the exchange's own word. Pure but for what it remembers of the
page before; must not scrape.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from support.exposition import Series, series
from support.world import expected_gauges, expected_income, is_income, without_idle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from bench.soak.exporter import Order
    from bench.soak.peers import Page

STALE_AFTER_INTERVALS: Final = 3
RELOAD_SECONDS: Final = 8.0
"""How long a reload may take: a call under way is let finish, which takes two seconds at most."""

_GRACE_SECONDS: Final = 0.5
_BALANCE: Final = (
    "balance",
    "equity",
    "unrealized_pnl",
    "realized_pnl",
    "available_margin",
    "used_margin",
    "frozen_margin",
)
_OWNERS: Final = {
    **{f"bingx_account_{field}": "balance" for field in _BALANCE},
    "bingx_account_key_can_trade": "permissions",
    "bingx_account_key_can_withdraw": "permissions",
    "bingx_positions": "positions",
    "bingx_commission_rate": "commission_rate",
}


def collector_of(name: str) -> str:
    """Return whose answer a gauge of the exchange's numbers comes from; empty for any other metric."""
    return "positions" if name.startswith("bingx_position_") else _OWNERS.get(name, "")


class Memory:
    """The page before: counters on the next one are not lower, and none of them is missing."""

    def __init__(self) -> None:
        self._counters: dict[Series, float] = {}

    def restarted(self) -> None:
        """Expect the counters of a new process: only those of the income go on."""
        self._counters = {key: value for key, value in self._counters.items() if is_income(key)}

    def look(self, page: Page) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the counters of a page, as kind and text."""
        for key, before in self._counters.items():
            now = page.samples.get(key)
            if now is None:
                yield "a counter vanished", _said(key, f"{before} before")
            elif now < before:
                yield "a counter fell", _said(key, f"from {before} to {now}")
        self._counters |= {key: page.samples[key] for key in page.counters}


def is_due(page: Page, order: Order | None) -> bool:
    """Tell whether a page has to show that a reload was done."""
    return order is not None and (page.asked_at - order.at).total_seconds() > RELOAD_SECONDS


def unheeded(page: Page, order: Order) -> Iterator[str]:
    """Yield what a page that is due does not show of the newest reload; that one has failed may be seen earlier."""
    reloaded_at = page.samples.get(series("bingx_exporter_config_last_reload_success_timestamp_seconds"))
    if page.samples.get(series("bingx_exporter_config_last_reload_successful")) != 1:
        yield "the last reload was not successful"
    if not is_due(page, order):
        return
    if reloaded_at is None or reloaded_at < order.at.timestamp():
        yield f"asked for at {order.at.timestamp()}, the last one was at {reloaded_at}"
    for account, seconds in order.fee_seconds.items():
        key = series("bingx_collector_interval_seconds", account=account, collector="commission_rate")
        if (shown := page.samples.get(key)) is None or not _equal(shown, seconds):
            yield _said(key, f"{shown} and not {seconds}")


def stale(page: Page) -> Iterator[str]:
    """Yield what is shown although its collector has had no good answer for more than three intervals."""
    asked = page.asked_at.timestamp()
    for account, collector in sorted(_shown(page)):
        labels = {"account": account, "collector": collector}
        sent = page.samples.get(series("bingx_collector_last_success_timestamp_seconds", **labels))
        interval = page.samples.get(series("bingx_collector_interval_seconds", **labels), math.nan)
        if sent is None or asked - sent > STALE_AFTER_INTERVALS * interval + _GRACE_SECONDS:
            yield f"{account} {collector}: asked for at {sent}, shown at {asked}, interval {interval}"


def untrue(page: Page, world: Mapping[str, Any], *, since: datetime) -> Iterator[str]:
    """Yield what differs from a world that has stood still since `since`; what is absent or older is no matter.

    An answer that is shown in part is: a position that is missing beside others looks closed.
    """
    truth = expected_gauges(world)
    for key in _asked_for_since(page, since):
        if key not in truth:
            yield _said(key, f"{page.samples[key]}, and the exchange has no such thing")
        elif not _equal(page.samples[key], truth[key]):
            yield _said(key, f"{page.samples[key]} and not {truth[key]}")
    for key in truth.keys() - page.samples.keys():
        if key[0] == "bingx_position_amount" and series("bingx_positions", account=_account(key)) in page.samples:
            since_then = _sent_after(page, _account(key), "positions", since)
            if since_then:
                yield _said(key, "missing beside the others")


def compared(page: Page, *, since: datetime) -> int:
    """Return how many samples `untrue` has something to say about."""
    return len(_asked_for_since(page, since))


def excessive(page: Page, world: Mapping[str, Any]) -> Iterator[str]:
    """Yield income counters above what the exchange, which has stood still, has to show: counted twice, or made up."""
    truth = expected_income(world)
    for key, value in without_idle(_income(page)).items():
        most = truth.get(key, 0.0)
        if value > most and not _equal(value, most):
            yield _said(key, f"{value}, and the exchange has {most}")


def differences(page: Page, world: Mapping[str, Any]) -> Iterator[str]:
    """Yield every series that differs from the world, is missing, or is too many: for an exporter at peace."""
    truth = {**expected_gauges(world), **expected_income(world)}
    shown = {key: value for key, value in page.samples.items() if collector_of(key[0])}
    shown |= without_idle(_income(page))
    for key in sorted(truth.keys() | shown.keys(), key=repr):
        ours, theirs = shown.get(key), truth.get(key)
        if ours is None or theirs is None or not _equal(ours, theirs):
            yield _said(key, f"{ours} and not {theirs}")


def _income(page: Page) -> dict[Series, float]:
    return {key: page.samples[key] for key in page.counters if is_income(key)}


def _shown(page: Page) -> set[tuple[str, str]]:
    owned = ((_account(key), collector_of(key[0])) for key in page.samples)
    return {(account, collector) for account, collector in owned if collector not in {"", "permissions"}}


def _asked_for_since(page: Page, since: datetime) -> list[Series]:
    fresh = {pair for pair in _shown(page) if _sent_after(page, *pair, since)}
    return [key for key in page.samples if (_account(key), collector_of(key[0])) in fresh]


def _sent_after(page: Page, account: str, collector: str, since: datetime) -> bool:
    key = series("bingx_collector_last_success_timestamp_seconds", account=account, collector=collector)
    return page.samples.get(key, 0.0) > since.timestamp()


def _account(key: Series) -> str:
    return dict(key[1]).get("account", "")


def _equal(ours: float, theirs: float) -> bool:
    return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)


def _said(key: Series, what: str) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in sorted(key[1]))
    return f"{key[0]}{{{labels}}}: {what}"

"""Positions as data, without an exchange, and the same samples in the hands of prometheus-client.

Owns what `scrape` and `render` compare; made by arithmetic, so that every run has the same.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from exporter.metrics.position import POSITION, OpenPositions
from exporter.model import EPOCH, MarginMode, Position, Side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LABELS: Final = ("account", "asset", "symbol", "side", "margin_mode")


def positions(count: int, *, turn: int = 0) -> OpenPositions:
    """Return `count` positions with a value in every field; another `turn` has other prices and profits."""
    return OpenPositions(positions=tuple(_position(number, turn) for number in range(count)))


def _position(number: int, turn: int) -> Position:
    entry = Decimal("61234.5") / (number + 1)
    mark = (entry * (1 + Decimal(turn + 3) / 1000)).quantize(Decimal("0.0001"))
    amount = Decimal(number + 1) / 8
    profit = ((mark - entry) * amount).quantize(Decimal("0.0001"))
    value = (mark * amount).quantize(Decimal("0.0001"))
    return Position(
        position_id=str(1_900_000_000_000_000_000 + number),
        symbol=f"COIN{number}-USDT",
        asset="USDT",
        side=Side.LONG if number % 2 else Side.SHORT,
        margin_mode=MarginMode.CROSS if number % 3 else MarginMode.ISOLATED,
        amount=amount,
        available_amount=amount,
        value=value,
        unrealized_pnl=profit,
        realized_pnl=Decimal("-1.0375"),
        initial_margin=(value / 10).quantize(Decimal("0.0001")),
        margin=(value / 10 + profit).quantize(Decimal("0.0001")),
        entry_price=entry.quantize(Decimal("0.0001")),
        mark_price=mark,
        liquidation_price=(entry * Decimal("0.905")).quantize(Decimal("0.0001")),
        leverage=Decimal(10),
        risk_ratio=Decimal("0.0431"),
        pnl_ratio=Decimal("0.0299"),
        max_margin_reduction=Decimal("0.0000"),
        updated_at=EPOCH + timedelta(milliseconds=1_790_000_000_123 + turn),
    )


class LabelledGauges:
    """The samples in a `Gauge` for each family, as most exporters hold them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._gauges = [
            (Gauge(family.name, family.help, LABELS, registry=self.registry), family.value)
            for family in POSITION.families
        ]

    def set(self, account: str, data: OpenPositions) -> None:
        """Set every sample of an account."""
        for position in data.positions:
            labels = labels_of(account, position)
            for gauge, value_of in self._gauges:
                gauge.labels(*labels).set(float(value_of(position) or 0))


class AtTheScrape:
    """A custom collector that makes the samples anew for every scrape."""

    def __init__(self, accounts: Mapping[str, OpenPositions]) -> None:
        self.registry = CollectorRegistry()
        self._accounts = accounts
        self.registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families with all their samples."""
        for family in POSITION.families:
            metric = GaugeMetricFamily(family.name, family.help, labels=LABELS)
            for account, data in self._accounts.items():
                for position in data.positions:
                    metric.add_metric(labels_of(account, position), float(family.value(position) or 0))
            yield metric


def labels_of(account: str, position: Position) -> tuple[str, ...]:
    """Return the values of `LABELS`."""
    return (account, position.asset, position.symbol, position.side, position.margin_mode or "")


def samples_of(page: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return what a page says, read by prometheus-client."""
    families = text_string_to_metric_families(page.decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}

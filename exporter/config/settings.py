"""The settings as the rest of the house is given them: complete, checked and frozen.

Owns their shape only. Defaults and limits are declared in `keys`; the field names here are the names of the keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.model import CollectorName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from pathlib import Path

    from exporter.config.sources import Stamp
    from exporter.model import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSettings:
    """Where the income ledger lives, and how long it keeps single entries (`None`: for ever).

    The URL may hold a password and is kept out of the repr.
    """

    url: str = field(repr=False)
    retention: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledCollector:
    """Whether a collector runs, and how many seconds lie between two of its polls."""

    enabled: bool
    interval: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsCollector(PolledCollector):
    """The positions collector; `position_id` gives each position a label of its own instead of merging alike ones."""

    position_id: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeCollector(PolledCollector):
    """The income collector: from when it counts, how long a new series shows 0, and how far back a poll reads again.

    `initial_zero` and `tail` are seconds; `since` is a span before the first start, or aware UTC.
    """

    since: timedelta | datetime
    initial_zero: float
    tail: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationCollector(PolledCollector):
    """The comparison of the exchange's workbook with the ledger, `period` seconds back."""

    period: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorSettings:
    """The collectors of one account."""

    balance: PolledCollector
    positions: PositionsCollector
    income: IncomeCollector
    commission_rate: PolledCollector
    reconciliation: ReconciliationCollector

    def of(self, name: CollectorName) -> PolledCollector:
        """Return the settings of the collector `name`."""
        by_name: dict[CollectorName, PolledCollector] = {
            CollectorName.BALANCE: self.balance,
            CollectorName.POSITIONS: self.positions,
            CollectorName.INCOME: self.income,
            CollectorName.COMMISSION_RATE: self.commission_rate,
            CollectorName.RECONCILIATION: self.reconciliation,
        }
        return by_name[name]

    @property
    def enabled(self) -> tuple[CollectorName, ...]:
        """Return the names of the collectors that run, in their order of importance.

        The reconciliation has nothing to compare with, and does not run, unless the income does.
        """
        idle = () if self.income.enabled else (CollectorName.RECONCILIATION,)
        return tuple(name for name in CollectorName if self.of(name).enabled and name not in idle)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """One account.

    `timeout` and `recv_window` are seconds, `stale_after` is a number of intervals. `base_url` and
    `fallback_url` are `None` where the environment decides. `proxy` may hold a password and is kept out of the repr.
    """

    name: str
    api_key: Secret
    api_secret: Secret
    environment: str
    labels: Mapping[str, str]
    base_url: str | None
    fallback_url: str | None = None
    proxy: str | None = field(repr=False)
    source_address: str | None
    timeout: float
    recv_window: float
    stale_after: float
    collectors: CollectorSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A configuration that can be run; `warnings` are lines for the log, free of secrets.

    `stamps` are the files that it was read from, as they stood then.
    """

    ledger: LedgerSettings
    accounts: tuple[AccountSettings, ...]
    warnings: tuple[str, ...]
    stamps: Mapping[Path, Stamp | None] = field(default_factory=dict, compare=False)

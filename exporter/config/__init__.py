"""The configuration: one YAML file or a few environment variables, read once into frozen settings.

Owns every key, its default and the message that says what is wrong with it. Starts nothing, logs nothing, and lets no
secret into a message. Only `app` and `cli` import this package; everything else is handed what it needs.
"""

from exporter.config.loading import load
from exporter.config.problems import ConfigError, Problem
from exporter.config.settings import (
    AccountSettings,
    CollectorSettings,
    Config,
    IncomeCollector,
    LedgerSettings,
    PolledCollector,
    PositionsCollector,
    ReconciliationCollector,
)

__all__ = [
    "AccountSettings",
    "CollectorSettings",
    "Config",
    "ConfigError",
    "IncomeCollector",
    "LedgerSettings",
    "PolledCollector",
    "PositionsCollector",
    "Problem",
    "ReconciliationCollector",
    "load",
]

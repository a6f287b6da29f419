"""From a file, or from the environment, to a `Config`: all problems told at once, or settings that can be run.

Owns the choice of the source, the switches by flag, and the warnings about what works but should be known.
"""

from __future__ import annotations

import ipaddress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from exporter.config import environment, file
from exporter.config.problems import Findings
from exporter.config.reading import Given, plain
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

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from exporter.config.reading import Tree
    from exporter.model import CollectorName

_NO_SWITCHES: Final[Mapping[CollectorName, bool]] = MappingProxyType({})


def load(
    path: Path | None,
    *,
    environ: Mapping[str, str],
    overrides: Mapping[CollectorName, bool] = _NO_SWITCHES,
) -> Config:
    """Read the configuration file at `path`, or without one the environment; `overrides` switch collectors by flag.

    Raises `ConfigError` with every problem that was found.
    """
    if path is None:
        findings = Findings(environment.SOURCE)
        ledger, account = environment.read(environ, findings)
        accounts = [account]
    else:
        findings = Findings(str(path))
        ledger, accounts = file.read(path, environ=environ, findings=findings)
    findings.raise_if_any()
    settings = tuple(_account_settings(account, overrides) for account in accounts)
    for account, built in zip(accounts, settings, strict=True):
        _warn_of_oddities(account, built, findings)
    return Config(
        ledger=LedgerSettings(**plain(ledger)),
        accounts=settings,
        warnings=findings.warnings,
        stamps=findings.sources.stamps,
    )


def _account_settings(tree: Tree, overrides: Mapping[CollectorName, bool]) -> AccountSettings:
    values = plain(tree)
    collectors = values.pop("collectors")
    for name, enabled in overrides.items():
        collectors[name]["enabled"] = enabled
    labels = MappingProxyType(values.pop("labels"))
    # What an account need not say and has no default is absent from the tree.
    absent = dict.fromkeys(("base_url", "proxy", "source_address"))
    return AccountSettings(**{**absent, **values}, labels=labels, collectors=_collector_settings(collectors))


def _collector_settings(values: Mapping[str, Mapping[str, Any]]) -> CollectorSettings:
    return CollectorSettings(
        balance=PolledCollector(**values["balance"]),
        positions=PositionsCollector(**values["positions"]),
        income=IncomeCollector(**values["income"]),
        commission_rate=PolledCollector(**values["commission_rate"]),
        reconciliation=ReconciliationCollector(**values["reconciliation"]),
    )


def _warn_of_oddities(tree: Tree, settings: AccountSettings, findings: Findings) -> None:
    name = tree["name"]
    if isinstance(name, Given) and not settings.collectors.enabled:
        findings.warn(name.place, "every collector of this account is switched off")
    if (
        isinstance(name, Given)
        and settings.collectors.reconciliation.enabled
        and not settings.collectors.income.enabled
    ):
        findings.warn(name.place, "the reconciliation does not run: it needs the income collector", "switch that on")
    for key, url in (("base_url", settings.base_url), ("fallback_url", settings.fallback_url)):
        given = tree.get(key)
        if isinstance(given, Given) and url and _is_in_the_clear(url):
            findings.warn(given.place, "sends the API key in the clear", "use https://")


def _is_in_the_clear(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    return parts.scheme == "http" and not is_loopback

"""From the flags to the configuration that a command works with."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from exporter import logs
from exporter.clock import SystemClock
from exporter.config import Config, ConfigError, Problem, load
from exporter.model import CollectorName

if TYPE_CHECKING:
    from argparse import Namespace


def read_config(flags: Namespace) -> Config:
    """Read the configuration that the flags name; every secret in it is kept out of the log from here on."""
    path = None if flags.config_file is None else Path(flags.config_file)
    config = load(path, environ=os.environ, overrides=collector_switches(flags))
    _refuse_the_future(config, file=flags.config_file)
    for account in config.accounts:
        logs.redact(account.api_key)
        logs.redact(account.api_secret)
    for warning in config.warnings:
        logs.get_logger(__name__).warning(warning)
    return config


def _refuse_the_future(config: Config, *, file: str | None) -> None:
    # A `since` is pinned for ever at the first start: a slip of the pen must not be.
    now = SystemClock().now()
    problems = [
        Problem(
            file=file or "environment",
            line=None,
            key=f"{account.name}: collectors.income.since",
            message="lies in the future",
            hint="the income is counted from then on",
        )
        for account in config.accounts
        if isinstance(account.collectors.income.since, datetime) and account.collectors.income.since > now
    ]
    if problems:
        raise ConfigError(tuple(problems))


def collector_switches(flags: Namespace) -> dict[CollectorName, bool]:
    """Return which collectors the flags switch on or off; those not named are left to the configuration."""
    named = {name: getattr(flags, f"collector_{name}", None) for name in CollectorName}
    fallback = False if getattr(flags, "collector_disable_defaults", False) else None
    switches = {name: fallback if value is None else value for name, value in named.items()}
    return {name: value for name, value in switches.items() if value is not None}

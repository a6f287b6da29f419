"""`bingx-exporter run`: collect and serve until told to stop."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from exporter import logs
from exporter.app import App, Options
from exporter.cli import service
from exporter.cli.flags import collector_switches
from exporter.cli.progress import LoggedProgress, ProgressBar
from exporter.cli.version import build
from exporter.config import Config, ConfigError, load
from exporter.ledger import LedgerError
from exporter.web.server import ListenError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable


def run(flags: Namespace) -> int:
    """Run until SIGTERM or SIGINT; return 0 after that, 1 if it could not start."""
    service.hold_signals()
    progress = ProgressBar(sys.stderr) if sys.stderr.isatty() else None
    service.begin(flags, progress)
    try:
        config = read_config(flags)
    except ConfigError as error:
        return service.fail(str(error))
    if flags.config_check:
        logs.get_logger(__name__).info("The configuration is good", accounts=len(config.accounts))
        return 0
    return _serve(config, flags, progress or LoggedProgress())


def _serve(config: Config, flags: Namespace, on_progress: Callable[[str, float], None]) -> int:
    this = build()
    options = Options(
        addresses=service.listen_on(flags),
        telemetry_path=flags.telemetry_path,
        process_metrics=flags.process_metrics,
        version=this.version,
        revision=this.revision,
        on_progress=on_progress,
    )
    app = App(config, options)
    try:
        app.start()
    except (LedgerError, ListenError) as error:
        return service.fail(str(error))
    service.wait_for_end()
    app.stop()
    return 0


def read_config(flags: Namespace) -> Config:
    """Read the configuration that the flags name; every secret in it is kept out of the log from here on."""
    path = None if flags.config_file is None else Path(flags.config_file)
    config = load(path, environ=os.environ, overrides=collector_switches(flags))
    for account in config.accounts:
        logs.redact(account.api_key)
        logs.redact(account.api_secret)
    for warning in config.warnings:
        logs.get_logger(__name__).warning(warning)
    return config

"""`bingx-exporter run`: collect and serve until told to stop."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from exporter import logs
from exporter.app import App, Options
from exporter.cli import service
from exporter.cli.configuration import read_config
from exporter.cli.progress import LoggedProgress, ProgressBar
from exporter.cli.version import build
from exporter.config import Config, ConfigError
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
    if progress is None:
        return _serve(config, flags, LoggedProgress())
    with progress:
        return _serve(config, flags, progress)


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
        if service.started(app.start):
            service.wait_for_end()
    except (LedgerError, ListenError) as error:
        return service.fail(str(error))
    app.stop()
    return 0

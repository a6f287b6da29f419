"""`bingx-exporter run`: collect and serve until told to stop."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from exporter import logs
from exporter.app import App
from exporter.cli import service
from exporter.cli.configuration import read_config
from exporter.cli.progress import LoggedProgress, ProgressBar
from exporter.clock import SystemClock
from exporter.config import Config, ConfigError
from exporter.ledger import LedgerError
from exporter.web.access import Access, WebConfigError
from exporter.web.server import ListenError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from exporter.cli.signals import Signals


def run(flags: Namespace) -> int:
    """Run until SIGTERM or SIGINT; return 0 after that, 1 if it could not start."""
    signals = service.listen()
    progress = ProgressBar(sys.stderr) if sys.stderr.isatty() else None
    service.begin(flags, progress)
    try:
        config = read_config(flags)
        if flags.config_check:
            Access(flags.web_config, now=SystemClock().elapsed).load()
    except (ConfigError, WebConfigError) as error:
        return service.fail(str(error))
    if flags.config_check:
        logs.get_logger(__name__).info("The configuration is good", accounts=len(config.accounts))
        return 0
    if progress is None:
        return _serve(config, flags, signals, LoggedProgress())
    with progress:
        return _serve(config, flags, signals, progress)


def _serve(config: Config, flags: Namespace, signals: Signals, on_progress: Callable[[str, float], None]) -> int:
    options = replace(
        service.web_options(flags),
        reread=partial(read_config, flags),
        auto_reload=flags.auto_reload,
        lifecycle=flags.lifecycle,
        series_per_account=flags.series_per_account,
        on_progress=on_progress,
        shard=flags.shard,
    )
    app = App(config, options)
    try:
        if service.started(app.start, signals):
            service.wait_for_end(signals, on_hangup=app.ask_for_reload, on_turn=app.look_after)
    except (WebConfigError, LedgerError, ListenError) as error:
        return service.fail(str(error))
    app.stop()
    return 0

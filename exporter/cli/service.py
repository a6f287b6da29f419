"""What a long-running command does around its work: logs, the build, the signals that end it."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from exporter import logs
from exporter.cli.version import build

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

ENDING: Final = frozenset({signal.SIGINT, signal.SIGTERM})
_IGNORED: Final = frozenset({signal.SIGHUP})


def begin(flags: Namespace, stream: logs.Stream | None = None) -> None:
    """Configure the logs (to `stream`, by default standard error) and say what starts."""
    configure_logs(flags, stream)
    this = build()
    logger = logs.get_logger(__name__)
    text = f"(version={this.version}, branch={this.branch}, revision={this.revision})"
    logger.info("Starting bingx-exporter", version=text, command=flags.command)
    logger.info("Build context", python=sys.version.split()[0], user=this.user, date=this.date, pid=os.getpid())


def configure_logs(flags: Namespace, stream: logs.Stream | None = None) -> None:
    """Log as the flags say."""
    logs.configure(flags.log_level, flags.log_format, stream)


def hold_signals() -> None:
    """Keep the signals for `wait_for_end`; threads begun later inherit that, so that none of them is interrupted."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING | _IGNORED)


def wait_for_end() -> None:
    """Return when the process is asked to end."""
    logger = logs.get_logger(__name__)
    while (number := signal.sigwait(ENDING | _IGNORED)) not in ENDING:
        logger.warning("This signal changes nothing; restart to read the configuration again", signal=_name(number))
    logger.info("Stopping", signal=_name(number))


def fail(message: str) -> int:
    """Tell why a command cannot go on, and return the exit code for that."""
    for line in message.splitlines():
        logs.get_logger(__name__).error(line)
    return 1


def listen_on(flags: Namespace) -> tuple[str, ...]:
    """Return the addresses that the flags name."""
    addresses: Sequence[str] = flags.addresses or flags.addresses_by_default
    return tuple(addresses)


def _name(number: int) -> str:
    return signal.Signals(number).name

"""What a long-running command does around its work: logs, the build, the signals that end it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

from exporter import logs
from exporter.cli.version import build

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

ENDING: Final = frozenset({signal.SIGINT, signal.SIGTERM})
_GLANCE_SECONDS: Final = 0.02
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


def started(start: Callable[[], None]) -> bool:
    """Run `start` and return true, or false if the process is asked to end before it is done; raises what it raises.

    A start can take long (a database that does not answer, another process that migrates), and the signals that end
    this process are held back for `wait_for_end`.
    """
    outcome: list[Exception | None] = []

    def attempt() -> None:
        try:
            start()
        except Exception as error:  # noqa: BLE001 - the boundary of a thread: raised again below
            outcome.append(error)
        else:
            outcome.append(None)

    thread = threading.Thread(target=attempt, name="start", daemon=True)
    thread.start()
    while thread.is_alive():
        if signal.sigtimedwait(ENDING, 0) is not None:
            return False
        thread.join(_GLANCE_SECONDS)
    if outcome[0] is not None:
        raise outcome[0]
    return True


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

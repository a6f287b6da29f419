"""What a long-running command does around its work: logs, the build, a start and an end that can be asked for."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from exporter import logs
from exporter.app import Options
from exporter.aside import aside
from exporter.cli import notify
from exporter.cli.memory import keep_little, search_rarely, settled
from exporter.cli.signals import ENDING, Signals
from exporter.cli.version import build

if TYPE_CHECKING:
    import signal
    from argparse import Namespace
    from collections.abc import Callable, Sequence

_GLANCE_SECONDS: Final = 0.02
_LOOK_SECONDS: Final = 1.0


def listen() -> Signals:
    """Take signals from now on; that begins a thread, and what is said of memory has to be said before."""
    keep_little()
    search_rarely()
    return Signals()


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


def started(start: Callable[[], None], signals: Signals) -> bool:
    """Run `start` and return true, or false if the process is asked to end before it is done; raises what it raises.

    A start can take long: a database that does not answer, another process that migrates. Who asks for a reload
    meanwhile gets it afterwards: the configuration has been read already.
    """
    hangups: list[signal.Signals] = []
    outcome = aside(start, name="start")
    while not outcome.done():
        told = signals.next(_GLANCE_SECONDS)
        if told in ENDING:
            return False
        if told is not None:
            hangups = [told]
    outcome.result()
    settled()
    for told in hangups:
        signals.put_back(told)
    return True


def wait_for_end(
    signals: Signals,
    *,
    on_hangup: Callable[[Callable[[], None]], None] | None = None,
    on_turn: Callable[[], None] = lambda: None,
) -> None:
    """Say that the start is done, and return when the process is asked to end.

    `on_turn` is called once a second, `on_hangup` on SIGHUP with whom to tell when that is done.
    """
    notify.ready()
    logger = logs.get_logger(__name__)
    while (told := signals.next(_LOOK_SECONDS)) not in ENDING:
        if told is None:
            on_turn()
        elif on_hangup is None:
            logger.warning("This signal changes nothing here", signal=told.name)
        else:
            logger.info("Reloading", signal=told.name)
            notify.reloading()
            on_hangup(notify.ready)
    logger.info("Stopping", signal=told.name)
    notify.stopping()


def fail(message: str) -> int:
    """Tell why a command cannot go on, and return the exit code for that."""
    for line in message.splitlines():
        logs.get_logger(__name__).error(line)
    return 1


def web_options(flags: Namespace) -> Options:
    """Return what the flags say of the port, and which build this is."""
    this = build()
    addresses: Sequence[str] = flags.addresses or flags.addresses_by_default
    return Options(
        addresses=tuple(addresses),
        telemetry_path=flags.telemetry_path,
        process_metrics=flags.process_metrics,
        version=this.version,
        revision=this.revision,
        web_config=flags.web_config,
        systemd_sockets=flags.systemd_sockets,
        protects_health=flags.protects_health,
        most_requests=flags.most_requests,
        place=flags.place,
    )

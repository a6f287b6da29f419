"""From a command line to the command that it names; what a command needs is imported only when it runs."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Final

from exporter.cli import printing
from exporter.cli.flags import parse

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence


_INTERRUPTED: Final = 130
_SPEAKING: Final = frozenset({"top", "check", "metrics"})
"""Commands whose answer is nothing but what they print."""


def run_command(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; raises `SystemExit` for help, version and bad flags."""
    printing.escape_what_cannot_be_encoded()
    flags = parse(arguments)
    if sys.stdout is None and flags.command in _SPEAKING:
        return printing.refuse(printing.NO_OUTPUT)
    try:
        code = _COMMANDS[flags.command](flags)
        printing.flush_output()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        if not printing.is_of_output(error):
            raise
        return printing.give_up_output(error)
    return code


def _run(flags: Namespace) -> int:
    gc.disable()  # until `memory.settled`
    from exporter.cli.run import run

    return run(flags)


def _demo(flags: Namespace) -> int:
    from exporter.cli.demo import demo

    return demo(flags)


def _simulate(flags: Namespace) -> int:
    from exporter.cli.demo import simulate

    return simulate(flags)


def _top(flags: Namespace) -> int:
    from exporter.cli.top.command import command

    return command(flags)


def _check(flags: Namespace) -> int:
    from exporter.cli.check import check

    return check(flags)


def _metrics(flags: Namespace) -> int:
    from exporter.cli.catalogue import print_catalogue

    return print_catalogue(flags.format)


def _income(flags: Namespace) -> int:
    from importlib import import_module

    command: Callable[[Namespace], int] = import_module(f"exporter.cli.income.{flags.income_command}").command
    return command(flags)


def _healthcheck(flags: Namespace) -> int:
    from exporter.cli.healthcheck import healthcheck

    return healthcheck(flags.url, form=flags.format)


_COMMANDS: Final[dict[str, Callable[[Namespace], int]]] = {
    "run": _run,
    "demo": _demo,
    "simulate": _simulate,
    "top": _top,
    "check": _check,
    "metrics": _metrics,
    "income": _income,
    "healthcheck": _healthcheck,
}

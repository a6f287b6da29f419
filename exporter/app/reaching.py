"""Finds the host that answers, for commands that ask once and go: they have no task that watches the first one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.bingx.fallback import OUT_OF_REACH

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from exporter.bingx.client import Answer
    from exporter.bingx.errors import BingxError
    from exporter.bingx.limits import Permit
    from exporter.polling.host import Host

_ATTEMPTS: Final = 3


def reach(host: Host, ask: Callable[[Callable[[Permit], Answer[datetime]]], Answer[datetime]]) -> Answer[datetime]:
    """Measure the clock of the host that calls will go to: the first, or the second if that cannot be reached.

    `ask` makes one call within the limits. The first is asked three times; raises its error if neither answers.
    """
    failures: list[BingxError] = []
    while len(failures) <= _ATTEMPTS:
        if len(failures) == _ATTEMPTS - 1:
            host.way.doubt()
        try:
            return ask(host.measure)
        except OUT_OF_REACH as error:
            failures.append(error)
            if host.way.fallback is None or host.way.moved:
                break
    raise failures[0]

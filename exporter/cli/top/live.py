"""The live screen: what is known, drawn anew with every answer and every second, until it is told to end."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.live import Live

from exporter.cli.top.drawing import Scene, draw
from exporter.cli.top.terminal import Event, Terminal
from exporter.cli.top.watch import Sight, Watch

if TYPE_CHECKING:
    from exporter.cli.top.source import Source
    from exporter.clock import Clock

_SECOND: Final = 1.0
_KEYS: Final = "q ends"
_WIDTH: Final = 80
_HEIGHT: Final = 24
"""What a terminal is taken for that does not know its size, as on a serial line."""


def scene_of(sight: Sight, *, url: str, elapsed: float, interval: float, keys: str = "") -> Scene:
    """Return what is to be drawn of a sight at a moment of `Clock.elapsed`; old numbers are none."""
    silent = sight.age(elapsed)
    failure = sight.failure
    if not failure and sight.overview is not None and not sight.is_fresh(elapsed, interval=interval):
        failure = "it does not answer"
    return Scene(
        url=url,
        overview=sight.overview,
        now=sight.now(elapsed),
        silent=silent,
        failure=failure,
        blocks=can_show_blocks(),
        keys=keys,
    )


def can_show_blocks() -> bool:
    """Say whether what is printed can hold block characters."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


class Screen:
    """The live view of one exporter; `show` returns when it is ended by a key or a signal."""

    def __init__(self, source: Source, *, url: str, interval: float, clock: Clock) -> None:
        """Show what `source` answers every `interval` seconds."""
        self._source = source
        self._url = url
        self._interval = interval
        self._clock = clock
        self._console = Console(highlight=False)

    def show(self) -> int:
        """Show it until the end, and return 0; the terminal is then as it was."""
        event, sight = Event.SUSPEND, Sight(asked_since=self._clock.elapsed())
        try:
            while event is Event.SUSPEND:
                event, sight = self._look(sight)
                if event is Event.SUSPEND:
                    os.kill(os.getpid(), signal.SIGSTOP)
        except OSError as error:
            if error.errno != errno.EIO:  # that is a terminal which has been closed: nobody looks any more
                raise
        return 0

    def _look(self, sight: Sight) -> tuple[Event, Sight]:
        with (
            Terminal() as terminal,
            Watch(self._source, sight, interval=self._interval, on_sight=terminal.wake) as watch,
            Live(
                console=self._console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
            ) as live,
        ):
            event = Event.NOTHING
            while event is Event.NOTHING:
                live.update(self._drawn(watch.sight), refresh=True)
                event = terminal.wait(_SECOND)
        return event, watch.sight

    def _drawn(self, sight: Sight) -> Group:
        # Asked each time: a console believes COLUMNS and LINES, which do not follow a window.
        width, height = os.get_terminal_size(sys.stdout.fileno())
        width, height = width or _WIDTH, height or _HEIGHT
        self._console.size = (width, height)
        scene = scene_of(sight, url=self._url, elapsed=self._clock.elapsed(), interval=self._interval, keys=_KEYS)
        lines = draw(scene, width=width, height=height)
        for line in lines:
            line.no_wrap = True
        return Group(*lines)

"""The terminal while something is watched: another screen, keys without echo, and all of it as it was afterwards.

Signals and keys come as events in one place, where the screen is waited at: ending, suspending and a new size never
interrupt a drawing.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_ENDING: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
_END_KEYS: Final = frozenset(b"qQ\x03\x04")
"""q, and what Ctrl-C and Ctrl-D send where they are no signals."""
_MOST: Final = 1024


class Event(Enum):
    """What the wait has brought."""

    NOTHING = auto()
    END = auto()
    SUSPEND = auto()


class Terminal:
    """Keys and signals of this process; a context manager, for the main thread."""

    def __init__(self) -> None:
        """Change nothing yet."""
        self._parts = ExitStack()
        self._woken, self._waker = os.pipe()
        self._signals: list[int] = []

    def __enter__(self) -> Self:
        """Take the signals and the keyboard."""
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)
        self._parts.callback(self._close)
        for number in (*_ENDING, signal.SIGTSTP, signal.SIGWINCH):
            self._parts.callback(signal.signal, number, signal.signal(number, self._signalled))
        self._parts.enter_context(_keys_without_echo())
        return self

    def __exit__(self, *error: object) -> None:
        """Give them back."""
        self._parts.close()

    def wake(self) -> None:
        """End the wait that is going on, or the next one; from any thread."""
        with suppress(OSError):  # it is full, and so it wakes; or all has ended
            os.write(self._waker, b".")

    def wait(self, seconds: float) -> Event:
        """Return after a key, a signal, a call of `wake` or `seconds`."""
        keyboard = [sys.stdin.fileno()] if _has_keyboard() else []
        ready, _, _ = select.select([self._woken, *keyboard], [], [], seconds)
        if self._woken in ready:
            os.read(self._woken, _MOST)
        numbers, self._signals = self._signals, []
        if _ENDING.intersection(numbers) or (len(ready) > (self._woken in ready) and _is_end_pressed()):
            return Event.END
        return Event.SUSPEND if signal.SIGTSTP in numbers else Event.NOTHING

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._signals.append(number)
        self.wake()

    def _close(self) -> None:
        os.close(self._woken)
        os.close(self._waker)


def _has_keyboard() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _is_end_pressed() -> bool:
    try:
        pressed = os.read(sys.stdin.fileno(), _MOST)
    except OSError:
        return True  # the terminal is gone
    return not pressed or not _END_KEYS.isdisjoint(pressed)


@contextmanager
def _keys_without_echo() -> Iterator[None]:
    if not _has_keyboard():
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        with suppress(termios.error):  # a terminal that has been closed
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

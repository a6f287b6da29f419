"""The signals that end a process, or ask it to reload, as words in a queue.

A thread of its own waits for them and does nothing else. `sigtimedwait` would spare it, but an interrupted wait that is
overdue after that (a debugger, a frozen container, a suspended machine) returns a number that nobody sent, and a
handler could interrupt any line of the main thread.
"""

from __future__ import annotations

import signal
import threading
from queue import Empty, SimpleQueue
from typing import Final

ENDING: Final = frozenset({signal.SIGINT, signal.SIGTERM})
RELOADING: Final = frozenset({signal.SIGHUP})


class Signals:
    """Holds the signals back from all threads that begin later, and hands them out one by one."""

    def __init__(self) -> None:
        """Begin; to be called before any other thread begins."""
        self._told: SimpleQueue[signal.Signals] = SimpleQueue()
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING | RELOADING)
        threading.Thread(target=self._listen, name="signals", daemon=True).start()

    def next(self, timeout: float) -> signal.Signals | None:
        """Return the next signal, or `None` when there was none for `timeout` seconds."""
        try:
            return self._told.get(timeout=timeout)
        except Empty:
            return None

    def put_back(self, told: signal.Signals) -> None:
        """Hand a signal out once more, later."""
        self._told.put(told)

    def _listen(self) -> None:
        while True:
            self._told.put(signal.Signals(signal.sigwait(ENDING | RELOADING)))

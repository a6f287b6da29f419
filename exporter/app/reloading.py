"""Reading the configuration anew: on request, on a signal, or because a file has changed; one at a time.

Owns the thread that does it and the word on how the last time went. What is read and what is done with it is its
builder's.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from exporter.app.roster import BusyError
from exporter.config import Config, ConfigError
from exporter.config.sources import stamps
from exporter.ledger import LedgerError
from exporter.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from exporter.config.sources import Stamp

_GLANCE_SECONDS: Final = 1.0
_LONGEST_REQUEST: Final = 120.0
_FIRST_PAUSE_SECONDS: Final = 30.0
_LONGEST_PAUSE_SECONDS: Final = 300.0


class NotReloadableError(Exception):
    """The new configuration changes what only a start can change; the message names it."""


class Reloader:
    """Reloads when asked; a configuration that cannot be used changes nothing, and is told."""

    def __init__(
        self,
        *,
        read: Callable[[], Config],
        apply: Callable[[Config], None],
        on_failure: Callable[[], None],
        watches: Mapping[Path, Stamp | None] | None,
        now: Callable[[], float],
    ) -> None:
        """Give what `read` returns to `apply`; `watches` are the files to keep an eye on, as they were last read.

        `now` are seconds that never go back.
        """
        self._read = read
        self._apply = apply
        self._on_failure = on_failure
        self._now = now
        self._is_watching = watches is not None
        self._again_at: float | None = None
        self._pause = _FIRST_PAUSE_SECONDS
        self._seen = dict(watches or {})
        self._looked = self._seen
        self._changed = threading.Condition()
        self._asked = 0
        self._answered = 0
        self._waiting: list[tuple[int, Callable[[], None]]] = []
        self._problem: str | None = None
        self._stopping = False
        self._thread = self._new_thread()
        self._logger = get_logger(__name__)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to listen for requests."""
        self._thread.start()

    def restart(self) -> bool:
        """Begin a new thread if the last one has died; return whether that was done.

        False, too, where the machine gives no thread: ask again.
        """
        if self._stopping or self._thread.ident is None or self.alive:
            return False
        thread = self._new_thread()
        try:
            thread.start()
        except RuntimeError:
            self._logger.exception("The thread that reloads the configuration cannot be started again")
            return False
        self._thread = thread
        return True

    def stop(self, timeout: float) -> None:
        """Begin no further reload, and wait up to `timeout` seconds for one that is under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self.alive:
            self._thread.join(timeout)

    def ask(self, on_end: Callable[[], None] = lambda: None) -> None:
        """Ask for a reload, and do not wait for it; `on_end` is told when it is over, good or not."""
        with self._changed:
            self._asked += 1
            self._waiting.append((self._asked, on_end))
            self._changed.notify_all()

    def request(self) -> str | None:
        """Ask for a reload and wait for its end; return `None` if it was good, else what is wrong."""
        with self._changed:
            self._asked = mine = self._asked + 1
            self._changed.notify_all()
            answered = self._changed.wait_for(lambda: self._answered >= mine or self._stopping, _LONGEST_REQUEST)
            return self._problem if answered and not self._stopping else "the reload did not come to an end"

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="reload", daemon=True)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._stopping or self._asked > self._answered,
                    _GLANCE_SECONDS if self._is_watching else None,
                )
                if self._stopping:
                    return
                asked = self._asked
            if asked > self._answered or self._have_files_changed() or self._is_due():
                self._reload(asked)

    def _have_files_changed(self) -> bool:
        # Twice the same: a file that is being written is let be until it stands still.
        before, self._looked = self._looked, dict(stamps(self._seen))
        return self._looked != self._seen and self._looked == before

    def _is_due(self) -> bool:
        return self._is_watching and self._again_at is not None and self._now() >= self._again_at

    def _reload(self, asked: int) -> None:
        problem = self._attempt()
        if problem is not None:
            self._on_failure()
            for line in problem.splitlines():
                self._logger.error("The configuration was not reloaded, the old one goes on", err=line)
        with self._changed:
            self._problem, self._answered = problem, asked
            told = [on_end for number, on_end in self._waiting if number <= asked]
            self._waiting = [(number, on_end) for number, on_end in self._waiting if number > asked]
            self._changed.notify_all()
        for on_end in told:
            self._tell(on_end)

    def _tell(self, on_end: Callable[[], None]) -> None:
        try:
            on_end()
        except Exception:  # the boundary of a thread: the others are told, and it goes on
            self._logger.exception("Whoever asked for a reload could not be told of its end")

    def _attempt(self) -> str | None:
        self._seen = dict(stamps(self._seen))
        pause, self._pause, self._again_at = self._pause, _FIRST_PAUSE_SECONDS, None
        try:
            config = self._read()
            self._seen = dict(config.stamps)
            self._apply(config)
        except ConfigError as error:
            self._seen |= error.stamps
            return str(error)
        except (BusyError, LedgerError) as error:
            # Good, and still to be applied. What is in the way may stay for long: the log is not to be filled with it.
            self._again_at, self._pause = self._now() + pause, min(2 * pause, _LONGEST_PAUSE_SECONDS)
            return str(error)
        except NotReloadableError as error:
            return str(error)
        except Exception as error:  # the boundary of a thread: whoever asked is told, and may ask again
            self._logger.exception("A reload ended in an error that nobody foresaw")
            return f"an error that nobody foresaw ({type(error).__name__}); the log has more"
        return None

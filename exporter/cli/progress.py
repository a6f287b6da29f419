"""How far the income history has been read: a bar on a terminal, now and then a line in the log elsewhere."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, Self, TextIO

from exporter.logs import get_logger

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import TaskID

_STEP: Final = 0.25
_DONE: Final = 1.0


class LoggedProgress:
    """Logs each quarter that has been read; thread-safe."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._lock = Lock()
        self._told: dict[str, float] = {}

    def __call__(self, account: str, share: float) -> None:
        """Take note of progress; the end is told by whoever reads."""
        with self._lock:
            due = self._told.get(account, 0.0) + _STEP
            if share >= _DONE or share < due:
                return
            self._told[account] = share
        get_logger(__name__).info("Reading the income history", account=account, read=f"{share:.0%}")


class ProgressBar:
    """A bar for each account whose history is being read, gone when it has been; thread-safe.

    Log lines have to be written through this, or they would end up inside the bars.
    """

    def __init__(self, terminal: TextIO) -> None:
        """Draw on `terminal`; nothing is drawn while there is nothing to tell."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._lock = Lock()
        self._terminal = terminal
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("Income history of {task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(file=terminal),
            transient=True,
        )

    def __enter__(self) -> Self:
        """Draw from now on."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        with self._lock:
            self._bars.clear()
            self._progress.stop()

    def __call__(self, account: str, share: float) -> None:
        """Draw progress."""
        with self._lock:
            if share < _DONE:
                self._show(account, share)
            elif account in self._bars:
                self._progress.remove_task(self._bars.pop(account))
                if not self._bars:
                    self._progress.stop()

    def write(self, text: str) -> None:
        """Write a log line, above the bars if there are any."""
        with self._lock:
            if self._bars:
                self._progress.console.print(text, end="", markup=False, highlight=False, emoji=False, soft_wrap=True)
            else:
                self._terminal.write(text)

    def flush(self) -> None:
        """Bring out what was written."""
        self._terminal.flush()

    def _show(self, account: str, share: float) -> None:
        if account not in self._bars:
            self._bars[account] = self._progress.add_task(account, total=_DONE)
            self._progress.start()
        self._progress.update(self._bars[account], completed=share)

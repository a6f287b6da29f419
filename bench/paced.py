"""The command `bingx-exporter` in a process of its own, with notes of how late each of its polls is.

Owns that process, from both ends: `paced` starts it and asks for the notes, and run as a module it is that process.
Nothing of the exporter is replaced; its scheduler is looked over the shoulder, and can be held still.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bench.watched import begun
from exporter.cli import run_command
from exporter.clock import SystemClock
from exporter.polling.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.processes import Setting

_TAKE: Final = "take"
_HOLD: Final = "hold"
_RELEASE: Final = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Polls:
    """How many seconds after its due time each poll began and was over; CPU seconds of the scheduler's thread so far.

    A poll is over when its answer is on the page.
    """

    began: Sequence[float]
    over: Sequence[float]
    scheduler_cpu: float


@dataclass(frozen=True, slots=True)
class Paced:
    """An exporter whose collectors have all tried once."""

    url: str
    pid: int
    _process: subprocess.Popen[bytes]

    def take(self) -> Polls:
        """Return what was noted since the last time."""
        return Polls(**self._ask(_TAKE))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no poll begin until the end of the block; what was due meanwhile begins all at once then."""
        self._ask(_HOLD)
        try:
            yield
        finally:
            self._ask(_RELEASE)

    def _ask(self, order: str) -> Any:  # noqa: ANN401 - JSON
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{order}\n".encode())
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def paced(setting: Setting) -> Iterator[Paced]:
    """Run the exporter until the end of the block, which begins when it says that it is ready."""
    command = (sys.executable, "-m", __name__)
    with begun(setting, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as (url, process):
        yield Paced(url, process.pid, process)


class _Notes:
    """What is noted beside the scheduler of this process."""

    def __init__(self) -> None:
        self._began: list[float] = []
        self._over: list[float] = []
        self._free = threading.Event()
        self._free.set()
        self._thread: int | None = None

    def attach(self) -> None:
        """Have every scheduler of this process tell."""
        turn, begin, step = Scheduler._turn, Scheduler._begin, Scheduler._step  # noqa: SLF001 - nothing else knows it
        clock = SystemClock()

        def turning(scheduler: Scheduler) -> bool:
            self._thread = threading.get_ident()
            self._free.wait()
            return turn(scheduler)

        def beginning(scheduler: Scheduler, task: Any, permit: Any) -> bool:  # noqa: ANN401 - passed on as it is
            due = scheduler._due[task][0]  # noqa: SLF001 - the same
            if not begin(scheduler, task, permit):
                return False
            self._began.append(clock.elapsed() - due)
            return True

        def stepping(scheduler: Scheduler, task: Any, permit: Any) -> None:  # noqa: ANN401 - passed on as it is
            due = scheduler._due[task][0]  # noqa: SLF001 - the same
            step(scheduler, task, permit)
            self._over.append(clock.elapsed() - due)

        Scheduler._turn = turning  # type: ignore[assignment,method-assign]  # noqa: SLF001 - the same
        Scheduler._begin = beginning  # type: ignore[assignment,method-assign]  # noqa: SLF001 - the same
        Scheduler._step = stepping  # type: ignore[assignment,method-assign]  # noqa: SLF001 - the same

    def obey(self) -> None:
        """Do what standard input says, line by line; the body of a thread."""
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are for the exporter
        # Unbuffered: a thread that waits inside a buffer's lock makes the end of the process a crash.
        with open(0, "rb", buffering=0, closefd=False) as orders:
            for order in orders:
                print(json.dumps(self._answer(order.decode().strip())), flush=True)

    def _answer(self, order: str) -> dict[str, object]:
        if order == _HOLD:
            self._free.clear()
        elif order == _RELEASE:
            self._free.set()
        else:
            return self._taken()
        return {}

    def _taken(self) -> dict[str, object]:
        assert self._thread is not None
        began, self._began = self._began, []
        over, self._over = self._over, []
        cpu = time.clock_gettime(time.pthread_getcpuclockid(self._thread))
        return {"began": began, "over": over, "scheduler_cpu": cpu}


def main() -> int:
    """Be the exporter that the command line names, and take notes; returns its exit code."""
    notes = _Notes()
    notes.attach()
    threading.Thread(target=notes.obey, name="notes", daemon=True).start()
    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

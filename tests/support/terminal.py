"""The installed command in a pseudo terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping

from support.processes import COMMAND, eventually


class Terminal:
    """The command with a pseudo terminal as its standard input, output and error."""

    def __init__(
        self, *arguments: str, size: tuple[int, int] = (100, 30), environ: Mapping[str, str] | None = None
    ) -> None:
        """Run the command in a terminal of columns and rows."""
        self._ours, self.its = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self.its)
        self.written = ""
        self._open = True
        plain = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "LINES"}}
        self.process = subprocess.Popen(
            ["setsid", "--ctty", COMMAND, *arguments],
            stdin=self.its,
            stdout=self.its,
            stderr=self.its,
            env={**plain, "TERM": "xterm-256color", **(environ or {})},
        )

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the kernel tells the command."""
        fcntl.ioctl(self.its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def screen(self) -> list[str]:
        """Return the last whole frame as text."""
        self.read()
        frame = self.written.split("\x1b[H")[-1]
        return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame).splitlines()]

    def read(self) -> None:
        """Take what has been written meanwhile."""
        while select.select([self._ours], [], [], 0.02)[0]:
            try:
                self.written += os.read(self._ours, 65536).decode().replace("\r\n", "\n")
            except OSError:  # nobody has the other end any more
                return

    def shows(self, *texts: str, seconds: float = 15) -> list[str]:
        """Wait until all the texts are on the screen, and return its lines."""

        def found() -> list[str]:
            lines = self.screen()
            assert all(any(text in line for line in lines) for text in texts), lines
            return lines

        return eventually(found, seconds=seconds, what=f"the screen shows {texts}")

    def end(self) -> int:
        """Wait for the end of the command, and return its exit code."""
        ends = time.monotonic() + 10  # noqa: TID251 - the time of the test
        while self.process.poll() is None and time.monotonic() < ends:  # noqa: TID251 - the same
            self.read()
        code = self.process.wait(0.1)
        self.read()
        return code

    def hang_up(self) -> None:
        """Close the terminal under the command."""
        os.close(self.its)
        os.close(self._ours)
        self._open = False

    def close(self) -> None:
        """End the command, however it is, and close the terminal."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        if self._open:
            os.close(self._ours)
            os.close(self.its)

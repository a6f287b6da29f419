"""Standard output itself: what it cannot encode, and its end when it takes no more."""

from __future__ import annotations

import errno
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Final, TextIO

PIPE_CLOSED: Final = "nobody reads what is written: the pipe is closed"
NO_OUTPUT: Final = "standard output is closed"
_ON_WRITING: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def escape_what_cannot_be_encoded() -> None:
    r"""Let standard output write `\u....` for a character that it cannot encode, instead of failing."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def flush_output() -> None:
    """Bring out what was printed; raises `OSError` if that fails."""
    if sys.stdout is not None:
        sys.stdout.flush()


def close_output() -> None:
    """Lead standard output to nowhere: what is in its buffer would fail again when the interpreter ends."""
    _lead_to_nowhere(sys.stdout)


def is_of_output(error: OSError) -> bool:
    """Say whether an error is one of writing to what was open already."""
    return error.filename is None and error.errno in _ON_WRITING


def give_up_output(error: OSError) -> int:
    """Tell on standard error, if that can still be written, that output failed; return the exit code."""
    close_output()
    return refuse(PIPE_CLOSED if isinstance(error, BrokenPipeError) else f"cannot write: {error.strerror}")


def refuse(message: str) -> int:
    """Tell why there is no output, and return the exit code for that."""
    try:
        print(f"bingx-exporter: {message}", file=sys.stderr, flush=True)
    except OSError:  # then the exit code has to say it
        _lead_to_nowhere(sys.stderr)
    return 1


def _lead_to_nowhere(stream: TextIO) -> None:
    with Path(os.devnull).open("w", encoding="ascii") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())

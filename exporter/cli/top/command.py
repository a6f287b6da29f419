"""`bingx-exporter top`: from the flags to one print or the live screen, and the exit code."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Final

from exporter.cli.table import put, width_of_terminal
from exporter.cli.top.document import document
from exporter.cli.top.drawing import draw
from exporter.cli.top.live import Screen, scene_of
from exporter.cli.top.source import Login, Source
from exporter.cli.top.watch import Sight, look
from exporter.cli.wording import duration, shown
from exporter.clock import SystemClock
from exporter.model import Secret

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping
    from pathlib import Path

    from exporter.cli.top.view import Overview

PASSWORD_VARIABLE: Final = "BINGX_EXPORTER_PASSWORD"  # noqa: S105 - the name of a variable


class NoLogin(Exception):  # noqa: N818 - flags that cannot be followed
    """The password cannot be had; the message says why."""


def command(flags: Namespace) -> int:
    """Show a running exporter; return 0, or 1 if it cannot be asked (live: only if the flags do not allow to ask)."""
    clock = SystemClock()
    try:
        login = login_of(flags, os.environ)
        source = Source(flags.url, login, telemetry_path=flags.telemetry_path, clock=clock)
    except (NoLogin, OSError) as error:
        return _fail(str(error))
    if not flags.once and flags.format == "table" and _is_screen():
        return Screen(source, url=str(flags.url), interval=flags.interval, clock=clock).show()
    sight = look(source, Sight(asked_since=clock.elapsed()))
    if sight.overview is None:
        return _fail(f"{flags.url}: {sight.failure}")
    return print_once(sight, sight.overview, flags, elapsed=clock.elapsed())


def print_once(sight: Sight, overview: Overview, flags: Namespace, *, elapsed: float) -> int:
    """Print what `sight` saw, as it stands at a moment of `Clock.elapsed`; return 0, or 1 if it is too old by then."""
    if not sight.is_fresh(elapsed, interval=flags.interval):
        return _fail(f"{flags.url}: it took {duration(sight.age(elapsed))} to read its page, too long to be of now")
    if flags.format == "json":
        print(json.dumps(document(overview, url=str(flags.url), now=sight.now(elapsed)), indent=2))
        return 0
    scene = scene_of(sight, url=str(flags.url), elapsed=elapsed, interval=flags.interval)
    put(draw(scene, width=width_of_terminal()))
    return 0


def login_of(flags: Namespace, environ: Mapping[str, str]) -> Login:
    """Return who asks: the password is that of the file, else that of the environment; raises `NoLogin`."""
    password = None
    if flags.user:
        password = _password(flags.password_file, environ)
    elif flags.password_file is not None:
        message = "--password-file is of no use without --user"
        raise NoLogin(message)
    return Login(
        user=flags.user or "",
        password=password,
        ca_file=flags.ca_file,
        cert_file=flags.cert_file,
        key_file=flags.key_file,
    )


def _password(file: Path | None, environ: Mapping[str, str]) -> Secret:
    if file is None:
        text = environ.get(PASSWORD_VARIABLE)
    else:
        try:
            text = file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            message = f"the password cannot be read from {file}: {getattr(error, 'strerror', None) or 'no UTF-8 text'}"
            raise NoLogin(message) from error
    if not text:
        message = f"no password for --user: give --password-file or {PASSWORD_VARIABLE}"
        raise NoLogin(message)
    return Secret(text)


def _is_screen() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}


def _fail(message: str) -> int:
    print(f"bingx-exporter: {shown(message)}", file=sys.stderr)
    return 1

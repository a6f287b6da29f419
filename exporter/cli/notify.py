"""A word to the service manager: ready, reloading, stopping, over the datagram socket that it names.

Speaks the protocol of sd_notify(3) with the standard library alone. Does nothing where no service manager listens, and
never stops the program: a word that cannot be sent is logged.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

from exporter import logs

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE: Final = "NOTIFY_SOCKET"
_SECONDS: Final = 1.0


def ready(environ: Mapping[str, str] = os.environ) -> None:
    """Say that the service works, at its start or after a reload."""
    _tell("READY=1", environ)


def reloading(environ: Mapping[str, str] = os.environ) -> None:
    """Say that the configuration is being read again; `ready` ends that, whether or not the new one was taken."""
    _tell("RELOADING=1", environ)


def stopping(environ: Mapping[str, str] = os.environ) -> None:
    """Say that the service begins to stop."""
    _tell("STOPPING=1", environ)


def _tell(state: str, environ: Mapping[str, str]) -> None:
    address = environ.get(_VARIABLE)
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(_SECONDS)
            sender.sendto(state.encode(), _address(address))
    except (OSError, ValueError) as error:
        logs.get_logger(__name__).warning("The service manager was not told", state=state, err=str(error))


def _address(text: str) -> bytes:
    # A name that begins with "@" is of the abstract namespace, which the kernel writes with a zero byte.
    return os.fsencode(f"\0{text[1:]}" if text.startswith("@") else text)

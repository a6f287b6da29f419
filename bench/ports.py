"""Ports for programs that cannot be asked to take a free one and say which."""

from __future__ import annotations

import errno
import secrets
import socket
from typing import Final

_LOWEST: Final = 20_000
_HIGHEST: Final = 32_767  # above it systems take ports for connections that go out, at any moment
_ATTEMPTS: Final = 100


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port of an address that nobody holds, and that no connection that goes out is given.

    Raises:
        OSError: the address is not one of this machine, or hardly any port of it is free.

    """
    for _ in range(_ATTEMPTS):
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST + 1)
        if _is_free(address, port):
            return port
    message = f"none of {_ATTEMPTS} ports that were tried at {address} is free"
    raise OSError(message)


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind((address, port))
        except OSError as trouble:
            if trouble.errno != errno.EADDRINUSE:
                raise
            return False
        return True

"""The sockets to listen on: bound by address, or handed over by systemd; raises `ListenError` and nothing else."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

BACKLOG: Final = 256
_SEND_BUFFER: Final = 1 << 18
_LAST_PORT: Final = 65535
_FIRST_DESCRIPTOR: Final = 3
_HANDED_OVER: Final = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}  # noqa: S104 - how to reach, not where to bind


class ListenError(Exception):
    """An address cannot be listened on, or systemd handed over no socket; the message says which, why, and the mend."""


def bound(addresses: Iterable[str]) -> list[socket.socket]:
    """Listen on all of `addresses`, each `HOST:PORT`, `[IPV6]:PORT` or `:PORT`; on none if one of them fails."""
    taken: list[socket.socket] = []
    try:
        taken.extend(_bind(address) for address in addresses)
    except ListenError:
        _close(taken)
        raise
    return taken


def systemd_sockets(environ: MutableMapping[str, str], *, first: int = _FIRST_DESCRIPTOR) -> list[socket.socket]:
    """Take the sockets that systemd hands over, as in sd_listen_fds(3), and what `environ` says of them.

    Only listening stream sockets are taken; if one of them is none, or there is none at all, none is kept open.
    """
    said = {name: environ.pop(name, "") for name in _HANDED_OVER}
    if said["LISTEN_PID"] != str(os.getpid()):
        theirs = f"for the process {said['LISTEN_PID']}, not for this one" if said["LISTEN_PID"] else "for nobody"
        message = f"--web.systemd-socket: there are sockets {theirs}; start by a .socket unit, or leave the flag out"
        raise ListenError(message)
    count = said["LISTEN_FDS"]
    if not (count.isascii() and count.isdigit() and int(count)):
        message = f"--web.systemd-socket: LISTEN_FDS={count!r} is no number of sockets; the .socket unit must name one"
        raise ListenError(message)
    taken: list[socket.socket] = []
    try:
        taken.extend(_handed_over(descriptor) for descriptor in range(first, first + int(count)))
    except ListenError:
        _close(taken)
        raise
    return taken


def url_of(one: socket.socket, *, scheme: str) -> str:
    """Return where a peer on this machine reaches the socket; `unix://PATH` for one that has a path."""
    name: tuple[str, int] | str | bytes = one.getsockname()
    if not isinstance(name, tuple):
        return "unix://" + os.fsdecode(name)
    host, port = _ANYWHERE.get(name[0], name[0]), name[1]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _bind(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        number = _port(port)
        if not host and socket.has_dualstack_ipv6():
            one = socket.create_server(("", number), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            one = socket.create_server((host, number), family=family, backlog=BACKLOG)
    except (OSError, ValueError) as error:
        message = f"cannot listen on {address!r}: {error}; choose another one with --web.listen-address"
        raise ListenError(message) from error
    _limit(one)
    return one


def _limit(one: socket.socket) -> None:
    # Connections inherit it. The system would put up to 4 MB aside for a peer that asks and reads nothing, and have
    # a page made for every 4 MB that such a peer asks for.
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _LAST_PORT):
        message = f"{text!r} is no port"
        raise ValueError(message)
    return int(text)


def _handed_over(descriptor: int) -> socket.socket:
    try:
        one = socket.socket(fileno=descriptor)
        listens = one.type == socket.SOCK_STREAM and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        message = f"--web.systemd-socket: descriptor {descriptor} cannot be used: {error}"
        raise ListenError(message) from error
    if not listens:
        one.close()
        message = f"--web.systemd-socket: descriptor {descriptor} does not listen; use ListenStream= and Accept=no"
        raise ListenError(message)
    _limit(one)
    one.set_inheritable(False)
    one.setblocking(False)
    return one


def _close(sockets: Iterable[socket.socket]) -> None:
    for one in sockets:
        one.close()

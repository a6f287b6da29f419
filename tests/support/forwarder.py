"""A port that leads to another one, until a test cuts it: the same exchange by two addresses."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Self
from urllib.parse import urlsplit

_RESET = struct.pack("ii", 1, 0)


class Forwarder:
    """Forwards connections; `requests` are the heads that came, each with the address that it came from."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 80)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self.port = 0
        self.requests: list[tuple[str, bytes]] = []
        self.is_silent = False
        self.denied: frozenset[str] = frozenset()
        """From these addresses connections are reset."""
        self.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        for thread in self._threads:
            thread.join(5)

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.name}"

    def asked(self) -> list[str]:
        """Return the paths that were asked for, and forget them."""
        with self._lock:
            heads, self.requests = self.requests, []
        return [head.split(b" ")[1].partition(b"?")[0].decode() for _, head in heads]

    def join(self) -> None:
        """Lead to the target, from now on or again."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._begin(self._accept, self._listener)

    def cut(self) -> None:
        """Refuse connections and reset those that there are."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.reset()

    def reset(self) -> None:
        """Reset the connections that there are."""
        with self._lock:
            ends = list(self._open)
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _begin(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)  # type: ignore[arg-type]  # one of the methods below
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, (host, _) = listener.accept()
            except OSError:
                return
            if host in self.denied:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                client.close()
            else:
                self._begin(self._talk, client, host)

    def _talk(self, client: socket.socket, host: str) -> None:
        with client, socket.create_connection(self._target) as server:
            with self._lock:
                self._open |= {client, server}
            answers = threading.Thread(target=self._pump, args=(server, client, None))
            answers.start()
            self._pump(client, server, host)
            answers.join()
            with self._lock:
                self._open -= {client, server}

    def _pump(self, source: socket.socket, sink: socket.socket, host: str | None) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if host is not None:
                    with self._lock:
                        self.requests.append((host, piece))
                if not self.is_silent:
                    sink.sendall(piece)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

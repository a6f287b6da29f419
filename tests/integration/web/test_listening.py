"""Sockets that are handed over, and those with a path."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from integration.web.peers import site

from exporter.web.listening import ListenError, systemd_sockets, url_of
from exporter.web.server import WebServer

FIRST = 700
ACTIVATED = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid())
os.dup2(int(sys.argv[1]), 3)
from exporter.web.pieces import Parts
from exporter.web.server import Site, WebServer
from exporter.web.site import Document
landing = Document(html="landing")
page = (Parts(b"page"),)
site = Site(metrics={"text/plain": lambda: page}, landing=lambda: landing, healthy=lambda: None, ready=lambda: None)
server = WebServer(site, addresses=["203.0.113.1:1"], systemd=True)
server.bind()
server.start()
sys.stdout.write(" ".join([*server.urls, *(name for name in os.environ if name.startswith("LISTEN"))]) + "\\n")
sys.stdout.flush()
sys.stdin.read()
server.stop(2)
"""


@contextmanager
def handed_over(*sockets: socket.socket) -> Iterator[dict[str, str]]:
    """Put them where systemd would, only higher up."""
    with ExitStack() as stack:
        for number, one in enumerate(sockets):
            os.dup2(one.fileno(), FIRST + number)
            stack.callback(close, FIRST + number)
            one.close()
        yield {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": "web", "HOME": "/"}


def close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        return


def test_sockets_are_taken_and_the_environment_forgets_them(tmp_path: Path) -> None:
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "web.sock"))
    unix.listen()
    with handed_over(socket.create_server(("127.0.0.1", 0)), unix) as environ:
        taken = systemd_sockets(environ, first=FIRST)
        try:
            assert environ == {"HOME": "/"}
            assert [one.family for one in taken] == [socket.AF_INET, socket.AF_UNIX]
            assert not any(one.get_inheritable() for one in taken)
            assert url_of(taken[1], scheme="http") == f"unix://{tmp_path}/web.sock"
        finally:
            for one in taken:
                one.close()


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({}, "for nobody"),
        ({"LISTEN_PID": "1", "LISTEN_FDS": "1"}, "for the process 1"),
        ({"LISTEN_PID": "me"}, "no number of sockets"),
        ({"LISTEN_PID": "me", "LISTEN_FDS": "0"}, "no number of sockets"),
        ({"LISTEN_PID": "me", "LISTEN_FDS": "-1"}, "no number of sockets"),
        ({"LISTEN_PID": "me", "LISTEN_FDS": "1"}, "descriptor 700 cannot be used"),
    ],
)
def test_what_was_not_handed_over_is_told(said: dict[str, str], complaint: str) -> None:
    environ = {name: str(os.getpid()) if value == "me" else value for name, value in said.items()}
    with pytest.raises(ListenError, match=complaint) as caught:
        systemd_sockets(environ, first=FIRST)
    assert "--web.systemd-socket" in str(caught.value)
    assert environ == {}


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_socket_that_does_not_listen_is_refused_and_none_is_kept(kind: socket.SocketKind) -> None:
    good = socket.create_server(("127.0.0.1", 0))
    with handed_over(good, socket.socket(type=kind)) as environ:
        with pytest.raises(ListenError, match="descriptor 701 does not listen"):
            systemd_sockets(environ, first=FIRST)
        for descriptor in (FIRST, FIRST + 1):
            with pytest.raises(OSError, match="Bad file"):
                os.fstat(descriptor)


def test_a_server_that_was_started_by_a_connection_serves_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with subprocess.Popen(
            [sys.executable, "-c", ACTIVATED, str(listening.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[listening.fileno()],
            env={**os.environ, "LISTEN_FDS": "1"},
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline().split() == [f"http://127.0.0.1:{port}"]
                with socket.create_connection(("127.0.0.1", port), 5) as peer:
                    peer.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                    assert peer.recv(4096).startswith(b"HTTP/1.0 200")
                assert process.stdin is not None
                process.stdin.close()
                assert process.wait(5) == 0
            finally:
                process.kill()


def test_a_server_asked_to_take_sockets_takes_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LISTEN_PID", raising=False)
    server = WebServer(site(), addresses=["127.0.0.1:0"], systemd=True)
    with pytest.raises(ListenError, match="for nobody"):
        server.bind()
    assert server.urls == ()

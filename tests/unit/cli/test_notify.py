"""What the service manager is told, on a real datagram socket."""

from __future__ import annotations

import io
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter import logs
from exporter.cli import notify

WORDS = [(notify.ready, b"READY=1"), (notify.reloading, b"RELOADING=1"), (notify.stopping, b"STOPPING=1")]


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(2)
        yield listener


@pytest.mark.parametrize(("tell", "word"), WORDS, ids=lambda part: getattr(part, "__name__", ""))
def test_the_service_manager_hears_each_word(
    tell: Callable[[Mapping[str, str]], None], word: bytes, tmp_path: Path
) -> None:
    path = str(tmp_path / "notify")
    with manager(path) as listener:
        tell({"NOTIFY_SOCKET": path})
        assert listener.recv(100) == word


def test_an_abstract_name_begins_with_an_at_sign() -> None:
    name = f"bingx-exporter-{secrets.token_hex(8)}"
    with manager(f"\0{name}") as listener:
        notify.ready({"NOTIFY_SOCKET": f"@{name}"})
        assert listener.recv(100) == b"READY=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}])
def test_without_a_service_manager_nothing_happens(environ: Mapping[str, str]) -> None:
    stream = io.StringIO()
    logs.configure("info", "logfmt", stream)
    notify.ready(environ)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("address", ["/no/such/socket", "a\0b", "x" * 200])
def test_a_word_that_cannot_be_sent_is_logged_and_stops_nothing(address: str) -> None:
    stream = io.StringIO()
    logs.configure("info", "logfmt", stream)
    notify.stopping({"NOTIFY_SOCKET": address})
    assert "The service manager was not told" in stream.getvalue()
    assert "state=" in stream.getvalue()

"""A port for a program is free, and stays so until the program has it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bench import ports
from bench.ports import free_port

GIVEN_TO_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_no_connection_that_goes_out_is_given_it() -> None:
    lowest = int(GIVEN_TO_CONNECTIONS.read_text().split()[0])
    assert all(free_port() < lowest for _ in range(50))


def test_one_that_is_held_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.2", free_port("127.0.0.2"))) as one:
        held = one.getsockname()[1]
        monkeypatch.setattr(ports, "_LOWEST", held)
        monkeypatch.setattr(ports, "_HIGHEST", held)
        with pytest.raises(OSError, match=r"none of 100 ports that were tried at 127\.0\.0\.2 is free"):
            free_port("127.0.0.2")
        assert free_port("127.0.0.3") == held


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(OSError, match="Cannot assign requested address"):
        free_port("192.0.2.1")

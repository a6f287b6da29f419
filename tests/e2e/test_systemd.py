"""The units are understood by systemd, and leave the service little room."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Final

import pytest
import yaml
from support.exchange import Exchange
from support.processes import COMMAND, exporter, get, needed, run

from exporter.cli.flags import parse

UNITS: Final = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
SERVICE: Final = UNITS / "bingx-exporter.service"


def said(key: str, unit: Path = SERVICE) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text("utf-8"), re.MULTILINE)


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    program = needed("systemd-analyze")
    units = [Path(shutil.copy(unit, tmp_path)) for unit in sorted(UNITS.glob("bingx-exporter.*"))]
    for unit in units:
        # It also looks whether the command is there.
        unit.write_text(unit.read_text("utf-8").replace("/opt/bingx-exporter/bin/bingx-exporter", str(COMMAND)))
    done = subprocess.run([program, "verify", *units], capture_output=True, text=True, check=False, timeout=60)
    # Words about other units of the machine are not about these.
    assert [line for line in done.stderr.splitlines() if "bingx-exporter" in line] == []
    assert len(units) == 2


def test_the_service_is_exposed_at_most_to_a_fifth() -> None:
    program = needed("systemd-analyze")
    done = subprocess.run(
        [program, "security", "--offline=true", "--threshold=20", "--no-pager", SERVICE],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


def test_the_command_of_the_service_is_understood() -> None:
    (command,) = said("ExecStart")
    path, *words = command.split()
    assert Path(path).name == "bingx-exporter"
    assert parse(words).config_file == "/etc/bingx-exporter/config.yaml"


def test_the_socket_is_the_one_that_the_exporter_would_open() -> None:
    (listen,) = said("ListenStream", UNITS / "bingx-exporter.socket")
    assert listen.endswith(":10066")


def test_systemd_is_told_when_the_service_is_ready_and_when_it_stops(exchange: Exchange, tmp_path: Path) -> None:
    """As `Type=notify` needs it; else the start would be waited for in vain."""
    assert said("Type") == ["notify"]
    address = f"{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(20)
        command = ["run", f"--config.file={exchange.config(tmp_path)}", "--web.listen-address=127.0.0.1:0"]
        with exporter(*command, folder=tmp_path, environ={"NOTIFY_SOCKET": address}) as process:
            assert manager.recv(100) == b"READY=1"
            assert get(f"{process.url}/-/healthy")[0] == 200
            process.process.send_signal(signal.SIGHUP)
            assert [manager.recv(100), manager.recv(100)] == [b"RELOADING=1", b"READY=1"]
            assert process.end() == 0
            assert manager.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("name", ["key", "secret"])
def test_keys_come_as_credentials(name: str, tmp_path: Path) -> None:
    """As the unit hands them over: a directory of files, each named after the credential and its file."""
    (credential,) = said("LoadCredential")
    prefix = credential.partition(":")[0]
    for part in ("key", "secret"):
        (tmp_path / f"{prefix}_main-{part}").write_text("x" * 32)
        (tmp_path / f"{prefix}_main-{part}").chmod(0o400)
    accounts = [
        {"name": "main"}
        | {f"api_{part}_file": "${CREDENTIALS_DIRECTORY}/" + f"{prefix}_main-{part}" for part in ("key", "secret")}
    ]
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"accounts": accounts}))
    flags = ["run", "--config.check", f"--config.file={config}"]
    assert run(*flags, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)}).returncode == 0
    (tmp_path / f"{prefix}_main-{name}").unlink()
    assert run(*flags, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)}).returncode == 1

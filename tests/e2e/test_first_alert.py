"""The first alert, as docs/alerting.md has it: its own commands and its own receiver, on other ports.

Nothing else is changed: the shipped files, at their own pace, and the real Prometheus and Alertmanager.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest
from support.processes import COMMAND, eventually, get, needed

from bench.ports import free_port

pytestmark = [pytest.mark.timeout(180), pytest.mark.alone]

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "alerting.md"
FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORTS: Final = ("10066", "9090", "9093", "9099")
SERVERS: Final = {"prometheus": "9090", "prometheus-alertmanager": "9093"}
"""Programs that listen on these ports if nobody names another."""
PROMISED: Final = "Within two minutes the receiver prints the first page"
PROMISED_SECONDS: Final = 120


def section() -> str:
    """Return what the document says of the first alert."""
    (found,) = re.findall(r"^## The first alert.*?(?=^## )", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(found)


def block(text: str, word: str) -> str:
    """Return the only block of code that has this word."""
    (found,) = [code for _, code in FENCE.findall(text) if word in code]
    return str(found)


def moved(text: str, ports: dict[str, int]) -> str:
    """Put free ports in place of those of the document."""
    return re.sub(rf"\b({'|'.join(PORTS)})\b", lambda found: str(ports[found[1]]), text)


def prepare(folder: Path, text: str, ports: dict[str, int]) -> Path:
    """Do in `folder` what the document says is to be done first; return the receiver."""
    (folder / "deploy").symlink_to(ROOT / "deploy")
    commands = block(text, "mkdir").splitlines()
    assert commands[0].startswith("apt-get install ")
    assert set(SERVERS) <= set(shlex.split(commands[0]))
    # The ports of the shipped files are what the commands look for: only what they put there is moved.
    for command in commands[1:]:
        replaced = re.sub(r"(127\.0\.0\.1:\d+)", lambda found: moved(found[1], ports), command)
        subprocess.run(replaced, shell=True, check=True, cwd=folder, timeout=10)
    (name,) = re.findall(r"`(\S+\.py)`", text)
    receiver = folder / str(name)
    receiver.write_text(moved(block(text, "do_POST"), ports), "utf-8")
    return receiver


@contextmanager
def terminal(command: str, folder: Path, ports: dict[str, int]) -> Iterator[Path]:
    """Run a line of the document as in a terminal of its own; what it prints is in the file."""
    words = shlex.split(moved(command, ports))
    own = {"python3": sys.executable, "bingx-exporter": str(COMMAND)}
    port = SERVERS.get(words[0])
    flags = [] if port is None else [f"--web.listen-address=127.0.0.1:{ports[port]}"]
    program = own.get(words[0]) or needed(words[0])
    log = folder / f"{Path(words[0]).name}.log"
    with log.open("wb") as out:
        environ = {name: text for name, text in os.environ.items() if not name.startswith("BINGX_")}
        process = subprocess.Popen(
            [program, *words[1:], *flags], cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        yield log
        assert process.poll() is None, f"{words[0]} has ended: {log.read_text('utf-8')[-2000:]}"
    finally:
        process.terminate()
        process.wait(20)


def test_the_document_leads_to_the_first_alert_within_the_time_that_it_promises(tmp_path: Path) -> None:
    text = section()
    lines = block(text, "bingx-exporter demo").splitlines()
    assert [shlex.split(line)[0] for line in lines] == ["python3", *reversed(SERVERS), "bingx-exporter"]
    for program in SERVERS:
        needed(program)
    ports = {port: free_port() for port in PORTS}
    receiver = prepare(tmp_path, text, ports)
    assert str(receiver.relative_to(tmp_path)) in lines[0]
    assert PROMISED in text
    like = re.compile(r"/page firing \w+: \w+-USD[TC] \w+ is only \d+(\.\d+)?% from liquidation")
    assert like.fullmatch(block(text, "/page firing").splitlines()[0])

    with ExitStack() as terminals:
        logs = [terminals.enter_context(terminal(line, tmp_path, ports)) for line in lines]

        def first() -> str | None:
            printed = logs[0].read_text("utf-8").splitlines()
            return next((line for line in printed if line.startswith("/page firing")), None)

        told = eventually(first, seconds=PROMISED_SECONDS, what="the first page")
        known = json.loads(get(f"http://127.0.0.1:{ports['9093']}/api/v2/alerts")[1])

    assert like.fullmatch(told), told
    assert told.removeprefix("/page firing ") in [alert["annotations"]["summary"] for alert in known]

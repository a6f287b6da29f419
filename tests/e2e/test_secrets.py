"""No secret leaves the process: everything that it writes or answers, at debug level, in every kind of trouble."""

from __future__ import annotations

import re
import signal
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest
from support.exchange import Exchange
from support.processes import Exporter, eventually, exporter, get

pytestmark = pytest.mark.timeout(120)

PASSWORD = "correct-horse-battery"
SIGNATURE = re.compile(r"(?i)signature[\"']?\s*[=:]\s*[\"']?[0-9a-f]{8}|\b[0-9a-f]{64}\b")
FAULTS = (
    {"kind": "silent"},
    {"kind": "reset"},
    {"kind": "html"},
    {"kind": "cut"},
    {"kind": "wrong_types"},
    {"kind": "gzip_bomb"},
    {"kind": "status", "status": 500},
    {"kind": "code", "code": 100413, "message": "Incorrect apiKey"},
    {"kind": "code", "code": 100001, "message": "Signature verification failed"},
    {"kind": "code", "code": 100421, "message": "Null timestamp or timestamp mismatch"},
)


def hidden(folder: Path, hashed: str) -> list[str]:
    """Return every secret that the exporter was given."""
    keys = [path.read_text() for kind in ("key", "secret") for path in folder.glob(f"*.{kind}")]
    assert len(keys) == 6
    return [*keys, PASSWORD, hashed]


def pages(url: str) -> dict[str, str]:
    """Return every page, for who may see it and for who may not."""
    paths = ("/", "/metrics", "/config", "/sd", "/probe?account=alpha", "/probe?account=nobody", "/-/ready", "/nowhere")
    found = {}
    for path in paths:
        for who, password in (("guest", PASSWORD), ("stranger", "guess")):
            status, text = get(url + path, headers={"Authorization": f"Basic {_basic(password)}"})
            found[f"{path} for a {who}: {status}"] = text
    return found


def _basic(password: str) -> str:
    return b64encode(f"operator:{password}".encode()).decode()


@pytest.fixture
def guarded(tmp_path: Path) -> tuple[Path, str]:
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    path = tmp_path / "web.yaml"
    path.write_text(f"basic_auth_users: {{operator: '{hashed}'}}\n")
    return path, hashed


def test_no_secret_is_in_any_output(exchange: Exchange, tmp_path: Path, guarded: tuple[Path, str]) -> None:
    web, hashed = guarded
    config = exchange.config(tmp_path, timeout="500ms")
    flags = ("--web.listen-address=127.0.0.1:0", "--log.level=debug", "--web.enable-lifecycle")
    with exporter(f"--config.file={config}", f"--web.config.file={web}", *flags, folder=tmp_path) as process:
        url = process.ready()
        said = {f"{name}, at first": text for name, text in pages(url).items()}
        for fault in FAULTS:
            exchange.tell("faults", **fault, count=9)
        eventually(lambda: process.log.count("A call failed") > 12, what="there is trouble", seconds=40)
        _reload(process, config, lambda text: text.replace("name: beta", "name: beta2"))
        _reload(process, config, lambda text: text.replace("api_key_file", "api_kee_file"))
        _reload(process, web, lambda text: text + "basic_auth_user: {}\n", asks=url)
        said |= {f"{name}, in trouble": text for name, text in pages(url).items()}
        said |= {name: (Path("/proc") / str(process.process.pid) / name).read_text() for name in ("cmdline", "environ")}
        process.end()
        said |= {"log": process.log, "stdout": process.stdout}
    for path in tmp_path.glob("ledger.db*"):
        said[path.name] = path.read_bytes().decode("latin-1")

    assert "The configuration was not reloaded" in said["log"]
    assert len([name for name in said if " for a guest: 200" in name]) >= 5
    for name, text in said.items():
        assert not [secret[:4] for secret in hidden(tmp_path, hashed) if secret in text], name
        assert not SIGNATURE.search(text), name


def _reload(process: Exporter, path: Path, change: Callable[[str], str], *, asks: str | None = None) -> None:
    before = process.log.count("reload")
    path.write_text(change(path.read_text()))
    if asks is not None:
        get(f"{asks}/metrics")
        return
    process.process.send_signal(signal.SIGHUP)
    eventually(lambda: process.log.count("reload") > before, what="it has tried to reload")

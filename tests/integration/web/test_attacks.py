"""Beside any crowd of peers a scrape is answered, in little memory, and nothing of the crowd is left afterwards.

The port is in a process of its own that lives through all attacks, with a page of 1 MB; of its bounds only that on
idle peers is shortened.
"""

from __future__ import annotations

import os
import resource
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import pytest
from integration.web.peers import ASKS, Crowd, becomes, break_off, descriptors, is_open, scrape

pytestmark = pytest.mark.alone

SIZE = 1_000_000
MOST_MEGABYTES = 150
HEAD = b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n"
SERVED = Path(__file__).parent / "served.py"


class Port:
    """The process that serves."""

    def __init__(self, process: subprocess.Popen[str], log: Path, tls: ssl.SSLContext | None) -> None:
        self._process = process
        self._log = log
        self.tls = tls
        self.url = self._line()
        self.at_rest = descriptors(process.pid), self.threads(), self.tasks()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def tasks(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._line())

    def threads(self) -> int:
        return sum(1 for _ in Path(f"/proc/{self._process.pid}/task").iterdir())

    def megabytes(self) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    def scraped(self) -> None:
        seconds, page = scrape(self.url, self.tls)
        assert seconds < 1
        assert len(page) > SIZE - 100

    def rests(self) -> bool:
        return (descriptors(self._process.pid), self.threads(), self.tasks()) == self.at_rest

    def held(self) -> None:
        """Check what must hold after an attack, once its peers are gone."""
        assert becomes(self.rests, seconds=10), (descriptors(self._process.pid), self.threads(), self.tasks())
        assert self.megabytes() < MOST_MEGABYTES
        lines = self._log.read_text().splitlines()
        assert [line for line in lines if "level=ERROR" in line or "logger=" in line] == []
        assert len(lines) <= 4  # two kinds of trouble, told once a minute


@contextmanager
def serving(folder: Path, pem: Path | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Port]:
    log = folder / "log"
    arguments = [sys.executable, str(SERVED), str(SIZE)]
    if pem is not None:
        web_config = folder / "web.yaml"
        web_config.write_text(f"tls_server_config: {{cert_file: {pem}, key_file: {pem}}}\n")
        arguments.append(str(web_config))
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        ) as process,
    ):
        try:
            yield Port(process, log, tls)
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(5) == 0
        finally:
            process.kill()


@pytest.fixture(autouse=True, scope="module")
def room_for_many() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 4096
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    with serving(tmp_path_factory.mktemp("port")) as port:
        yield port


@pytest.fixture(scope="module")
def tls_port(tmp_path_factory: pytest.TempPathFactory, pem: Path, trusting: ssl.SSLContext) -> Iterator[Port]:
    with serving(tmp_path_factory.mktemp("port"), pem, trusting) as port:
        yield port


def gather(port: Port, crowd: Crowd, sends: bytes, *, peers: int) -> None:
    """Have so many peers come and say the same, and scrape five times in between."""
    for number in range(1, peers + 1):
        crowd.call(sends, receive_buffer=4096)
        if number % (peers // 5) == 0:
            port.scraped()


def test_idle_peers(port: Port) -> None:
    with Crowd(port.url) as crowd:
        gather(port, crowd, b"HEAD /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n", peers=2000)
        # Those who were let in are shown out by themselves.
        assert becomes(lambda: not any(is_open(peer) for peer in crowd.peers[-200:]), seconds=8)
    port.held()


def test_silent_peers(port: Port) -> None:
    with Crowd(port.url) as crowd:
        gather(port, crowd, b"", peers=2000)
    port.held()


def test_slow_heads(port: Port) -> None:
    with Crowd(port.url) as crowd:
        gather(port, crowd, HEAD + b"X-Slow: ", peers=2000)
        second = threading.Event()
        for _ in range(3):
            for peer in crowd.peers:
                try:
                    peer.send(b"x")
                except OSError:
                    continue
            port.scraped()
            second.wait(1)
    port.held()


def client_hello(context: ssl.SSLContext) -> bytes:
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("share", [0, 0.5, 1], ids=["nothing", "half a greeting", "a greeting and no more"])
def test_peers_that_do_not_finish_their_handshake(tls_port: Port, trusting: ssl.SSLContext, share: float) -> None:
    with Crowd(tls_port.url) as crowd:
        hello = client_hello(trusting)
        gather(tls_port, crowd, hello[: int(len(hello) * share)], peers=500)
    tls_port.held()


ATTACKS = {
    "noise": os.urandom(4096),
    "half a line": b"GE",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "a bad header": HEAD + b"no colon here\r\n\r\n",
    "a bad length": HEAD + b"Content-Length: -1\r\n\r\n",
    "a body that never ends": HEAD + b"Content-Length: 1000000000\r\n\r\nx",
    "chunks that are none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "an upgrade": HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "a head without end": HEAD + b"X-Long: " + b"x" * 100_000,
    "one answer that is not read": ASKS,
    "pipelining without reading": ASKS * 400,
}


def test_every_other_attack_on_plain_http(port: Port) -> None:
    for sends in ATTACKS.values():
        with Crowd(port.url) as crowd:
            gather(port, crowd, sends, peers=300 if len(sends) > 5000 else 150)
    port.held()


def test_every_other_attack_on_tls(tls_port: Port) -> None:
    for sends in ATTACKS.values():
        with Crowd(tls_port.url) as crowd:
            gather(tls_port, crowd, sends, peers=50)
    port = tls_port
    for name in ("a body that never ends", "one answer that is not read", "pipelining without reading"):
        with Crowd(port.url, port.tls) as crowd:
            gather(port, crowd, ATTACKS[name], peers=150)
    port.held()


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "in the middle of the answer"])
@pytest.mark.parametrize("kind", ["port", "tls_port"])
def test_peers_that_break_off(kind: str, waits: bool, request: pytest.FixtureRequest) -> None:
    port: Port = request.getfixturevalue(kind)
    with Crowd(port.url, port.tls) as crowd:
        for number in range(1, 251):
            peer = crowd.call(ASKS, receive_buffer=4096)
            if waits:
                assert peer.recv(1)
            break_off(peer)
            if number % 50 == 0:
                port.scraped()
    port.held()


def test_pipelining_for_seconds(port: Port) -> None:
    with Crowd(port.url) as crowd:
        for _ in range(50):
            crowd.call(receive_buffer=4096).setblocking(False)
        begun = perf_counter()
        while perf_counter() - begun < 2:
            for peer in crowd.peers:
                try:
                    peer.send(ASKS * 100)
                except OSError:
                    continue
            port.scraped()
    port.held()

"""Real programs, started by a test on loopback and stopped by it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bench.ports import free_port
from support.exposition import Series, families_of_text, samples
from support.world import is_income

COMMAND = Path(sys.executable).parent / "bingx-exporter"
T = TypeVar("T")


def eventually(ask: Callable[[], T | None], *, seconds: float = 20, what: str = "the condition") -> T:
    """Ask again and again until there is an answer that is not empty; fail after `seconds`."""
    ends = time.monotonic() + seconds  # noqa: TID251 - the time of the test, not of the house
    last: object = None
    while time.monotonic() < ends:  # noqa: TID251 - the same
        try:
            answer = ask()
        except (AssertionError, LookupError, OSError, ValueError) as error:
            last = error
        else:
            if answer:
                return answer
            last = answer
        time.sleep(0.05)  # noqa: TID251 - nothing tells when another process is ready
    message = f"{what} did not come true within {seconds} s; last seen: {last!r}"
    raise AssertionError(message)


def get(url: str, *, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Return status and text of a page, whatever the status."""
    request = urllib.request.Request(url, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def post(url: str, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - JSON
    """Send JSON and return the JSON of the answer."""
    data = json.dumps(body or {}).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def needed(program: str) -> str:
    """Return where a program is, or skip the test."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed; `make servers` installs it on Debian, as root")
    return found


class Exporter:
    """The installed command, run as an operator runs it."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        folder: Path,
        environ: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        """Start it, by way of the command `prefix`; output goes to files in `folder`, which outlive it."""
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*prefix, str(COMMAND), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**_plain_environment(), **(environ or {})},
            )

    @property
    def stdout(self) -> str:
        """What it has printed so far."""
        return self._out.read_text()

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._err.read_text()

    @property
    def url(self) -> str:
        """Where it listens; waits until it does."""

        def listening() -> str | None:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.log}"
            lines = [line for line in self.log.splitlines() if 'msg="Listening on"' in line]
            return lines[0].rpartition("url=")[2].removesuffix("/metrics") if lines else None

        return eventually(listening, what="the exporter listens")

    def ready(self) -> str:
        """Wait until it says that it is ready, and return where it listens."""
        url = self.url
        eventually(lambda: get(f"{url}/-/ready")[0] == 200, what="the exporter is ready")
        return url

    def page(self) -> str:
        """Return its metrics."""
        status, text = get(f"{self.url}/metrics")
        assert status == 200
        return text

    def income(self) -> dict[Series, float]:
        """Return the income counters on its page."""
        found = samples(families_of_text(self.page()))
        return {key: value for key, value in found.items() if is_income(key)}

    def end(self, number: int = signal.SIGTERM, *, seconds: float = 10) -> int:
        """End it by a signal and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(seconds)


@contextmanager
def exporter(
    *arguments: str | Path, folder: Path, environ: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
) -> Iterator[Exporter]:
    """Run the command in a new folder inside `folder`; it is gone at the end, whatever happened."""
    home = folder / f"run-{len(list(folder.glob('run-*')))}"
    home.mkdir()
    running = Exporter(arguments, home, environ, prefix)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait(10)


def run(*arguments: str | Path, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [str(COMMAND), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**_plain_environment(), **(environ or {})},
    )


class Prometheus:
    """A real Prometheus that scrapes one target every second."""

    def __init__(self, url: str) -> None:
        """Talk to the one at `url`."""
        self.url = url

    def query(self, promql: str) -> dict[frozenset[tuple[str, str]], float]:
        """Return an instant vector as labels -> value; `job` and `instance` are left out."""
        _, text = get(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': promql})}")
        answer = json.loads(text)
        assert answer["status"] == "success", answer
        found: dict[frozenset[tuple[str, str]], float] = {}
        for one in answer["data"]["result"]:
            labels = frozenset((k, v) for k, v in one["metric"].items() if k not in {"job", "instance"})
            found[labels] = float(one["value"][1])
        return found

    def raw(self, selector: str) -> dict[frozenset[tuple[str, str]], list[tuple[float, float]]]:
        """Return every raw sample of the last hour as labels -> (time, value)."""
        _, text = get(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': f'{selector}[1h]'})}")
        result = json.loads(text)["data"]["result"]
        return {
            frozenset((k, v) for k, v in one["metric"].items() if k not in {"job", "instance"}): [
                (float(at), float(value)) for at, value in one["values"]
            ]
            for one in result
        }


@contextmanager
def prometheus(target: str, folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes `target` (HOST:PORT) every second."""
    config = (
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: bingx, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    with prometheus_with(config, folder) as server:
        yield server


@contextmanager
def prometheus_with(config: str, folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus with the text of its configuration."""
    program = needed("prometheus")
    file = folder / "prometheus.yml"
    file.write_text(config)
    port = free_port()
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: get(f"{url}/-/ready")[0] == 200, what="Prometheus is ready")
        yield Prometheus(url)
    finally:
        process.terminate()
        process.wait(20)


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("BINGX_")}

"""The way of an alert as it is shipped, only faster: rules, a real Alertmanager, and a webhook that keeps what comes.

Owns the copies of the shipped files (other addresses, and every waiting time divided by one factor), the Alertmanager's
process, the receiver, and how long a message may take by what the files say. Must not know any alert by name.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Final

import yaml

from bench.ports import free_port
from exporter.clock import SystemClock
from support.processes import eventually, get, needed

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
RULES: Final = DEPLOY / "prometheus" / "rules"
PROMETHEUS: Final = DEPLOY / "prometheus" / "prometheus.yaml"
ALERTMANAGER: Final = DEPLOY / "alertmanager" / "alertmanager.yaml"

FACTOR: Final = 15
"""By how much the copies are faster: 15 s, which is how often the files scrape and evaluate, become 1 s."""
OF_RULES: Final = frozenset({"for", "interval"})
OF_PROMETHEUS: Final = frozenset({"scrape_interval", "evaluation_interval"})
OF_ALERTMANAGER: Final = frozenset({"group_wait", "group_interval", "repeat_interval"})
ALERTMANAGER_ADDRESS: Final = '"alertmanager:9093"'
EXPORTER_ADDRESS: Final = '"exporter:10066"'
RECEIVERS: Final = "http://replace-me.invalid/"

_CLOCK: Final = SystemClock()
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration: str) -> float:
    """Return the seconds of a duration as Prometheus writes it."""
    parts = re.findall(r"(\d+)(ms|[smhd])", duration)
    assert "".join(number + unit for number, unit in parts) == duration != "", duration
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def faster(text: str, names: frozenset[str]) -> str:
    """Divide every duration under one of these names by `FACTOR`, and touch nothing else."""

    def shorter(found: re.Match[str]) -> str:
        return f"{found[1]}{round(1000 * seconds(found[2]) / FACTOR)}ms"

    quick, hits = re.subn(rf"(?m)^( *(?:- )?(?:{'|'.join(sorted(names))}): )(\w+)", shorter, text)
    assert hits == sum(1 for _ in found_under(yaml.safe_load(text), names)) > 0
    return quick


def found_under(document: object, names: frozenset[str]) -> Iterator[str]:
    """Go through a YAML document for what stands under one of these names."""
    children: Sequence[tuple[object, object]] = ()
    if isinstance(document, dict):
        children = list(document.items())
    elif isinstance(document, list):
        children = [(None, child) for child in document]
    for name, child in children:
        if name in names:
            yield str(child)
        yield from found_under(child, names)


def swapped(text: str, old: str, new: str, *, times: int) -> str:
    """Put one text in place of another, which has to stand there so many times."""
    assert text.count(old) == times, f"{old!r} stands there {text.count(old)} times"
    return text.replace(old, new)


def prometheus_config(folder: Path, *, exporters: Sequence[str], alertmanagers: Sequence[str]) -> str:
    """Copy the shipped rules into `folder`, for a configuration in it that is the shipped one with other addresses."""
    (folder / "rules").mkdir(parents=True)
    (folder / "local").mkdir()
    for path in RULES.glob("*.yaml"):
        (folder / "rules" / path.name).write_text(faster(path.read_text("utf-8"), OF_RULES), "utf-8")
    text = faster(PROMETHEUS.read_text("utf-8"), OF_PROMETHEUS)
    for old, new in ((ALERTMANAGER_ADDRESS, alertmanagers), (EXPORTER_ADDRESS, exporters)):
        text = swapped(text, old, ", ".join(f'"{address}"' for address in new), times=1)
    return text


def alertmanager_config(webhook: Webhook) -> str:
    """Return the shipped configuration with the webhook as its receivers."""
    return swapped(faster(ALERTMANAGER.read_text("utf-8"), OF_ALERTMANAGER), RECEIVERS, f"{webhook.url}/", times=3)


def without_inhibition(config: str) -> str:
    """Cut the rules on what mutes what out of an Alertmanager's configuration."""
    before, _, rest = config.partition("inhibit_rules:\n")
    after = rest[rest.index("# TO BE REPLACED") :]
    assert {**yaml.safe_load(config), "inhibit_rules": None} == {
        **yaml.safe_load(before + after),
        "inhibit_rules": None,
    }
    return before + after


@dataclass(frozen=True, kw_only=True)
class Message:
    """One call of the webhook: to which path, when (seconds of `elapsed`), and what."""

    path: str
    at: float
    text: str

    @cached_property
    def body(self) -> dict[str, Any]:
        """What it says."""
        found: dict[str, Any] = json.loads(self.text)
        return found

    def alerts(self, **labels: str) -> list[dict[str, Any]]:
        """Return its alerts that have these labels; `status` may be asked for like one."""
        return [
            alert
            for alert in self.body["alerts"]
            if labels.items() <= {**alert["labels"], "status": alert["status"]}.items()
        ]


class Webhook:
    """Keeps every message in the order of arrival, and wakes who waits for one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._messages: list[Message] = []
        self._changed = Condition()

    @property
    def messages(self) -> tuple[Message, ...]:
        """Everything so far."""
        with self._changed:
            return tuple(self._messages)

    def take(self, path: str, text: str) -> None:
        """Keep a message."""
        with self._changed:
            self._messages.append(Message(path=path, at=_CLOCK.elapsed(), text=text))
            self._changed.notify_all()

    def wait_for(self, ask: Callable[[Message], object], *, since: float, seconds: float) -> Message | None:
        """Return the first message since then of which that is true, or `None` after so many seconds."""

        def first() -> Message | None:
            return next((message for message in self._messages if message.at >= since and ask(message)), None)

        with self._changed:
            return self._changed.wait_for(first, seconds)


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Run a receiver on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            receiver.take(self.path, text)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            """Write nothing: what came is kept."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Webhook(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, name="webhook")
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True, kw_only=True)
class Alertmanager:
    """A real Alertmanager at `address` (HOST:PORT)."""

    address: str

    def alerts(self) -> list[dict[str, Any]]:
        """Return what it knows of: muted or not."""
        found: list[dict[str, Any]] = json.loads(get(f"http://{self.address}/api/v2/alerts")[1])
        return found


@contextmanager
def alertmanager(config: str, folder: Path) -> Iterator[Alertmanager]:
    """Run an Alertmanager with the text of its configuration, in a new folder."""
    program = needed("prometheus-alertmanager")
    folder.mkdir()
    (folder / "alertmanager.yaml").write_text(config, "utf-8")
    address = f"127.0.0.1:{free_port()}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'alertmanager.yaml'}",
                f"--storage.path={folder / 'state'}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        eventually(lambda: get(f"http://{address}/-/ready")[0] == 200, what="Alertmanager is ready")
        yield Alertmanager(address=address)
    finally:
        process.terminate()
        process.wait(20)


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Every wait, in seconds, between a fact and the message on it, as the shipped files or their copies have them."""

    collector: str
    scrape: float
    evaluation: float
    pending: float
    group_wait: float
    group_interval: float

    @property
    def from_a_number(self) -> float:
        """From a number on the exporter's page to the first message of a group; `for` is rounded up to a turn."""
        return self.scrape + self.from_an_age

    @property
    def from_an_age(self) -> float:
        """The same where the number stands still and Prometheus' own clock moves on."""
        turns = 2 if self.pending else 1
        return turns * self.evaluation + self.pending + self.group_wait


def waits(alert: str, severity: str, *, factor: float = 1) -> Waits:
    """Read the waits of an alert from the shipped files, each divided by `factor`."""
    prometheus = yaml.safe_load(PROMETHEUS.read_text("utf-8"))["global"]
    group, rule = _rule(alert, severity)
    root = yaml.safe_load(ALERTMANAGER.read_text("utf-8"))["route"]
    routes = [route for route in root["routes"] if route["matchers"] == [f'severity="{severity}"']]
    route = {**root, **(routes[0] if routes else {})}
    return Waits(
        collector=rule["labels"].get("collector", ""),
        scrape=seconds(prometheus["scrape_interval"]) / factor,
        evaluation=seconds(group["interval"]) / factor,
        pending=seconds(rule.get("for", "0s")) / factor,
        group_wait=seconds(route["group_wait"]) / factor,
        group_interval=seconds(route["group_interval"]) / factor,
    )


def _rule(alert: str, severity: str) -> tuple[dict[str, Any], dict[str, Any]]:
    documents = [yaml.safe_load(path.read_text("utf-8")) for path in RULES.glob("*.yaml")]
    ((group, rule),) = [
        (group, rule)
        for document in documents
        for group in document["groups"]
        for rule in group["rules"]
        if rule.get("alert") == alert and rule["labels"]["severity"] == severity
    ]
    return group, rule

"""A drill: every case of trouble at once, each on an account of its own of one running exporter."""

from __future__ import annotations

import io
import json
import logging
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import structlog
import trustme
import yaml
from integration.bingx.loopback import Exchange as Server
from integration.bingx.loopback import Peer
from support.exchange import Exchange
from support.exposition import Series, families_of_text, samples, series
from support.processes import eventually, get

from bench.ports import free_port
from exporter import logs
from exporter.app import App
from exporter.clock import SystemClock
from exporter.config import Config
from exporter.ledger import open_ledger

DRILL_SECONDS: Final = 8.0
"""How long the faults last: past `stale_after` of every collector, and within the first pause of the limits (10 s)."""
INTERVALS: Final = {"balance": 1.0, "positions": 2.0, "income": 1.0}
GAUGES: Final = {"balance": "bingx_account_equity", "positions": "bingx_positions", "income": "bingx_income_complete"}
SOUND: Final = ("sound-1", "sound-2", "sound-3")
PASSWORD: Final = "the-password-of-the-proxy"


@dataclass(frozen=True)
class Play:
    """How a failure is brought about: a fault of the simulated exchange, or settings that lead elsewhere."""

    fault: Mapping[str, object] = field(default_factory=dict)
    elsewhere: str = ""
    collector: str = "balance"


@dataclass(frozen=True)
class Case:
    """One play of one line, on an account of its own."""

    account: str
    failure: str
    reason: str
    play: Play
    effect: Sequence[str]
    """What the page says of the reason: whose gauges, who is held."""

    @property
    def gauges(self) -> tuple[str, ...]:
        """The collectors whose gauges leave."""
        if self.reason == "none":
            return ()
        return ("balance", "positions") if self.of_the_account else (self.play.collector,)

    @property
    def of_the_account(self) -> bool:
        return self.effect[0] == "the account's"

    @property
    def calls(self) -> tuple[int, int]:
        """The least and the most calls in the time of the drill, by what the page says of pauses."""
        own = (0.8 * INTERVALS[self.play.collector], 4 * INTERVALS[self.play.collector])
        held = re.search(r": (\d+) s to", self.effect[1])
        first = max(own[0], float(held[1])) if held else own[0]
        longest = own[1] if first < DRILL_SECONDS else first
        at, most, pause = 0.0, 1, first
        while (at := at + pause) <= DRILL_SECONDS:
            most, pause = most + 1, min(2 * pause, max(longest, first))
        return (1 if first >= DRILL_SECONDS else 2), most


@dataclass(frozen=True)
class Drill:
    """What was seen: pages with their times, calls that met a fault, every text that left the exporter."""

    pages: list[tuple[float, dict[Series, float]]]
    outcomes: Mapping[str, Any]
    until_milliseconds: int
    ban_calls: list[int]
    after: dict[Series, float]
    texts: Mapping[str, str]
    secrets: frozenset[str]


@dataclass(frozen=True)
class Elsewhere:
    """Places that are not the exchange: settings of an account by the name of the way."""

    settings: Mapping[str, Mapping[str, object]]
    servers: tuple[Server, ...]


@contextmanager
def places() -> Iterator[Elsewhere]:
    with ExitStack() as stack:
        servers: list[Server] = []

        def server(script: Callable[[Peer], None], context: ssl.SSLContext | None = None) -> Server:
            servers.append(Server(script, context))
            stack.callback(servers[-1].stop)
            return servers[-1]

        def tls(one: Server) -> str:
            return f"https://127.0.0.1:{one.port}"

        def proxy(script: Callable[[Peer], None]) -> dict[str, object]:
            there = server(script)
            return {"base_url": "https://127.0.0.1:9", "proxy": f"http://user:{PASSWORD}@127.0.0.1:{there.port}"}

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
        yield Elsewhere(
            {
                "no_name": {"base_url": "http://nosuch.invalid"},
                "refused": {"base_url": f"http://127.0.0.1:{free_port()}"},
                "full": {"base_url": f"http://127.0.0.1:{stack.enter_context(full_port())}"},
                "no_tls": {"base_url": tls(server(speaks_plainly))},
                "untrusted": {"base_url": tls(server(speaks_plainly, context))},
                "endless_handshake": {"base_url": tls(server(shakes_hands_for_ever))},
                "proxy_without_name": {"base_url": "https://127.0.0.1:9", "proxy": "http://nosuch.invalid:3128"},
                "proxy_gone": {"base_url": "https://127.0.0.1:9", "proxy": f"http://127.0.0.1:{free_port()}"},
                "proxy_refuses_407": proxy(refuses("407 Proxy Authentication Required")),
                "proxy_refuses_502": proxy(refuses("502 Bad Gateway")),
                "proxy_silent": proxy(silent),
            },
            tuple(servers),
        )


@contextmanager
def full_port() -> Iterator[int]:
    """Listen on a port that takes no further connection."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def speaks_plainly(peer: Peer) -> None:
    peer.connection.recv(4096)
    peer.say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def shakes_hands_for_ever(peer: Peer) -> None:
    peer.connection.recv(4096)
    peer.drip(b"\x16\x03\x03\x40\x00" + b"\x02" * 200, 0.1)


def refuses(answer: str) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())

    return script


def silent(peer: Peer) -> None:
    peer.hear()
    peer.wait()


def configuration(
    folder: Path, exchange: Exchange, cases: Sequence[Case], ways: Mapping[str, Mapping[str, object]]
) -> Path:
    """Write an account for each case, on one of the exchange's or on a way that leads elsewhere."""
    keys = iter(exchange.keys()["accounts"])
    accounts: list[dict[str, Any]] = []
    for name, case in [*((case.account, case) for case in cases), *((name, None) for name in SOUND)]:
        key = next(keys)
        account = {"name": name, "api_key": key["api_key"], "api_secret": key["api_secret"], "base_url": exchange.url}
        accounts.append(account | settings(case, len(accounts), ways))
    switches = {name: {"interval": f"{INTERVALS[name]:.0f}s"} for name in ("balance", "positions")}
    off: dict[str, object] = {name: {"enabled": False} for name in ("income", "commission_rate")}
    path = folder / "config.yaml"
    document = {
        "ledger": {"url": f"sqlite:///{folder / 'ledger.db'}"},
        "defaults": {"timeout": "1s", "collectors": switches | off},
        "accounts": accounts,
    }
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)
    return path


def settings(case: Case | None, index: int, ways: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    if case is not None and case.play.elsewhere:
        return dict(ways[case.play.elsewhere])
    if case is not None and case.reason in {"rate_limited", "forbidden"}:
        # A second user of an address that meets these holds the address, so each has its own.
        return {"source_address": f"127.0.1.{index + 1}"}
    income = {"income": {"enabled": True, "interval": "1s"}}
    collectors: dict[str, object] = {"collectors": income if case and case.play.collector == "income" else {}}
    return {"source_address": f"127.0.2.{1 + index // 20}"} | collectors


def pin_to_another_user(folder: Path, cases: Sequence[Case]) -> None:
    clock = SystemClock()
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}", clock)
    for case in cases:
        if case.reason == "account_mismatch":
            book = ledger.account(
                case.account,
                since=clock.now() - timedelta(days=90),
                setting=str(timedelta(days=90)),
                initial_zero=60.0,
                retention=None,
            )
            assert book.pin_user("1")
    ledger.close()


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """Collect every log line at debug, with no secret registered for redaction: none may get that far."""
    root, stream = logging.getLogger(), io.StringIO()
    level, handlers = root.level, list(root.handlers)
    structlog.reset_defaults()
    logs.configure("debug", "logfmt", stream)
    try:
        yield stream
    finally:
        structlog.reset_defaults()
        logging.captureWarnings(capture=False)
        root.setLevel(level)
        for handler in [one for one in root.handlers if one not in handlers]:
            root.removeHandler(handler)


class Stage:
    """The running exporter, the exchange, and the cases between them."""

    def __init__(self, app: App, config: Config, exchange: Exchange, cases: Sequence[Case]) -> None:
        names = [one["name"] for one in exchange.keys()["accounts"]]
        self.app = app
        self.url = app.urls[0]
        self.config = config
        self.exchange = exchange
        self.cases = cases
        self.names = {case.account: name for case, name in zip(cases, names, strict=False)}

    def play(self, elsewhere: Elsewhere, log: io.StringIO) -> Drill:
        """Wait until all is well, bring about every failure, watch, clear, and wait until all is well again."""
        eventually(self.well, seconds=40, what="all is well")
        eventually(lambda: get(f"{self.url}/-/ready")[0] == 200, what="those elsewhere have tried, too")
        now = self.exchange.world(account=self.names[self.cases[0].account])["now_milliseconds"]
        until = now + int(DRILL_SECONDS * 1000) + 2000
        for case in self.cases:
            if case.play.fault:
                self.bring_about(case, until)
        pages = self.watch()
        outcomes = self.exchange.calls()["outcomes"]
        texts = {"the pages": told_by(self.url), "the reprs": self.reprs()}
        self.exchange.tell("faults/clear")
        eventually(self.well, seconds=40, what="all is well again")
        return Drill(
            pages=pages,
            outcomes={account: outcomes.get(name, {}) for account, name in self.names.items()},
            until_milliseconds=until,
            ban_calls=self.ban_calls(),
            after=self.page(),
            texts={**texts, "the log": log.getvalue()},
            secrets=secrets_of(self.config, elsewhere),
        )

    def page(self) -> dict[Series, float]:
        return samples(families_of_text(get(f"{self.url}/metrics")[1]))

    def well(self) -> bool:
        page = self.page()
        return all(
            page.get(series("bingx_collector_success", account=name, collector=collector)) == 1
            for name in [*(case.account for case in self.cases if case.play.fault), *SOUND]
            for collector in ("balance", "positions")
        )

    def bring_about(self, case: Case, until: int) -> None:
        told = dict(case.play.fault)
        if "message" in told:
            # An exchange that repeats the key and the secret in its text.
            own = next(one for one in self.config.accounts if one.name == case.account)
            echo = f" X-BX-APIKEY={own.api_key.reveal()} secret {own.api_secret.reveal()}"
            told["message"] = str(told["message"]).format(until=until) + echo
        self.exchange.tell("faults", account=self.names[case.account], endpoint=case.play.collector, **told)

    def watch(self) -> list[tuple[float, dict[Series, float]]]:
        pages = [(time.time(), self.page())]  # noqa: TID251 - the time of the test
        while pages[-1][0] < pages[0][0] + DRILL_SECONDS:
            time.sleep(0.2)  # noqa: TID251 - the pages in between are what is looked at
            pages.append((time.time(), self.page()))  # noqa: TID251 - the time of the test
        return pages

    def reprs(self) -> str:
        clients = [staffed.desk.client for staffed in self.app._roster.desks]
        return repr((self.app, vars(self.app), self.app._exchange, vars(self.app._exchange), self.config, clients))

    def ban_calls(self) -> list[int]:
        """Return when the case with a named end asked, from the refusal on."""
        ban = next(case for case in self.cases if "{until}" in str(case.play.fault.get("message")))
        every = json.loads(get(f"{self.exchange.url}/_sim/calls?last=5000")[1])["last"]
        mine = [one for one in every if (one["account"], one["endpoint"]) == (self.names[ban.account], "balance")]
        refused = next(place for place, one in enumerate(mine) if one["fault"])
        return [one["arrived_milliseconds"] for one in mine[refused:]]


def told_by(url: str) -> str:
    openmetrics = get(f"{url}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    pages = [get(f"{url}/{path}") for path in ("metrics", "", "-/ready", "-/healthy", "nothing", "metrics/x?y=z")]
    return "\n".join(text for _, text in [openmetrics, *pages])


def secrets_of(config: Config, elsewhere: Elsewhere) -> frozenset[str]:
    heads = b"".join(head for server in elsewhere.servers for head in server.requests).decode("latin-1")
    credentials = {text.reveal() for account in config.accounts for text in (account.api_key, account.api_secret)}
    return frozenset(credentials | {PASSWORD} | set(re.findall(r"Basic (\S+)", heads)))


def gauge_is_there(page: Mapping[Series, float], account: str, collector: str) -> bool:
    return any(name == GAUGES[collector] and ("account", account) in labels for name, labels in page)

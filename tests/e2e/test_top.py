"""`bingx-exporter top` against a running exporter: printed once, as JSON, and live in a terminal of its own."""

from __future__ import annotations

import base64
import json
import re
import signal
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import bcrypt
import pytest
from support.certificates import mint, write_pair
from support.exchange import Exchange
from support.exposition import families_of_text, samples
from support.processes import Exporter, eventually, exporter, get, run
from support.terminal import Terminal

from bench.ports import free_port

pytestmark = pytest.mark.timeout(90)

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


@pytest.fixture
def running(exchange: Exchange, tmp_path: Path) -> Iterator[Exporter]:
    """Run an exporter of a world that stands still, on a port that it can come back to."""
    with started(exchange, tmp_path, free_port()) as process:
        yield process


@contextmanager
def started(exchange: Exchange, folder: Path, port: int, *flags: str) -> Iterator[Exporter]:
    config = exchange.config(folder)
    with exporter(f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", *flags, folder=folder) as one:
        if not flags:
            one.ready()
        yield one


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def opens(*arguments: str, **settings: Any) -> Terminal:  # noqa: ANN401 - handed on
        opened.append(Terminal(*arguments, **settings))
        return opened[-1]

    yield opens
    for one in opened:
        one.close()


def test_json_is_what_the_page_says(running: Exporter) -> None:
    done = run("top", f"--url={running.url}", "--format=json")
    told = json.loads(done.stdout)
    page = {
        (name, frozenset(labels)): value for (name, labels), value in samples(families_of_text(running.page())).items()
    }

    def on_page(name: str, **labels: str) -> float | None:
        return page.get((name, frozenset(labels.items())))

    assert done.returncode == 0
    assert list(told) == [
        *("url", "time", "version", "revision", "started", "config_reload_successful", "accounts", "positions"),
    ]
    assert [one["account"] for one in told["accounts"]] == ["alpha", "beta", "gamma"]
    for one in told["accounts"]:
        assert one["positions"] == on_page("bingx_positions", account=one["account"])
        assert 0 <= one["age_seconds"] < 10
        for funds in one["funds"]:
            labels = {"account": one["account"], "asset": funds["asset"]}
            assert funds["equity"] == on_page("bingx_account_equity", **labels)
            assert funds["used_margin"] == on_page("bingx_account_used_margin", **labels)
            assert funds["unrealized_pnl"] == on_page("bingx_account_unrealized_pnl", **labels)
    for one in told["positions"]:
        labels = {name: one[name] for name in ("account", "asset", "symbol", "side", "margin_mode")}
        assert one["amount"] == on_page("bingx_position_amount", **labels)
        assert one["mark_price"] == on_page("bingx_position_mark_price", **labels)
        assert one["liquidation_distance_ratio"] == on_page("bingx_position_liquidation_distance_ratio", **labels)
    assert len(told["positions"]) == sum(name == "bingx_position_amount" for name, _ in page)
    (gamma,) = [one for one in told["accounts"] if one["account"] == "gamma"]
    assert {(one["collector"], *one["reasons"]) for one in gamma["failing"]} == {
        ("income", "permission_denied"),
        ("commission_rate", "permission_denied"),
    }


def test_in_a_pipe_it_prints_once_in_plain_text(running: Exporter) -> None:
    done = run("top", f"--url={running.url}/")

    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert re.search(r"^alpha +USDT +[\d,.]+ +[\d,.]+ +[-+\d,.]+ +\d+ +[\d.]+% +\d+ s +ok$", done.stdout, re.MULTILINE)
    assert "gamma: income, commission_rate: permission_denied; failed" in done.stdout
    distances = re.findall(r" (?:long|short) +(?:cross|isolated) +(?:([\d.]+)%|-)", done.stdout)
    known = [Decimal(one) for one in distances if one]
    assert known == sorted(known)
    assert distances == [*map(str, known), *[""] * (len(distances) - len(known))]


def test_live_it_shows_the_page_follows_it_and_q_ends_it(
    exchange: Exchange, running: Exporter, terminal: Callable[..., Terminal]
) -> None:
    screen = terminal("top", f"--url={running.url}", "--interval=500ms")
    told = {}

    def shown() -> list[str]:  # by the time that it is on the screen the equity may have moved on
        told.update(json.loads(run("top", f"--url={running.url}", "--format=json").stdout))
        equity = f"{told['accounts'][0]['funds'][0]['equity']:,.2f}"
        return screen.shows("account  asset", "distance", "q ends", equity, seconds=2)

    lines = eventually(shown, seconds=30, what="the screen shows what the page says")
    assert len(lines) <= 30
    assert lines[0].startswith(f"bingx-exporter {told['version']}  {running.url}")
    exchange.tell("faults", kind="code", code=100413, account="alpha")
    screen.shows("alpha: ", ": invalid_key, no numbers; failed", seconds=25)

    screen.press("q")
    assert screen.end() == 0
    restored(screen)


def restored(screen: Terminal) -> None:
    assert screen.written.count(ENTER) == screen.written.count(LEAVE) > 0
    assert screen.written.rindex(LEAVE) > screen.written.rindex(ENTER)
    assert screen.written.rindex(SHOW_CURSOR) > screen.written.rindex(HIDE_CURSOR)
    assert termios.tcgetattr(screen.its) == screen.before
    assert "Traceback" not in screen.written


def test_it_survives_the_death_of_the_exporter_and_shows_no_number_meanwhile(
    exchange: Exchange, tmp_path: Path, terminal: Callable[..., Terminal]
) -> None:
    port = free_port()
    with started(exchange, tmp_path, port) as process:
        screen = terminal("top", f"--url={process.url}", "--interval=500ms")
        screen.shows("distance", "alpha    USDT")
        process.end()
    lines = screen.shows("NO ANSWER for", "Connection refused", "Last heard")

    assert not re.search(r"\d+[.,]\d|%", "\n".join(lines[3:]))
    assert [line.split() for line in lines if line.startswith("alpha")] == [["alpha", *["-"] * 7, "unknown"]]
    screen.shows("NO ANSWER for 3 s")
    with started(exchange, tmp_path, port):
        screen.shows("distance", "q ends", "alpha    USDT")
        assert not any("NO ANSWER" in line for line in screen.screen())
    screen.press("q")
    assert screen.end() == 0
    restored(screen)


def test_an_exporter_that_hangs_is_told_and_its_numbers_go(
    running: Exporter, terminal: Callable[..., Terminal]
) -> None:
    screen = terminal("top", f"--url={running.url}", "--interval=500ms")
    screen.shows("distance", "alpha    USDT")
    running.process.send_signal(signal.SIGSTOP)
    try:
        lines = screen.shows("NO ANSWER for", "answer", seconds=12)
        assert not any("%" in line for line in lines[3:])
        screen.press("q")
        assert screen.end() == 0
    finally:
        running.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_0_and_the_terminal_as_it_was(
    running: Exporter, terminal: Callable[..., Terminal], number: signal.Signals
) -> None:
    screen = terminal("top", f"--url={running.url}")
    screen.shows("distance")

    screen.process.send_signal(number)

    assert screen.end() == 0
    restored(screen)


def test_a_terminal_that_is_closed_ends_it(running: Exporter, terminal: Callable[..., Terminal]) -> None:
    screen = terminal("top", f"--url={running.url}")
    screen.shows("distance")

    screen.hang_up()

    assert screen.process.wait(10) == 0


def test_ctrl_c_on_the_keyboard_ends_it_with_0(running: Exporter, terminal: Callable[..., Terminal]) -> None:
    screen = terminal("top", f"--url={running.url}")
    screen.shows("distance")

    screen.press("\x03")

    assert screen.end() == 0
    restored(screen)


def test_a_suspended_one_gives_the_terminal_back_and_goes_on_later(
    running: Exporter, terminal: Callable[..., Terminal]
) -> None:
    screen = terminal("top", f"--url={running.url}")
    screen.shows("distance")

    screen.press("\x1a")
    eventually(lambda: _state(screen.process.pid) == "T", what="it is stopped")
    screen.read()
    restored(screen)
    screen.process.send_signal(signal.SIGCONT)

    def again() -> bool:
        return bool(screen.screen()) and screen.written.count(ENTER) == 2

    eventually(again, what="the screen is back")
    screen.shows("distance", "q ends")

    screen.press("q")
    assert screen.end() == 0
    restored(screen)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_window_of_another_size_is_drawn_in_its_size(running: Exporter, terminal: Callable[..., Terminal]) -> None:
    screen = terminal("top", f"--url={running.url}", size=(160, 40), environ={"COLUMNS": "160", "LINES": "40"})
    wide = screen.shows("distance", "leverage")
    assert max(map(len, wide)) > 100

    screen.resize(50, 12)

    def narrow() -> bool:
        lines = screen.screen()
        return (
            len(lines) == 12 and max(map(len, lines)) <= 50 and any("more rows of positions" in line for line in lines)
        )

    eventually(narrow, what="the narrow screen")
    screen.press("q")
    assert screen.end() == 0


def test_without_colour_there_is_none_and_with_a_dumb_terminal_no_screen(
    running: Exporter, terminal: Callable[..., Terminal]
) -> None:
    screen = terminal("top", f"--url={running.url}", environ={"NO_COLOR": "1"})
    screen.shows("distance")
    screen.press("q")
    assert screen.end() == 0
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", screen.written)

    dumb = terminal("top", f"--url={running.url}", environ={"TERM": "dumb"})
    assert dumb.end() == 0
    assert "\x1b" not in dumb.written
    assert "distance" in dumb.written


def test_a_password_tls_and_a_prefix_are_spoken(exchange: Exchange, tmp_path: Path) -> None:
    minted = mint()
    write_pair(tmp_path, minted.server())
    minted.server_ca.cert_pem.write_to_path(tmp_path / "ca.crt")
    hashed = bcrypt.hashpw(b"s\xc3\xa9same", bcrypt.gensalt(4)).decode()
    web = tmp_path / "web.yaml"
    web.write_text(
        "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"
        f"basic_auth_users: {{trader: '{hashed}'}}\n"
    )
    password = tmp_path / "password"
    password.write_text("sésame\n")
    port = free_port()
    url = f"https://127.0.0.1:{port}/exporter"
    with started(exchange, tmp_path, port, f"--web.config.file={web}", "--web.route-prefix=/exporter") as process:
        eventually(lambda: "Listening on" in process.log, what="it listens")
        ca = f"--ca-file={tmp_path / 'ca.crt'}"
        good = run("top", f"--url={url}", ca, "--user=trader", f"--password-file={password}", "--format=json")
        variable = run("top", f"--url={url}", ca, "--user=trader", environ={"BINGX_EXPORTER_PASSWORD": "sésame"})
        stranger = run("top", f"--url={url}", ca)
        doubtful = run("top", f"--url={url}", "--user=trader", f"--password-file={password}")
        elsewhere = run("top", f"--url={url}/x", ca, "--user=trader", f"--password-file={password}")

    assert (good.returncode, variable.returncode) == (0, 0), good.stderr + variable.stderr
    assert json.loads(good.stdout)["url"] == url
    assert (stranger.returncode, stranger.stdout) == (1, "")
    assert "it asks for a user and a password" in stranger.stderr
    assert (doubtful.returncode, "TLS: " in doubtful.stderr) == (1, True)
    assert "there is no such page (404)" in elsewhere.stderr


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--url=http://127.0.0.1:1",), 1, "http://127.0.0.1:1: Connection refused"),
        (("--url=http://trader:sesame@127.0.0.1:1",), 2, "--password-file"),
        (("--url=ftp://host",), 2, "is no URL of an exporter"),
        (("--interval=1ms",), 2, "--interval"),
        (("--user=trader",), 1, "BINGX_EXPORTER_PASSWORD"),
        (("--password-file=/none",), 1, "--user"),
        (("--user=trader", "--password-file=/none"), 1, "/none"),
        (("--url=https://127.0.0.1:1", "--ca-file=/none"), 1, "No such file"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(flags: tuple[str, ...], code: int, said: str) -> None:
    done = run("top", *flags)

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr.splitlines()[-1]
    assert "sesame" not in done.stderr
    assert "Traceback" not in done.stderr


class Page(BaseHTTPRequestHandler):
    """Answers with what the test has put into the server."""

    def do_GET(self) -> None:
        self.server.asked.append(dict(self.headers))  # type: ignore[attr-defined]  # the test's own list
        status, headers, body = self.server.answer  # type: ignore[attr-defined]  # the same
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Say nothing."""


@pytest.fixture
def page() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        server.asked = []  # type: ignore[attr-defined]  # what the handler notes
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


BUILD = b'bingx_exporter_build_info{version="1"} 1.0\n'


@pytest.mark.parametrize(
    ("status", "headers", "body", "said"),
    [
        (302, {"Location": "http://127.0.0.1:1/\x1b[2J"}, b"", r"leads to http://127.0.0.1:1/\x1b[2J"),
        (200, {}, b"<html>", "no whole page of metrics"),
        (200, {"Content-Length": "5000"}, BUILD + b"# EOF\n", "its answer is"),
        (200, {}, b"# EOF\n", "not of a bingx-exporter"),
        (200, {}, BUILD + b'bingx_positions{account="a\n# EOF\n', "line 2 of the answer is no sample"),
        (503, {}, b"", "it answers 503"),
        (799, {}, b"", "it answers 799"),
    ],
)
def test_what_is_no_page_of_an_exporter_is_refused(
    page: HTTPServer, status: int, headers: dict[str, str], body: bytes, said: str
) -> None:
    page.answer = (status, headers, body)  # type: ignore[attr-defined]  # what the handler gives
    done = run(
        *("top", f"--url=http://127.0.0.1:{page.server_port}", "--user=trader"),
        environ={"BINGX_EXPORTER_PASSWORD": "sesame", "http_proxy": "http://127.0.0.1:1"},
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    (asked,) = page.asked  # type: ignore[attr-defined]  # the same
    assert base64.b64decode(asked["Authorization"].removeprefix("Basic ")) == b"trader:sesame"


def test_hostile_names_do_not_reach_the_terminal(page: HTTPServer, terminal: Callable[..., Terminal]) -> None:
    name = "\x1b]0;owned\x07\x1b[2J\u202e"
    body = BUILD + f'bingx_account_info{{account="{name}"}} 1.0\n# EOF\n'.encode()
    page.answer = (200, {}, body)  # type: ignore[attr-defined]  # what the handler gives
    screen = terminal("top", f"--url=http://127.0.0.1:{page.server_port}")

    screen.shows(r"\x1b]0;owned\x07\x1b[2J\u202e")
    screen.press("q")

    assert screen.end() == 0
    assert not {"\x07", "\u202e"}.intersection(screen.written)
    assert "\x1b[2J" not in screen.written
    assert "\x1b]" not in screen.written


def test_the_demo_can_be_watched(tmp_path: Path) -> None:
    with exporter("demo", "--scenario=calm", folder=tmp_path) as process:
        url = process.url
        eventually(lambda: get(f"{url}/metrics")[1].count("bingx_account_equity{") >= 3, what="the demo has data")
        done = run("top", f"--url={url}", "--once")

    assert done.returncode == 0
    assert {"alpha", "beta", "gamma"} <= {line.split()[0] for line in done.stdout.splitlines() if line}

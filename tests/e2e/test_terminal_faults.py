"""What stands against the terminal commands: servers that drip, lead away or steer, and outputs that fail."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from threading import Event, Thread

import pytest
from support.processes import COMMAND, run
from support.terminal import Terminal

pytestmark = pytest.mark.timeout(90)

PAGE = (
    'bingx_exporter_build_info{version="1"} 1.0\n'
    'bingx_account_info{account="konto-漢字",environment="live"} 1.0\n'
    "# EOF\n"
).encode()
Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a way to a server on this machine that answers with these pieces, `pause` seconds before each."""
    ended, threads = Event(), []

    def serves(*pieces: bytes, pause: float = 0) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(0.05)
        threads.append(Thread(target=_answer, args=(listener, pieces, pause, ended)))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield serves
    ended.set()
    for thread in threads:
        thread.join()


def _answer(listener: socket.socket, pieces: tuple[bytes, ...], pause: float, ended: Event) -> None:
    with closing(listener):
        while not ended.is_set():
            with suppress(TimeoutError):
                caller, _ = listener.accept()
                with caller, suppress(OSError):
                    caller.recv(65536)
                    for piece in pieces:
                        if ended.wait(pause):
                            break
                        caller.sendall(piece)


def head(status: str, *fields: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "Connection: close", "", ""]).encode()


def shell(line: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line.replace("COMMAND", str(COMMAND))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environ},
    )


def test_only_200_is_healthy(serve: Serve) -> None:
    healthy = serve(head("200 OK", "Content-Length: 2"), b"hi")
    codes = {
        status: run("healthcheck", f"--url={serve(head(status, f'Location: {healthy}/login'))}/-/healthy").returncode
        for status in ("204 No", "302 Found", "307 Temporary", "503 No")
    }

    assert run("healthcheck", f"--url={healthy}/-/healthy").returncode == 0
    assert set(codes.values()) == {1}, codes


@pytest.mark.parametrize(
    "pieces",
    [
        [head("200 OK", "Content-Length: 1000"), *[b"x"] * 20],
        [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 20],
        [b"H"] * 20,
    ],
)
def test_an_answer_that_drips_is_not_healthy_and_not_waited_for(serve: Serve, pieces: list[bytes]) -> None:
    begun = time.monotonic()  # noqa: TID251 - the time of the test
    done = run("healthcheck", f"--url={serve(*pieces, pause=0.7)}")

    assert done.returncode == 1
    assert "it does not answer within 2 s" in done.stderr
    assert time.monotonic() - begun < 6  # noqa: TID251 - the same


def test_of_an_endless_answer_little_is_read(serve: Serve) -> None:
    assert run("healthcheck", f"--url={serve(head('200 OK'), *[b'x' * 2000] * 20, pause=0.3)}").returncode == 0


@pytest.mark.parametrize("first", [b"HTTP/1.1 503 Bad", b"", b"HTTP/1.1 abc"])
def test_what_a_server_says_does_not_steer_the_terminal(serve: Serve, first: bytes) -> None:
    url = serve(first + b"\x1b]0;owned\x07\x1b[31mred\r\nContent-Length: 0\r\n\r\n")
    for form in ("text", "json"):
        done = run("healthcheck", f"--url={url}", f"--format={form}")

        assert done.returncode == 1
        assert not {"\x1b", "\x07"}.intersection(done.stdout + done.stderr)


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "ftp://h/x", "data:,x", "http://bob:sesame@127.0.0.1:1/", "http://h:sesame@h:x/"]
)
def test_what_is_no_url_of_an_exporter_is_not_asked_and_its_password_not_told(url: str) -> None:
    for form in ("text", "json"):
        done = run("healthcheck", f"--url={url}", f"--format={form}")

        assert (done.returncode, done.stdout) == (2, "")
        assert "no URL of an exporter" in done.stderr
        assert "sesame" not in done.stderr


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize("parts", [4, 30])
def test_a_page_that_takes_too_long_is_a_failure(serve: Serve, form: str, parts: int) -> None:
    size = len(PAGE) // parts + 1
    pieces = [PAGE[start : start + size] for start in range(0, len(PAGE), size)]
    url = serve(head("200 OK", f"Content-Length: {len(PAGE)}"), *pieces, pause=9 / (len(pieces) + 1))
    begun = time.monotonic()  # noqa: TID251 - the time of the test
    done = run("top", "--once", f"--url={url}", f"--format={form}")

    assert (done.returncode, done.stdout) == (1, "")
    assert "it does not answer within 5 s" in done.stderr
    assert time.monotonic() - begun < 8.5  # noqa: TID251 - the same


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_utf_8_gets_what_it_can_show(serve: Serve, encoding: str) -> None:
    url = serve(head("200 OK", f"Content-Length: {len(PAGE)}"), PAGE)
    words: tuple[tuple[str, ...], ...] = (("--once",), ())
    for flags in words:
        screen = Terminal("top", f"--url={url}", *flags, size=(40, 24), environ={"PYTHONIOENCODING": encoding})
        try:
            screen.shows("konto")
            if not flags:
                screen.press("q")
            assert screen.end() == 0
            assert "Traceback" not in screen.written
        finally:
            screen.close()


def test_a_terminal_without_a_size_is_taken_for_80_by_24(serve: Serve) -> None:
    screen = Terminal("top", f"--url={serve(head('200 OK', f'Content-Length: {len(PAGE)}'), PAGE)}", size=(0, 0))
    try:
        screen.shows("konto-漢字", "q ends")
        screen.press("q")
        assert screen.end() == 0
    finally:
        screen.close()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("COMMAND metrics > /dev/full", "No space left on device"),
        ("COMMAND metrics --format=json > /dev/full", "No space left on device"),
        ("COMMAND top --once --url=URL > /dev/full", "No space left on device"),
        ("COMMAND top --format=json --url=URL > /dev/full", "No space left on device"),
        ("COMMAND healthcheck --format=json --url=URL > /dev/full", "No space left on device"),
        ("COMMAND metrics | sleep 0; exit ${PIPESTATUS[0]}", "the pipe is closed"),
        ("COMMAND top --format=json --url=URL | sleep 0; exit ${PIPESTATUS[0]}", "the pipe is closed"),
    ],
)
def test_an_output_that_takes_nothing_is_one_line_and_exit_code_1(serve: Serve, line: str, said: str) -> None:
    url = serve(head("200 OK", f"Content-Length: {len(PAGE)}"), PAGE)
    done = shell(line.replace("URL", url))

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_nothing_but_the_exit_code_is_left_where_errors_cannot_be_written_either() -> None:
    assert shell("COMMAND metrics > /dev/full 2> /dev/full").returncode == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_standard_stream_that_is_closed_breaks_nothing(serve: Serve, closed: str) -> None:
    url = serve(head("200 OK", f"Content-Length: {len(PAGE)}"), PAGE)
    done = shell(f"COMMAND top --once --url={url} {closed}")

    assert done.returncode == (0 if closed == "<&-" else 1)
    assert "Traceback" not in done.stderr
    assert bool(done.stderr) == (closed == ">&-")


def test_a_screen_without_a_keyboard_is_ended_by_a_signal(serve: Serve) -> None:
    url = serve(head("200 OK", f"Content-Length: {len(PAGE)}"), PAGE)
    line = f"timeout --foreground -s TERM 3 script -qec '{COMMAND} top --url={url} <&-' /dev/null"
    done = shell(line, TERM="xterm", PYTHONUTF8="1")

    assert "konto" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_healthcheck_is_one_object_whatever_is_asked(serve: Serve) -> None:
    done = run("healthcheck", f"--url={serve(head('503 No'))}", "--format=json")
    told = json.loads(done.stdout)

    assert (told["healthy"], told["error"]) == (False, "it answers 503")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", told["url"])

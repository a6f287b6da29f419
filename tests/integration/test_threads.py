"""Threads that die: health says so, and whoever looks after them starts them again."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from http.client import HTTPConnection
from typing import NoReturn
from urllib.parse import urlsplit

import pytest
from support.exposition import series
from support.heard import heard
from support.processes import eventually, get

from .conftest import Running

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),  # their death is the point
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # what a loop leaves that has died
]

Start = Callable[..., Running]


def restarts(running: Running, thread: str) -> float:
    return running.page()[series("bingx_exporter_thread_restarts_total", thread=thread)]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are all that is wanted


def is_told_of_the_end(connection: socket.socket) -> bool:
    connection.settimeout(5)
    with connection:
        try:
            return connection.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def last_turn(running: Running) -> float:
    return running.page()[series("bingx_exporter_scheduler_last_turn_timestamp_seconds")]


def test_a_scheduler_that_dies_is_told_and_started_again(start: Start) -> None:
    running = start()
    scheduler = running.app._scheduler
    eventually(lambda: running.readiness() == 200, what="it polls")

    def die() -> NoReturn:
        raise SystemExit

    alive, scheduler._turn = scheduler._turn, die  # type: ignore[method-assign]  # a fault of ours, where it hurts
    eventually(lambda: not scheduler.alive, what="it is dead")
    assert get(f"{running.url}/-/healthy") == (503, "the scheduler has died\n")
    silent_since = last_turn(running)
    scheduler._turn = alive  # type: ignore[method-assign]  # the fault has passed

    running.app.look_after()

    assert get(f"{running.url}/-/healthy") == (200, "Healthy\n")
    assert restarts(running, "scheduler") == 1
    eventually(lambda: last_turn(running) > silent_since, what="it turns again")
    success = series("bingx_collector_last_success_timestamp_seconds", account="alpha", collector="positions")
    before = running.page()[success]
    eventually(lambda: running.page()[success] > before, what="polling goes on")


def test_a_web_server_that_dies_keeps_its_address_and_answers_who_knocked_meanwhile(start: Start) -> None:
    running = start()
    server = running.app._server
    eventually(lambda: running.readiness() == 200, what="it answers")
    loop, before = server._loop, descriptors()
    assert isinstance(loop, asyncio.AbstractEventLoop)

    def die() -> NoReturn:
        raise SystemExit

    address = urlsplit(running.url)
    assert address.hostname is not None
    kept = [socket.create_connection((address.hostname, address.port)) for _ in range(20)]
    for one in kept:
        one.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: here\r\n\r\n")
        assert one.recv(4096).endswith(b"Healthy\n")

    loop.call_soon_threadsafe(die)
    eventually(lambda: not server.alive, what="it is dead")
    told = [is_told_of_the_end(one) for one in kept]
    assert all(told), "whoever waits is told at once"
    waiting = HTTPConnection(address.hostname, address.port, timeout=10)
    waiting.request("GET", "/-/healthy")

    running.app.look_after()

    assert waiting.getresponse().status == 200
    waiting.close()
    assert restarts(running, "web") == 1
    running.app.look_after()
    assert restarts(running, "web") == 1
    # Its own loop has a few of its own; twenty connections and their ends are gone.
    eventually(lambda: descriptors() <= before + 8, what="the descriptors of the dead server are closed")


def test_a_web_server_that_is_stopped_as_it_is_started_again_ends(start: Start) -> None:
    running = start()
    server = running.app._server
    loop = server._loop
    assert isinstance(loop, asyncio.AbstractEventLoop)

    def die() -> NoReturn:
        raise SystemExit

    loop.call_soon_threadsafe(die)
    eventually(lambda: not server.alive, what="it is dead")

    assert server.restart()
    running.app.stop()

    assert not server.alive


def test_a_web_server_is_started_again_once_the_machine_has_a_thread_for_it(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start()
    server = running.app._server
    loop = server._loop
    assert isinstance(loop, asyncio.AbstractEventLoop)

    def die() -> NoReturn:
        raise SystemExit

    begin = threading.Thread.start

    def scarce(thread: threading.Thread) -> None:
        if thread.name == "web":
            message = "can't start new thread"
            raise RuntimeError(message)
        begin(thread)

    loop.call_soon_threadsafe(die)
    eventually(lambda: not server.alive, what="it is dead")
    with monkeypatch.context() as machine, heard("info") as said:
        machine.setattr(threading.Thread, "start", scarce)
        running.app.look_after()
        running.app.look_after()
    assert "The web server cannot be started again" in said.getvalue()
    assert not server.alive

    running.app.look_after()

    assert get(f"{running.url}/-/healthy") == (200, "Healthy\n")
    assert restarts(running, "web") == 1


def test_what_was_stopped_stays_stopped(start: Start) -> None:
    running = start()
    eventually(lambda: running.readiness() == 200, what="it answers")
    address = urlsplit(running.url)

    running.app.stop()
    running.app.look_after()

    with pytest.raises(ConnectionRefusedError), socket.create_connection((address.hostname, address.port)):
        pass

"""What the port says of trouble that anybody can cause."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp.http import HttpProcessingError
from structlog.testing import capture_logs

from exporter.web.complaints import Complaints, PeerLog


class Watch:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_each_kind_is_told_once_a_minute_with_how_many_were_not() -> None:
    watch = Watch()
    complaints = Complaints(watch)
    with capture_logs() as lines:
        for watch.seconds in (0, 1, 59.9, 60, 61, 120, 200):
            complaints.tell("full", most=256)
        complaints.tell("unread")

    assert [(line["event"], line.get("unsaid", 0)) for line in lines] == [
        ("full", 0),
        ("full", 2),
        ("full", 1),
        ("full", 0),
        ("unread", 0),
    ]
    assert {line["log_level"] for line in lines} == {"warning"}


@pytest.mark.parametrize("error", [HttpProcessingError(code=400), ConnectionResetError(), TimeoutError()])
def test_what_a_peer_did_wrong_is_a_debug_line(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints(Watch())
    with capture_logs() as lines, caplog.at_level(logging.DEBUG, "aiohttp.server"):
        PeerLog(complaints).exception("Error handling request from %s", "127.0.0.1", exc_info=error)
        with asyncio.Runner() as runner:
            complaints.of_the_loop(runner.get_loop(), {"message": "Fatal error", "exception": error})

    assert [record.levelno for record in caplog.records if record.name == "aiohttp.server"] == [logging.DEBUG]
    assert [line["log_level"] for line in lines] == ["debug"]


def test_what_we_did_wrong_is_an_error_with_its_traceback() -> None:
    complaints, error = Complaints(Watch()), KeyError("page")
    with capture_logs() as lines:
        PeerLog(complaints).exception("Error handling request from %s", "127.0.0.1", exc_info=error)
        with asyncio.Runner() as runner:
            complaints.of_the_loop(runner.get_loop(), {"message": "Exception in callback", "exception": error})

    assert [(line["log_level"], line["exc_info"], line["what"]) for line in lines] == [
        ("error", error, "Error handling request from 127.0.0.1"),
        ("error", error, "Exception in callback"),
    ]

"""Log lines as the operator reads them."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import threading
import warnings
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import pytest
import structlog
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter import logs
from exporter.model import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from structlog.typing import FilteringBoundLogger

TIME: Final = re.compile(r"^time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ")
SOURCE: Final = re.compile(r"source=test_logs\.py:\d+ ")
UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    """Leave logging as it was: configuring it is the one thing here that outlives a call."""
    root = logging.getLogger()
    level = root.level
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.setLevel(level)
    for handler in _bridges():
        root.removeHandler(handler)


def _bridges() -> list[logging.Handler]:
    return [handler for handler in logging.getLogger().handlers if type(handler).__module__ == logs.__name__]


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(stream: io.StringIO) -> FilteringBoundLogger:
    logs.configure("debug", "logfmt", stream)
    return logs.get_logger("exporter.app")


@pytest.fixture
def json_log(stream: io.StringIO) -> FilteringBoundLogger:
    logs.configure("debug", "json", stream)
    return logs.get_logger("exporter.app")


def _said(stream: io.StringIO) -> str:
    """Everything after time and source, of the one line that there must be."""
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert TIME.search(text)
    assert SOURCE.search(text)
    return SOURCE.sub("", TIME.sub("", text)).removesuffix("\n")


def test_a_line_has_time_level_source_message_and_keys_in_this_order(
    log: FilteringBoundLogger, stream: io.StringIO
) -> None:
    log.info("Listening on", address="[::]:10066", tls=False)
    line = inspect_line()
    assert re.fullmatch(
        rf'time=\S+Z level=INFO source=test_logs\.py:{line - 1} msg="Listening on" address=\[::\]:10066 tls=false\n',
        stream.getvalue(),
    )


def inspect_line() -> int:
    return sys._getframe(1).f_lineno


def test_json_has_the_same_keys_in_the_same_order(json_log: FilteringBoundLogger, stream: io.StringIO) -> None:
    json_log.warning("Slow", seconds=1.5, calls=3, account="счёт", nothing=None, exact=Decimal("0.10"))
    entry = json.loads(stream.getvalue())
    assert list(entry) == ["time", "level", "source", "msg", "seconds", "calls", "account", "nothing", "exact"]
    assert re.fullmatch(r"test_logs\.py:\d+", entry.pop("source"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("time"))
    assert entry == {
        "level": "WARN",
        "msg": "Slow",
        "seconds": 1.5,
        "calls": 3,
        "account": "счёт",
        "nothing": None,
        "exact": "0.10",
    }


def test_time_is_now_in_utc(log: FilteringBoundLogger, stream: io.StringIO) -> None:
    before = logging.makeLogRecord({}).created
    log.info("x")
    after = logging.makeLogRecord({}).created
    stamp = datetime.fromisoformat(stream.getvalue().split()[0].removeprefix("time="))
    assert before - 0.001 <= stamp.timestamp() <= after


@pytest.mark.parametrize(
    ("method", "level"),
    [("debug", "DEBUG"), ("info", "INFO"), ("warning", "WARN"), ("error", "ERROR"), ("critical", "ERROR")],
)
def test_levels_have_their_short_names(method: str, level: str, log: FilteringBoundLogger, stream: io.StringIO) -> None:
    getattr(log, method)("x")
    assert _said(stream) == f'level={level} msg="x"'


@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("warn", 2), ("error", 1)])
def test_a_level_keeps_out_what_is_below_it_from_us_and_from_libraries(
    level: str, count: int, stream: io.StringIO
) -> None:
    logs.configure(level, "logfmt", stream)
    for speaker in (logs.get_logger("exporter.app"), logging.getLogger("aiohttp.server")):
        stream.truncate(0)
        for method in ("debug", "info", "warning", "error"):
            getattr(speaker, method)("x")
        assert stream.getvalue().count("\n") == count


@pytest.mark.parametrize(("level", "format_"), [("verbose", "json"), ("INFO", "json"), ("info", "xml")])
def test_an_unknown_word_is_refused(level: str, format_: str) -> None:
    with pytest.raises(
        ValueError, match="a log level is one of debug, info, warn, error, a log format one of logfmt, json"
    ):
        logs.configure(level, format_)


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "logfmt")
    logs.get_logger("exporter.app").info("x")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith('msg="x"\n')


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("счёт", "счёт"),
        ("", '""'),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ('say "x"', r'"say \"x\""'),
        ("a\nb\tc\r", r'"a\nb\tc\r"'),
        ("\x1b[31m\x7f\x85\u2028\u202e", r'"\u001b[31m\u007f\u0085\u2028\u202e"'),
        ("\ud800", r'"\ud800"'),
        ("\U000e0001", r'"\udb40\udc01"'),
        ("C:\\x", "C:\\x"),
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (1.5, "1.5"),
        (Decimal("0.10"), "0.10"),
        (timedelta(milliseconds=1500), "1.5s"),
        (datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2026-01-01T00:00:00.000Z"),
        (ValueError("bad thing"), '"ValueError: bad thing"'),
        (Secret("sekret"), "<secret>"),
        ([Secret("sekret")], "[<secret>]"),
    ],
)
def test_a_value_is_quoted_only_where_it_must_be(
    value: object, shown: str, log: FilteringBoundLogger, stream: io.StringIO
) -> None:
    log.info("x", key=value)
    assert _said(stream) == f'level=INFO msg="x" key={shown}'


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_lacks_is_text(value: float, json_log: FilteringBoundLogger, stream: io.StringIO) -> None:
    json_log.info("x", key=value)
    assert json.loads(stream.getvalue(), parse_constant=pytest.fail)["key"] == str(value)


@pytest.mark.parametrize("format_", logs.FORMATS)
@settings(max_examples=50)
@example(message="\x7f", key="\x7f", value="\x7f")
@given(message=st.text(), key=st.text(min_size=1), value=st.text())
def test_one_event_is_one_line_whatever_is_in_it(format_: str, message: str, key: str, value: str) -> None:
    stream = io.StringIO()
    logs.configure("info", format_, stream)
    logs.get_logger("exporter.app").bind(**{key: value}).info("%s", message)
    line = stream.getvalue()
    assert not UNPRINTABLE.search(line.removesuffix("\n"))
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1


def test_json_gives_back_the_very_text(json_log: FilteringBoundLogger, stream: io.StringIO) -> None:
    text = 'a\nb "c" \x1b \x7f \u2028 ж \U0001f600'
    json_log.info(text, key=text)
    entry = json.loads(stream.getvalue())
    assert (entry["msg"], entry["key"]) == (text, text)


def test_keys_that_are_taken_get_a_prefix(log: FilteringBoundLogger, stream: io.StringIO) -> None:
    log.info("x", time=1, level=2, source=3, msg=4, logged_time=5, exception=6)
    assert _said(stream) == (
        'level=INFO msg="x" logged_time=1 logged_level=2 logged_source=3 logged_msg=4 logged_logged_time=5 exception=6'
    )


def test_a_key_that_logfmt_cannot_hold_is_made_one(log: FilteringBoundLogger, stream: io.StringIO) -> None:
    log.info("x", **{"a b=c\n": 1})
    assert _said(stream) == 'level=INFO msg="x" a_b_c_=1'


@pytest.mark.parametrize("how", ["exception", "true", "instance"])
def test_an_exception_is_one_key(how: str, json_log: FilteringBoundLogger, stream: io.StringIO) -> None:
    calls: dict[str, Callable[[BaseException], object]] = {
        "exception": lambda _: json_log.exception("Failed", exception="mine"),
        "true": lambda _: json_log.error("Failed", exception="mine", exc_info=True),
        "instance": lambda error: json_log.error("Failed", exception="mine", exc_info=error),
    }
    try:
        raise KeyError("boom")  # noqa: TRY301, EM101 - the test needs one that was raised
    except KeyError as error:
        calls[how](error)
    entry = json.loads(stream.getvalue())
    assert entry["level"] == "ERROR"
    assert entry["logged_exception"] == "mine"
    assert entry["exception"].startswith("Traceback (most recent call last):\n")
    assert entry["exception"].endswith("\nKeyError: 'boom'")
    assert "exc_info" not in entry


def test_a_library_speaks_on_our_lines_and_is_named(log: FilteringBoundLogger, stream: io.StringIO) -> None:
    logging.getLogger("aiohttp.server").warning("Bad request\nfrom %s", "peer")
    assert _said(stream) == r'level=WARN msg="Bad request\nfrom peer" logger=aiohttp.server'


def test_the_exception_of_a_library_is_one_key(json_log: FilteringBoundLogger, stream: io.StringIO) -> None:
    try:
        raise KeyError("boom")  # noqa: TRY301, EM101 - the test needs one that was raised
    except KeyError:
        logging.getLogger("asyncio").exception("Failed")
    assert json.loads(stream.getvalue())["exception"].endswith("\nKeyError: 'boom'")


def test_a_foreign_logger_of_ours_is_named_too(log: FilteringBoundLogger, stream: io.StringIO) -> None:
    logs.get_logger("plugin").info("x", key=1)
    assert _said(stream) == 'level=INFO msg="x" key=1 logger=plugin'


def test_a_record_that_cannot_be_formatted_is_still_told(
    log: FilteringBoundLogger, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", _bridges())  # the test runner's own would object
    logging.getLogger("library").error("%d items", "one")
    assert _said(stream) == 'level=ERROR msg="%d items" logger=library'


def test_a_warning_of_the_interpreter_is_a_line(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logs.configure("info", "logfmt", stream)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert "level=WARN" in stream.getvalue()
    assert "DeprecationWarning: old" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_configuring_again_replaces_and_forgets_no_secret(stream: io.StringIO) -> None:
    first = io.StringIO()
    logs.configure("info", "logfmt", first)
    early = logs.get_logger("exporter.app")
    logs.redact(Secret("sekret"))
    logs.configure("info", "json", stream)
    early.info("sekret")
    logging.getLogger("library").info("sekret")
    assert [json.loads(line)["msg"] for line in stream.getvalue().splitlines()] == ["<secret>", "<secret>"]
    assert first.getvalue() == ""


def test_a_secret_cannot_be_registered_nowhere() -> None:
    with pytest.raises(RuntimeError, match="configure the logs before registering a secret"):
        logs.redact(Secret("sekret"))


@pytest.mark.parametrize("format_", logs.FORMATS)
@settings(max_examples=50)
@example(secret="abc'def\"ghi\\jkl")
@given(secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=30))
def test_a_registered_secret_is_in_no_line(format_: str, secret: str) -> None:
    stream = io.StringIO()
    structlog.reset_defaults()
    logs.configure("info", format_, stream)
    logs.redact(Secret(secret))
    log = logs.get_logger("exporter.app")
    log.info("with %s in it", secret, key=secret, inside=[secret, {"a": secret}], url=f"http://h/?k={quote(secret)}")
    log.bind(**{secret: 1}).info("x")
    error = ValueError(secret)
    log.error("Failed", error=error, exc_info=error)
    logging.getLogger("library").error("Failed with %s", secret, exc_info=error)
    for spelling in {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret), quote(secret, safe="")}:
        assert spelling not in stream.getvalue()
        assert not any(spelling in text for text in _texts(stream.getvalue()))


def _texts(lines: str) -> list[str]:
    """The keys and values of JSON lines, unescaped; nothing of other lines."""
    entries = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
    return [str(text) for entry in entries for item in entry.items() for text in item]


def test_a_number_that_is_a_secret_is_redacted(json_log: FilteringBoundLogger, stream: io.StringIO) -> None:
    logs.redact(Secret("1234567890"))
    json_log.info("x", user=1234567890)
    assert json.loads(stream.getvalue())["user"] == "<secret>"


def test_an_empty_secret_shreds_no_line(log: FilteringBoundLogger, stream: io.StringIO) -> None:
    logs.redact(Secret(""))
    log.info("x")
    assert _said(stream) == 'level=INFO msg="x"'


def test_a_secret_within_a_secret_leaves_no_rest(log: FilteringBoundLogger, stream: io.StringIO) -> None:
    logs.redact(Secret("abcdef"))
    logs.redact(Secret("abcdefghij"))
    log.info("x", key="abcdefghij")
    assert _said(stream) == 'level=INFO msg="x" key=<secret>'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /p?a=1&signature=0aF9&b=2", "GET /p?a=1&signature=<secret>&b=2"),
        ("{'signature': 1, 'url': 'h?signature=0aF9'}", "{'signature': 1, 'url': 'h?signature=<secret>'}"),
        ("X-BX-APIKEY: bAbc123", "X-BX-APIKEY: <secret>"),
        ("{'X-BX-APIKEY': 'abc123'}", "{'X-BX-APIKEY': '<secret>'}"),
        ('{"x-bx-apikey":"abc123"}', '{"x-bx-apikey":"<secret>"}'),
        ("('X-BX-APIKEY', b'abc123')", "('X-BX-APIKEY', b'<secret>')"),
        ("the header X-BX-APIKEY is missing", "the header X-BX-APIKEY is missing"),
        ("via http://user:pass@proxy:3128/", "via http://user:<secret>@proxy:3128/"),
        ("postgresql+psycopg://u:p%40s@db/ledger", "postgresql+psycopg://u:<secret>@db/ledger"),
        ("http://host:3128/a@b", "http://host:3128/a@b"),
    ],
)
def test_what_looks_like_a_secret_is_redacted_unregistered(
    text: str, shown: str, json_log: FilteringBoundLogger, stream: io.StringIO
) -> None:
    json_log.info(text, key=text)
    logging.getLogger("library").info(text)
    ours, theirs = map(json.loads, stream.getvalue().splitlines())
    assert (ours["msg"], ours["key"], theirs["msg"]) == (shown, shown, shown)


def test_urllib3_shows_no_query(log: FilteringBoundLogger, stream: io.StringIO) -> None:
    connection = logging.getLogger("urllib3.connectionpool")
    connection.debug('%s "%s %s %s" %s', "https://h:443", "GET", "/p?symbol=BTC&timestamp=1&x=y", "HTTP/1.1", 200)
    assert _said(stream) == (
        r'level=DEBUG msg="https://h:443 \"GET /p?<query> HTTP/1.1\" 200" logger=urllib3.connectionpool'
    )


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("I/O operation on closed file")])
def test_a_reader_that_is_gone_stops_nobody(error: Exception) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str, /) -> int:
            raise error

    logs.configure("info", "logfmt", Gone())
    logs.get_logger("exporter.app").info("x")
    logging.getLogger("library").info("x")


def test_lines_of_many_threads_do_not_mix() -> None:
    class Torn(io.StringIO):
        """Lets another thread in between the halves of a line."""

        def write(self, text: str, /) -> int:
            half = len(text) // 2
            super().write(text[:half])
            threading.Event().wait(0.001)
            return super().write(text[half:])

    stream = Torn()
    logs.configure("info", "json", stream)
    log = logs.get_logger("exporter.app")

    def speak(number: int) -> None:
        for _ in range(5):
            log.info("x", thread=number)

    threads = [threading.Thread(target=speak, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert sorted(entry["thread"] for entry in entries) == sorted(list(range(4)) * 5)

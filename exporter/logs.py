"""Log lines: one event, one line, on standard error, as logfmt or JSON, without a secret.

Owns the form of a line, what is redacted from it, and the bridge from the standard library's logging, so that the
lines of aiohttp, asyncio and urllib3 look like ours. Knows no other module: a secret is whatever can `reveal()`.
"""

from __future__ import annotations

import inspect
import json
import logging
import math
import re
import sys
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from structlog.typing import EventDict, FilteringBoundLogger


@contextmanager
def _as_if_not_installed(package: str) -> Iterator[None]:
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # how the language says that there is no such module
    try:
        yield
    finally:
        del sys.modules[package]


with _as_if_not_installed("rich"):  # it would draw tracebacks in colour, and cost every start 60 ms and 5 MiB
    import structlog

LEVELS: Final = ("debug", "info", "warn", "error")
"""The words of `--log.level`."""

FORMATS: Final = ("logfmt", "json")
"""The words of `--log.format`."""

_PACKAGE: Final = __name__.partition(".")[0]
_THRESHOLDS: Final = dict(zip(LEVELS, (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR), strict=True))
_OWN_KEYS: Final = ("time", "level", "source", "msg")
_REDACTED: Final = "<secret>"
_TELLTALES: Final = (
    re.compile(r"(\bsignature=)[^&\s\"'\\]+", re.IGNORECASE),
    re.compile(r"(X-BX-APIKEY['\"\\]*\s*[:=,]\s*(?:b?['\"\\]+)?)[^\s'\",;&)}\]\\]+", re.IGNORECASE),
    re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)"),
)
_QUERY: Final = re.compile(r"\?[^\s\"']+")
_NEEDS_QUOTES: Final = re.compile(r'[\s"=]')
_NOT_IN_A_KEY: Final = re.compile(r"[^A-Za-z0-9_.-]")


class Stream(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object:
        """Write a text."""
        ...

    def flush(self) -> None:
        """Bring out what was written."""
        ...


class Revealable(Protocol):
    """A secret: something that shows its text only on request."""

    def reveal(self) -> str:
        """Return the text."""
        ...


def configure(level: str, format: str, stream: Stream | None = None) -> None:  # noqa: A002 - the flag's own word
    """Send the lines of this program and of its libraries to `stream` (standard error), from `level` up, in `format`.

    May be called again; secrets that are registered already stay so. Raises `ValueError` for an unknown word.
    """
    if level not in LEVELS or format not in FORMATS:
        message = f"a log level is one of {', '.join(LEVELS)}, a log format one of {', '.join(FORMATS)}"
        raise ValueError(message)
    before = _configured()
    redactor = before.redactor if before else _Redactor()
    pipeline = _Pipeline(redactor, render=_as_json if format == "json" else _as_logfmt)
    writer = _Writer(stream or sys.stderr)
    structlog.configure(
        processors=[pipeline],
        wrapper_class=structlog.make_filtering_bound_logger(_THRESHOLDS[level]),
        logger_factory=lambda name="": _Named(name, writer),
        cache_logger_on_first_use=False,
    )
    _bridge_standard_logging(_Bridge(pipeline, writer), _THRESHOLDS[level])


def get_logger(name: str) -> FilteringBoundLogger:
    """Return the logger `name`; lines of a logger from outside this package carry its name as `logger`."""
    return cast("FilteringBoundLogger", structlog.get_logger(name))


def redact(secret: Revealable) -> None:
    """Keep the text of `secret` out of every line from now on; raises `RuntimeError` before `configure`."""
    pipeline = _configured()
    if pipeline is None:
        message = "configure the logs before registering a secret"
        raise RuntimeError(message)
    pipeline.redactor.add(secret.reveal())


class _Redactor:
    """Takes out of a text the registered secrets, as reprs and URLs spell them too, and what looks like a secret."""

    def __init__(self) -> None:
        self._needles: tuple[str, ...] = ()

    def add(self, text: str) -> None:
        spellings = {text, repr(text)[1:-1], json.dumps(text)[1:-1], quote(text), quote(text, safe="")} - {""}
        # The longest first: a secret may be part of another.
        self._needles = tuple(sorted({*self._needles, *spellings}, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        for needle in self._needles:
            text = text.replace(needle, _REDACTED)
        for telltale in _TELLTALES:
            text = telltale.sub(rf"\g<1>{_REDACTED}", text)
        return text


class _Pipeline:
    """Turns an event into its line: the only processor, and the only way out for records of other libraries."""

    def __init__(self, redactor: _Redactor, *, render: Callable[[Mapping[str, object]], str]) -> None:
        self.redactor = redactor
        self._render = render
        self._stamp = structlog.processors.TimeStamper(fmt=None)

    def __call__(self, logger: _Named, method: str, event_dict: EventDict) -> str:
        """Render an event of ours."""
        fields = dict(event_dict)
        own = {
            "time": _moment(datetime.fromtimestamp(self._stamp(None, method, {})["timestamp"], UTC)),
            "level": _level(getattr(logging, method.upper())),
            "source": _caller(),
            "msg": fields.pop("event"),
        }
        exc_info = fields.pop("exc_info", None)
        return self.line(own, fields if _is_ours(logger.name) else {**fields, "logger": logger.name}, exc_info)

    def line(self, own: Mapping[str, object], fields: Mapping[str, object], exc_info: object) -> str:
        """Render a line from its four own keys, the event's fields, and an exception in any form that logging knows."""
        entries = dict(own)
        exception = structlog.processors.format_exc_info(None, "", {"exc_info": exc_info}).get("exception")
        taken = {*_OWN_KEYS, "exception"} if exception else set(_OWN_KEYS)
        for key, value in fields.items():
            entries[_free(self._key(key), taken)] = value
        if exception:
            entries["exception"] = exception
        return self._render({key: self._clean(value) for key, value in entries.items()})

    def _key(self, key: str) -> str:
        return _NOT_IN_A_KEY.sub("_", self.redactor(key))

    def _clean(self, value: object) -> object:
        text = _text(value)
        clean = self.redactor(text)
        is_native = (
            value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
        )
        return value if is_native and clean == text else clean


class _Writer:
    """Writes whole lines, one thread at a time; a reader that has gone away stops nobody."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        # Where there is no standard error left, there is nobody left to tell.
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()


class _Named:
    """What structlog calls with a rendered line, and what tells the pipeline whose line it is."""

    def __init__(self, name: str, writer: _Writer) -> None:
        self.name = name
        self.debug = self.info = self.warning = self.error = self.critical = writer.write


class _Bridge(logging.Handler):
    """Brings the records of the standard library's logging onto our lines."""

    def __init__(self, pipeline: _Pipeline, writer: _Writer) -> None:
        super().__init__()
        self._pipeline = pipeline
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as one line."""
        own = {
            "time": _moment(datetime.fromtimestamp(record.created, UTC)),
            "level": _level(record.levelno),
            "source": f"{record.filename}:{record.lineno}",
            "msg": _message(record),
        }
        self._writer.write(self._pipeline.line(own, {"logger": record.name}, record.exc_info))


def _bridge_standard_logging(bridge: _Bridge, threshold: int) -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(bridge)
    root.setLevel(threshold)
    logging.captureWarnings(capture=True)


def _configured() -> _Pipeline | None:
    processors: Iterable[object] = structlog.get_config()["processors"]
    return next((processor for processor in processors if isinstance(processor, _Pipeline)), None)


def _message(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):
        message = str(record.msg)
    return _QUERY.sub("?<query>", message) if record.name.startswith("urllib3") else message


def _caller() -> str:
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith((__name__, "structlog.")):
        frame = frame.f_back
    return f"{PurePath(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else "unknown:0"


def _level(number: int) -> str:
    return next((name.upper() for name in reversed(LEVELS) if number >= _THRESHOLDS[name]), "DEBUG")


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in {_PACKAGE, "__main__"}


def _free(key: str, taken: set[str]) -> str:
    while key in taken:
        key = f"logged_{key}"
    taken.add(key)
    return key


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(value: object) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, datetime) and value.tzinfo:
        return _moment(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds()}s"
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return str(value)


def _as_logfmt(entries: Mapping[str, object]) -> str:
    return " ".join(f"{key}={_quoted(_text(value), always=key == 'msg')}" for key, value in entries.items())


def _quoted(text: str, *, always: bool) -> str:
    if text and text.isprintable() and not always and not _NEEDS_QUOTES.search(text):
        return text
    escaped = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escape(char) for char in escaped)


def _escape(char: str) -> str:
    return json.dumps(char)[1:-1] if not char.isascii() else f"\\u{ord(char):04x}"


def _as_json(entries: Mapping[str, object]) -> str:
    return json.dumps(entries)

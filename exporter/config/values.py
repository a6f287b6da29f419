"""From the text of one value to what it means: durations, dates, names, addresses, URLs, keys.

Pure: no file, no variable, no clock. A `BadValue` is worded as what follows the value in a sentence ("is not a
duration"), because only the caller knows whether the value may be shown.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from exporter.model import Secret
from exporter.yamltext import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

_DURATION: Final = re.compile(
    r"(?:(?P<years>\d{1,9})y)?(?:(?P<weeks>\d{1,9})w)?(?:(?P<days>\d{1,9})d)?(?:(?P<hours>\d{1,9})h)?"
    r"(?:(?P<minutes>\d{1,9})m)?(?:(?P<seconds>\d{1,9})s)?(?:(?P<milliseconds>\d{1,9})ms)?",
    re.ASCII,
)
_DURATION_HINT: Final = "write it like 500ms, 5s, 1m30s, 12h or 90d"
_NUMBER: Final = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_RFC_3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?P<time>[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?P<offset>[Zz]|[+-]\d\d:\d\d)?)?", re.ASCII
)
_LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_TAKEN_LABELS: Final = frozenset({"account", "environment"})
_SWITCHES: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_LONGEST_NAME: Final = 64
_SHORTEST_SECRET: Final = 6
_LONGEST_LABEL: Final = 256
_DAYS_IN_A_YEAR: Final = 365


_SHORTEST_RETENTION_DAYS: Final = 120


class BadValue(ValueError):  # noqa: N818 - a fault in a file, not in the program
    """A value that cannot be used: `message` follows the value in a sentence, `hint` says how to mend it."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(message)


def parse_duration(text: str) -> timedelta:
    """Read a duration as Prometheus writes it (`1m30s`, `90d`, `500ms`); raises `BadValue`, also for a bare number."""
    if _NUMBER.fullmatch(text):
        message = "has no unit"
        raise BadValue(message, _DURATION_HINT)
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        message = "is not a duration"
        raise BadValue(message, _DURATION_HINT)
    given = {unit: int(number) for unit, number in match.groupdict(default="0").items()}
    days = given.pop("years") * _DAYS_IN_A_YEAR + given.pop("days")
    try:
        return timedelta(days=days, **given)
    except OverflowError:
        message = "is too long"
        raise BadValue(message) from None


def seconds(shortest: str, longest: str) -> Callable[[str], float]:
    """Return a reader of durations from `shortest` to `longest`, into seconds."""

    def parse(text: str) -> float:
        duration = parse_duration(text)
        if not parse_duration(shortest) <= duration <= parse_duration(longest):
            message = f"is not between {shortest} and {longest}"
            raise BadValue(message)
        return duration.total_seconds()

    return parse


def parse_retention(text: str) -> timedelta:
    """Read how long entries are kept, 120 days at least; raises `BadValue`, saying why it may not be less."""
    duration = parse_duration(text)
    if duration < timedelta(days=_SHORTEST_RETENTION_DAYS):
        message = f"is less than {_SHORTEST_RETENTION_DAYS}d"
        raise BadValue(message, "the exchange shows 90 days, and what it shows is compared with the entries")
    return duration


def parse_interval(text: str) -> float:
    """Read the seconds between two polls, at most thirty days; raises `BadValue`, for 0 with the way to switch off."""
    if parse_duration(text) == timedelta(0):
        message = "is no interval"
        raise BadValue(message, "to switch a collector off write enabled: false")
    return seconds("1ms", "30d")(text)


def parse_since(text: str) -> timedelta | datetime:
    """Read a duration before the first start, or an RFC 3339 date or time as aware UTC; raises `BadValue`."""
    if not re.match(r"\d{4}-", text):
        return _parse_span(text)
    return _parse_date(text)


def _parse_span(text: str) -> timedelta:
    hint = "write a duration such as 90d or a date such as 2026-01-01"
    try:
        span = parse_duration(text)
    except BadValue as bad:
        raise BadValue(bad.message, hint) from None
    if span == timedelta(0):
        message = "is no time"
        raise BadValue(message, hint)
    return span


def _parse_date(text: str) -> datetime:
    wrong = BadValue("is not a date", "write it like 2026-01-01 or 2026-01-01T12:00:00Z")
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise wrong
    if match["time"] and not match["offset"]:
        message = "has no offset from UTC"
        raise BadValue(message, "add Z or an offset such as +02:00")
    try:
        moment = datetime.fromisoformat(text.upper())
        return moment.astimezone(UTC) if match["offset"] else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise wrong from None


def number(least: int, most: int) -> Callable[[str], float]:
    """Return a reader of decimal numbers from `least` to `most`."""

    def parse(text: str) -> float:
        if not _NUMBER.fullmatch(text) or not least <= float(text) <= most:
            message = f"is not a number between {least} and {most}"
            raise BadValue(message)
        return float(text)

    return parse


def parse_switch(text: str) -> bool:
    """Read true or false; raises `BadValue`."""
    switch = _SWITCHES.get(text.lower())
    if switch is None:
        message = "is neither true nor false"
        raise BadValue(message)
    return switch


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a reader that takes only the words in `choices`."""

    def parse(text: str) -> str:
        if text not in choices:
            message = f"is none of {', '.join(choices)}"
            near = nearest(text, choices)
            raise BadValue(message, near if near.startswith("did") else "")
        return text

    return parse


def parse_name(text: str) -> str:
    """Read the name of an account: 1 to 64 printable characters; raises `BadValue`."""
    if len(text) > _LONGEST_NAME:
        message = f"is longer than {_LONGEST_NAME} characters"
        raise BadValue(message)
    if text != text.strip():
        message = "begins or ends with a space"
        raise BadValue(message)
    return _printable(text)


def parse_label_name(text: str) -> str:
    """Read the name of a label that Prometheus takes and that is not taken already; raises `BadValue`."""
    if not _LABEL_NAME.fullmatch(text):
        message = "is not a label name"
        raise BadValue(message, "use letters, digits and underscores, and begin with no digit")
    if text.startswith("__"):
        message = "begins with two underscores"
        raise BadValue(message, "Prometheus keeps such labels for itself")
    if text in _TAKEN_LABELS:
        message = "is a label of the exporter's own"
        raise BadValue(message, "choose another name")
    return text


def parse_label_value(text: str) -> str:
    """Read the value of a label: up to 256 printable characters; raises `BadValue`."""
    if len(text) > _LONGEST_LABEL:
        message = f"is longer than {_LONGEST_LABEL} characters"
        raise BadValue(message)
    return _printable(text)


def parse_path(text: str) -> Path:
    """Read the path of a file, which need not exist; raises `BadValue`."""
    return Path(_printable(text))


def parse_secret(text: str) -> Secret:
    """Read a key or secret: visible ASCII characters, at least six of them; raises `BadValue`."""
    if not text:
        message = "is empty"
        raise BadValue(message)
    if not _is_visible_ascii(text):
        message = "holds white space or characters that no key has"
        raise BadValue(message)
    if len(text) < _SHORTEST_SECRET:
        # A slip of the pen; besides, every line of the log would lose each place where those few characters stand.
        message = "is too short to be one"
        raise BadValue(message)
    return Secret(text)


def parse_address(text: str) -> str:
    """Read an IPv4 or IPv6 address; raises `BadValue`."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        message = "is not an IP address"
        raise BadValue(message) from None


def parse_base_url(text: str) -> str:
    """Read the address of an exchange host, without a slash at the end; raises `BadValue`."""
    parts = _parse_web_url(text)
    if "@" in parts.netloc:
        message = "holds a user name or password"
        raise BadValue(message)
    return text.rstrip("/")


def parse_proxy(text: str) -> str:
    """Read the address of an HTTP proxy, which may hold a user name and password; raises `BadValue`."""
    _parse_web_url(text)
    return text


def parse_ledger_url(text: str) -> str:
    """Read where the ledger is kept; raises `BadValue` for anything but a SQLite file or PostgreSQL by psycopg."""
    hint = "write sqlite:////absolute/path, sqlite:///relative/path or postgresql+psycopg://user@host/database"
    scheme, _, rest = text.partition("://")
    if scheme == "sqlite" and rest in {"", "/", "/:memory:"}:
        message = "names no file, and a ledger in memory would forget at every restart"
        raise BadValue(message, hint)
    if not _is_visible_ascii(text) or not (scheme == "postgresql+psycopg" or (scheme == "sqlite" and rest[0] == "/")):
        message = "is not the URL of a ledger"
        raise BadValue(message, hint)
    return text


def _parse_web_url(text: str) -> SplitResult:
    message = "is not an http:// or https:// URL"
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise BadValue(message) from None
    if not usable or not _is_visible_ascii(text):
        raise BadValue(message)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        message = "goes on after the host and port"
        raise BadValue(message, "leave out the path")
    return parts


def _is_visible_ascii(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _printable(text: str) -> str:
    if not text.isprintable():
        message = "holds a character that does not print"
        raise BadValue(message)
    return text

"""Strict reading of what the exchange sends: JSON to exact numbers, aware times and bounded texts.

This module owns the types of the wire and knows no endpoint. A necessary value that cannot be believed raises
`MalformedResponse` with its path; an optional one becomes `None` and is noted as drift, as is a field nobody knows.
Nothing foreign escapes, whatever the bytes.
"""

from __future__ import annotations

import re
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import msgspec
from msgspec import Struct

from exporter.bingx.errors import MalformedResponse
from exporter.model import from_milliseconds, shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

_T = TypeVar("_T")

UNKNOWN_FIELD: Final = "unknown_field"
BAD_VALUE: Final = "bad_value"

_NUMBER: Final = re.compile(r"-?[0-9]{1,64}(?:\.[0-9]{1,64})?(?:[eE][+-]?[0-9]{1,3})?").fullmatch
# Numbers of sane size, each before a semicolon; none has an exponent or is a negative zero.
_PLAIN: Final = re.compile(r"(?:(?!-[0.]*;)-?[0-9]{1,30}(?:\.[0-9]{1,30})?;)*").fullmatch
_DIGITS: Final = re.compile(r"[0-9]{1,16}").fullmatch
_NUMBER_LENGTH: Final = 64
_EXPONENT: Final = 60
_PLACES: Final = 100
_FEW_PLACES: Final = _NUMBER_LENGTH - _PLACES  # the last of so many digits stands at most so far behind the first
_INTEGER: Final = 10**_EXPONENT
_TEXT_LENGTH: Final = 512
LABEL_LENGTH: Final = 200  # a symbol has some dozen characters
_NOT_IN_A_LABEL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]").search
_EARLIEST_MS: Final = 946_684_800_000  # 2000-01-01
_LATEST_MS: Final = 7_258_118_400_000  # 2200-01-01
_DRIFT_AT_MOST: Final = 32  # an answer that has changed altogether need not say so a thousand times
_NAME_LENGTH: Final = 64
_MARK: Final = b"\xef\xbb\xbf"

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)


class Drift(Struct, frozen=True):
    """A break with the known wire format: `kind` is unknown_field or bad_value, `path` like "data[].fooBar"."""

    kind: str
    path: str


class Parsed(Struct, Generic[_T], frozen=True):
    """What an answer says, and where it strayed from the known format (each place once)."""

    value: _T
    drift: tuple[Drift, ...] = ()


def decode(body: bytes) -> object:
    """Decode JSON with every fraction as an exact `Decimal`; raises `MalformedResponse` for anything else than JSON.

    Bytes of 0 between its tokens are passed over.
    """
    if b"\0" in body:
        # A blank that JSON does not let stand within a name, a number or a text: none becomes the same as another.
        body = body.replace(b"\0", b"\n")
    try:
        decoded: object = _DECODER.decode(body.removeprefix(_MARK))
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        failure = MalformedResponse(_appearance(body))
    else:
        return decoded
    raise failure  # outside, so that no traceback shows the body's text


def _appearance(body: bytes) -> str:
    start = body[:256].lstrip().lower()
    if not start:
        return "the answer is empty"
    if start.startswith(b"<"):
        return "the answer is an HTML page, not JSON"
    return "the answer is cut short or no JSON" if start.startswith((b"{", b"[")) else "the answer is not JSON"


class Drifts:
    """Where one answer strayed from the known format; each place once, a bounded number of places."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[Drift, None] = {}

    def add(self, kind: str, path: str) -> None:
        """Note a place."""
        if len(self._seen) < _DRIFT_AT_MOST:
            self._seen[Drift(kind, path)] = None

    def parsed(self, value: _T) -> Parsed[_T]:
        """Wrap what was read together with what strayed."""
        return Parsed(value, tuple(self._seen))


def rows(data: object, known: frozenset[str], drifts: Drifts) -> Iterator[Row]:
    """Read a list of objects, row by row; raises `MalformedResponse` for a list that is none."""
    if type(data) is not list:
        raise MalformedResponse(detail="is no list", path="data")
    for index, item in enumerate(data):
        yield Row(item, known, drifts, index=index)


class Columns:
    """The names of two or more fields that are read together, in this order."""

    __slots__ = ("names", "pick")

    def __init__(self, *names: str) -> None:
        self.names = names
        self.pick = itemgetter(*names)


class Row:
    """One JSON object and its place in the answer, read value by value.

    The readers without `maybe_` are for what cannot be done without: they raise `MalformedResponse` with the path.
    """

    __slots__ = ("_drifts", "_fields", "_index", "_prefix")

    def __init__(
        self,
        data: object,
        known: frozenset[str],
        drifts: Drifts,
        *,
        prefix: str = "data",
        index: int | None = None,
    ) -> None:
        """Take an object (anything else raises `MalformedResponse`) and note the fields that are not `known`."""
        self._index = index
        self._prefix = prefix
        if type(data) is not dict:
            raise MalformedResponse(detail="is no object", path=self._place())
        self._fields: dict[str, object] = data
        self._drifts = drifts
        if not known.issuperset(data):
            for name in data.keys() - known:
                self._drift(UNKNOWN_FIELD, _shown(name))

    def bad(self, name: str, why: str) -> MalformedResponse:
        """Return the error for a field, with its path."""
        return MalformedResponse(why, path=f"{self._place()}.{name}")

    def raw(self, name: str) -> object:
        """Return a value as decoded, `None` if missing."""
        return self._fields.get(name)

    def decimal(self, name: str) -> Decimal:
        """Read a number, given as text or as a JSON number."""
        value = number(self._fields.get(name))
        if value is None:
            raise self.bad(name, self._why(name, "a number"))
        return value

    def maybe_decimal(self, name: str) -> Decimal | None:
        """Read a number; "", null and a missing field mean that the exchange does not say."""
        raw = self._fields.get(name)
        if raw is None or raw == "":
            return None
        value = number(raw)
        if value is None:
            self._drift(BAD_VALUE, name)
        return value

    def maybe_decimals(self, columns: Columns) -> Sequence[Decimal | None]:
        """Read some numbers, each as `maybe_decimal` does: at once, if all are plain texts, as they mostly are."""
        try:
            texts = columns.pick(self._fields)
            if _PLAIN(";".join((*texts, ""))):
                return list(map(Decimal, texts))
        except (KeyError, TypeError, ArithmeticError):  # one is missing, no text, or a text with a semicolon
            pass
        return [self.maybe_decimal(name) for name in columns.names]

    def time(self, name: str) -> datetime:
        """Read milliseconds since 1970 (as integer or digits) between the years 2000 and 2200."""
        value = moment(self._fields.get(name))
        if value is None:
            raise self.bad(name, self._why(name, "a time in milliseconds"))
        return value

    def maybe_time(self, name: str) -> datetime | None:
        """Read milliseconds since 1970; "", null, 0 and a missing field mean that the exchange does not say."""
        raw = self._fields.get(name)
        if raw in (None, "", 0):
            return None
        value = moment(raw)
        if value is None:
            self._drift(BAD_VALUE, name)
        return value

    def text(self, name: str) -> str:
        """Read a text of 1 to 512 characters."""
        value = self.text_or_empty(name)
        if not value:
            raise self.bad(name, "is empty or missing")
        return value

    def text_or_empty(self, name: str) -> str:
        """Read a text of up to 512 characters that makes a difference; null and a missing field are ""."""
        raw = self._fields.get(name)
        if type(raw) is str and len(raw) <= _TEXT_LENGTH:
            return raw if "\0" not in raw else raw.replace("\0", "")
        if raw is None:
            return ""
        raise self.bad(name, self._why(name, "a text of at most 512 characters"))

    def label(self, name: str) -> str:
        """Read a text that names a series, such as a symbol: as `label_or_empty`, and not empty."""
        value = self.label_or_empty(name)
        if not value:
            raise self.bad(name, "is empty or missing")
        return value

    def label_or_empty(self, name: str) -> str:
        """Read a text of up to 200 characters without control characters; null and a missing field are "".

        It is taken as it is or not at all: two names that were cut or cleaned could become one series.
        """
        return shared(self._label(name))

    def identity(self, name: str) -> str:
        """Read an id, given as text or as a bare integer, as `label_or_empty`; null and a missing field are ""."""
        raw = self._fields.get(name)
        if type(raw) is not int:
            return self._label(name)
        text = str(raw)
        if not is_label(text):
            raise self.bad(name, f"is a number of more than {LABEL_LENGTH} characters")
        return text

    def remark(self, name: str) -> str:
        """Read free text that decides nothing: what is too long is cut, what is no text is "", both noted."""
        raw = self._fields.get(name)
        if raw is None:
            return ""
        if type(raw) is str and len(raw) <= _TEXT_LENGTH:
            return raw if "\0" not in raw else raw.replace("\0", "")
        self._drift(BAD_VALUE, name)
        return raw[:_TEXT_LENGTH].replace("\0", "") if type(raw) is str else ""

    def maybe_bool(self, name: str) -> bool | None:
        """Read true or false; null and a missing field mean that the exchange does not say."""
        raw = self._fields.get(name)
        if raw is None or type(raw) is bool:
            return raw
        self._drift(BAD_VALUE, name)
        return None

    def _label(self, name: str) -> str:
        raw = self._fields.get(name)
        if raw is None:
            return ""
        if type(raw) is not str or not is_label(raw):
            raise self.bad(name, self._why(name, f"a text of at most {LABEL_LENGTH} characters that print"))
        return raw

    def _place(self) -> str:
        return self._prefix if self._index is None else f"{self._prefix}[{self._index}]"

    def _drift(self, kind: str, name: str) -> None:
        brackets = "" if self._index is None else "[]"
        self._drifts.add(kind, f"{self._prefix}{brackets}.{name}")

    def _why(self, name: str, wanted: str) -> str:
        return f"is not {wanted}" if name in self._fields else "is missing"


def number(raw: object) -> Decimal | None:
    """Read a finite number of sane size, exactly, from ASCII text or a JSON number; `None` if it is none."""
    if type(raw) is str:
        value = Decimal(raw) if len(raw) <= _NUMBER_LENGTH and _NUMBER(raw) else None
    elif type(raw) is int:
        value = Decimal(raw) if -_INTEGER < raw < _INTEGER else None
    elif type(raw) is Decimal:
        # The text has every digit and perhaps more, and is had for less than the digits themselves.
        is_short = len(str(raw)) <= _NUMBER_LENGTH or len(raw.as_tuple().digits) <= _NUMBER_LENGTH
        value = raw if is_short and raw.is_finite() else None
    else:
        return None
    if value is None or not -_EXPONENT <= value.adjusted() <= _EXPONENT:
        return None
    if value.adjusted() < _FEW_PLACES and _places(value) > _PLACES:
        return None
    return value or value.copy_abs()


def is_label(text: str) -> bool:
    """Tell whether a text may be the value of a label: 200 characters at most, none that controls, all Unicode."""
    return len(text) <= LABEL_LENGTH and ((text.isascii() and text.isprintable()) or not _NOT_IN_A_LABEL(text))


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def moment(raw: object) -> datetime | None:
    """Read milliseconds since 1970, an integer or digits, between the years 2000 and 2200; `None` if it is none."""
    if type(raw) is str and _DIGITS(raw):
        raw = int(raw)
    if type(raw) is int and _EARLIEST_MS <= raw < _LATEST_MS:
        return from_milliseconds(raw)
    return None


def _shown(name: str) -> str:
    short = name[:_NAME_LENGTH]
    return short if short.isprintable() else "".join(c if c.isprintable() else "?" for c in short)

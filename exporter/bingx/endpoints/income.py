"""Income: the fund flow of the account, up to 1000 rows a call. Needs the right Perpetual Futures Trading.

The exchange keeps three months, answers an open-ended window with nothing, promises neither an order nor that ids are
unique, and offers no page: a full answer means that the window has to be split.
<https://bingx-api.github.io/docs/#/en-us/swapV2/account-api.html>
"""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec import Struct

from exporter.bingx.envelope import unwrap
from exporter.bingx.errors import BingxError
from exporter.bingx.paths import Endpoint
from exporter.bingx.wire import Drifts, Parsed, Row, decode, rows
from exporter.model import IncomeEntry, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

LIMIT: Final = 1000
_LONGEST_ROW: Final = 1024  # bytes; the exchange's have some two hundred
_ROWS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_VALUE: Final = attrgetter("value")
_DRIFT: Final = attrgetter("drift")
_KNOWN: Final = frozenset(("symbol", "incomeType", "income", "asset", "info", "time", "tranId", "tradeId"))


class IncomeQuery(Struct, frozen=True, kw_only=True):
    """A window of income, from `start` to `end` (aware, sent as whole milliseconds), at most `limit` rows of it."""

    start: datetime
    end: datetime
    income_type: str | None = None
    symbol: str | None = None
    limit: int = LIMIT

    def __post_init__(self) -> None:
        """Refuse a window that runs backwards and a limit that the exchange refuses, with `ValueError`."""
        if self.start > self.end:
            message = "an income window must not end before it starts"
            raise ValueError(message)
        if not 1 <= self.limit <= LIMIT:
            message = f"an income limit is between 1 and {LIMIT}"
            raise ValueError(message)

    def params(self) -> tuple[tuple[str, str], ...]:
        """Return the venue's parameters; always both times, since one alone gets an empty answer."""
        optional = (("symbol", self.symbol), ("incomeType", self.income_type))
        return (
            *((name, value) for name, value in optional if value is not None),
            ("startTime", str(to_milliseconds(self.start))),
            ("endTime", str(to_milliseconds(self.end))),
            ("limit", str(self.limit)),
        )


def parse(data: object) -> Parsed[tuple[IncomeEntry, ...]]:
    """Read the entries in the order sent; raises `MalformedResponse` if one row cannot be read: none may be lost."""
    drifts = Drifts()
    if data is None or data == {}:
        return drifts.parsed(())
    return drifts.parsed(tuple(_entry(row) for row in rows(data, _KNOWN, drifts)))


def _entry(row: Row) -> IncomeEntry:
    return IncomeEntry(
        time=row.time("time"),
        income_type=row.label("incomeType"),
        symbol=row.label_or_empty("symbol"),
        asset=row.label("asset"),
        amount=row.decimal("income"),
        tran_id=row.identity("tranId"),
        trade_id=row.identity("tradeId"),
        info=row.remark("info"),
    )


class _Answer(NamedTuple):
    status: int
    body: bytes
    parsed: Parsed[tuple[IncomeEntry, ...]]
    rows: tuple[Parsed[IncomeEntry], ...]

    def known(self) -> dict[bytes, Parsed[IncomeEntry]]:
        """Cut the body once more: to hold its rows beside it all the time would take as much memory again."""
        return dict(zip(_cut(self.status, self.body) or (), self.rows, strict=True))


class IncomeReading:
    """Reads the answers of one account: what `parse` makes of them, but a row that comes again is not parsed again.

    Every poll asks for the last minutes again, so that most rows of an answer are those of the one before, byte for
    byte. Only the last answer is kept. One that is out of the ordinary in any way is read as a whole and refused as a
    whole. Threads may share a reading.
    """

    def __init__(self) -> None:
        """Begin without an answer."""
        self._last = _Answer(0, b"", Parsed(()), ())

    def read(self, status: int, body: bytes) -> Parsed[tuple[IncomeEntry, ...]]:
        """Return the entries of an answer, those that came in the last one as the same objects; raises `BingxError`."""
        last = self._last
        if (status, body) == (last.status, last.body):
            return last.parsed
        cut = _cut(status, body)
        try:
            read = None if cut is None else _read_all(cut, last.known())
        except BingxError:
            read = None
        if read is None:
            return parse(unwrap(status, body, endpoint=Endpoint.INCOME))
        parsed = _joined(read)
        self._last = _Answer(status, body, parsed, read)
        return parsed


def _cut(status: int, body: bytes) -> list[bytes] | None:
    """Cut a good answer into its rows, none of which has been read yet; `None` if that cannot be done for certain.

    Without the rows it has to be a good envelope around an empty list. As that is the only list that can begin at the
    first bracket of the body and end at its last one, it is the one that the rows were taken from.
    """
    start, end = body.find(b"["), body.rfind(b"]")
    if not 0 <= start < end or len(body) > LIMIT * _LONGEST_ROW:
        return None
    try:
        if unwrap(status, body[: start + 1] + body[end:], endpoint=Endpoint.INCOME) != []:
            return None
        cut = list(map(bytes, _ROWS.decode(memoryview(body)[start : end + 1])))
    except (BingxError, msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return cut if len(cut) <= LIMIT and max(map(len, cut), default=0) <= _LONGEST_ROW else None


def _read_all(cut: Sequence[bytes], known: dict[bytes, Parsed[IncomeEntry]]) -> tuple[Parsed[IncomeEntry], ...]:
    for row in cut:
        if row not in known:
            known[row] = _read(row)
    return tuple([known[row] for row in cut])


def _read(row: bytes) -> Parsed[IncomeEntry]:
    drifts = Drifts()
    return drifts.parsed(_entry(Row(decode(row), _KNOWN, drifts, index=0)))


def _joined(read: Sequence[Parsed[IncomeEntry]]) -> Parsed[tuple[IncomeEntry, ...]]:
    drifts = Drifts()
    for drift in chain.from_iterable(map(_DRIFT, read)):
        drifts.add(drift.kind, drift.path)
    return drifts.parsed(tuple(map(_VALUE, read)))

"""The exchange's workbook of the fund flow: from the bytes of an income export to entries.

Owns what its columns and cells mean. They are known at second hand only, from the export of the web site, so columns
are found by the text of their heads, in any order, and what cannot be read is an error that names its cell: no row is
guessed or left out. Makes no call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from exporter.bingx.errors import MalformedResponse
from exporter.bingx.paths import Endpoint
from exporter.bingx.spreadsheet import Cells, Sheet, read_sheets
from exporter.bingx.wire import LABEL_LENGTH, is_label, moment, number
from exporter.model import IncomeEntry, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

_HEADS: Final = {
    "time": ("Time(UTC+8)", "Time", "Date", "时间"),
    "type": ("Type", "Income Type", "类型"),
    "details": ("Details", "Detail", "Info", "详情"),
    "amount": ("Amount", "Income", "金额"),
    "asset": ("Assets", "Asset", "资产"),
    "symbol": ("Futures", "Symbol", "合约"),
}
"""Each column by its heads: first the web site's, then the income call's, then the plain Chinese word."""
_OPTIONAL: Final = frozenset({"details"})
_OTHER_WORDS: Final = {"LIQUIDATION": "INSURANCE_CLEAR", "REALISED_PNL": "REALIZED_PNL"}
"""Types by another word than the API's; the exchange itself explains INSURANCE_CLEAR as "Liquidation"."""

_HEADS_WITHIN: Final = 10
_TEXT_LENGTH: Final = 512
_NO_LABEL: Final = f"is not a text of at most {LABEL_LENGTH} characters that print"
_NO_TEXT: Final = f"is not a text of at most {_TEXT_LENGTH} characters"
_BRACKETS: Final = re.compile(r"[(\uff08\[].*?[)\uff09\]]")
_NOT_A_WORD: Final = re.compile(r"\W+")
_ZONE: Final = re.compile(r"(?:UTC|GMT)\s*(?:([+-])\s*(\d{1,2})(?::?([0-5]\d))?)?", re.IGNORECASE | re.ASCII)
_SITE_OFFSET: Final = timedelta(hours=8)
_WIDEST_OFFSET: Final = timedelta(hours=14)
_TIME: Final = re.compile(
    r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})[ T](\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?", re.ASCII
).fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkbookRow(IncomeEntry):
    """An entry of a workbook, with the cells that it was read from; its ids are "", for a workbook has none."""

    cells: Cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbook:
    """A workbook that was read: the texts of its heads ("" over a column without one), and its rows in their order."""

    heads: tuple[str, ...]
    rows: tuple[WorkbookRow, ...]


def read_workbook(body: bytes) -> Workbook:
    """Read an xlsx file; one without a single cell is a workbook without rows.

    Raises `MalformedResponse` that names the heads seen, or the cell that cannot be read ("row 17, column Amount").
    """
    heads: tuple[str, ...] = ()
    rows: list[WorkbookRow] = []
    for sheet in filter(None, read_sheets(body)):
        at, columns = _find_heads(sheet)
        heads = heads or columns.heads
        rows.extend(columns.entry(line, cells) for line, cells in sheet[at + 1 :])
    return Workbook(heads=heads, rows=tuple(rows))


def _find_heads(sheet: Sheet) -> tuple[int, _Columns]:
    for at, (_, cells) in enumerate(sheet[:_HEADS_WITHIN]):
        places = _places(cells)
        if places is not None:
            return at, _Columns(places, cells)
    seen = ", ".join(str(cell)[:_TEXT_LENGTH] for cell in sheet[0][1] if cell is not None)
    wanted = ", ".join(heads[0] for kind, heads in _HEADS.items() if kind not in _OPTIONAL)
    why = f"its columns are not known: {seen}. Needed are: {wanted}"
    raise MalformedResponse(why, endpoint=Endpoint.INCOME_EXPORT)


def _places(cells: Cells) -> Mapping[str, int] | None:
    """Return in which column each kind of value stands, `None` if these cells are not the heads of a fund flow."""
    names = [_bare(cell) for cell in cells]
    places = {}
    for kind, heads in _HEADS.items():
        known = {_bare(head) for head in heads}
        found = [at for at, name in enumerate(names) if name in known]
        if len(found) > 1 or (not found and kind not in _OPTIONAL):
            return None
        if found:
            places[kind] = found[0]
    return places


def _bare(head: object) -> str:
    """Return a head without brackets, blanks, signs and case."""
    return "".join(filter(str.isalnum, _BRACKETS.sub("", head))).casefold() if isinstance(head, str) else ""


class _Columns:
    """Where the values of a sheet stand, and in which zone its times are."""

    def __init__(self, places: Mapping[str, int], cells: Cells) -> None:
        last = max(at for at, cell in enumerate(cells) if cell is not None)
        self.heads = tuple("" if cell is None else str(cell).strip() for cell in cells[: last + 1])
        self._places = places
        self._zone = timezone(_offset(self.heads[places["time"]]))

    def entry(self, line: int, cells: Cells) -> WorkbookRow:
        def value(kind: str) -> _Value:
            place = self._places.get(kind)
            return (
                _Value("", None) if place is None else _Value(f"row {line}, column {self.heads[place]}", cells[place])
            )

        return WorkbookRow(
            time=value("time").time(self._zone),
            income_type=value("type").income_type(),
            symbol=value("symbol").label_or_empty(),
            asset=value("asset").label(),
            amount=value("amount").amount(),
            tran_id="",
            trade_id="",
            info=value("details").text_or_empty(),
            cells=cells[: len(self.heads)],
        )


def _offset(head: str) -> timedelta:
    """Return the distance from UTC that the head of the times names; the site's where it names none."""
    found = _ZONE.search(head)
    if found is None:
        return _SITE_OFFSET
    sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if offset > _WIDEST_OFFSET:
        place = f"column {head}"
        raise _bad(place, "is in no zone that there is")
    return -offset if sign == "-" else offset


@dataclass(frozen=True, slots=True)
class _Value:
    """A cell and where it stands, to be read as what its column holds."""

    place: str
    cell: object

    def text_or_empty(self) -> str:
        if self.cell is None:
            return ""
        if type(self.cell) is not str or len(self.cell) > _TEXT_LENGTH:
            raise _bad(self.place, _NO_TEXT)
        return self.cell.replace("\0", "").strip()

    def label_or_empty(self) -> str:
        if self.cell is None:
            return ""
        label = self.cell.strip() if type(self.cell) is str else None
        if label is None or not is_label(label):
            raise _bad(self.place, _NO_LABEL)
        return label

    def label(self) -> str:
        label = self.label_or_empty()
        if not label:
            raise _bad(self.place, "is empty")
        return label

    def income_type(self) -> str:
        name = _NOT_A_WORD.sub("_", self.label().upper()).strip("_")
        if not name:
            raise _bad(self.place, "is not a type of income")
        return _OTHER_WORDS.get(name, name)

    def amount(self) -> Decimal:
        cell = self.cell
        if type(cell) is float:
            cell = repr(cell)  # the shortest text that means this float: 0.1, and not 0.1000000000000000055
        elif type(cell) is str:
            cell = cell.strip().removeprefix("+")
        amount = number(cell)
        if amount is None:
            raise _bad(self.place, "is not a number")
        return amount

    def time(self, zone: timezone) -> datetime:
        try:
            found = moment(to_milliseconds(self._local().replace(tzinfo=zone).astimezone(UTC)))
        except (OverflowError, ValueError) as error:
            raise _bad(self.place, "is not a time") from error
        if found is None:
            raise _bad(self.place, "is not a time between the years 2000 and 2200")
        return found

    def _local(self) -> datetime:
        if isinstance(self.cell, datetime):
            return self.cell
        parts = _TIME(self.cell.strip()) if type(self.cell) is str else None
        if parts is None:
            raise _bad(self.place, "is not a time like 2026-01-31 08:00:00")
        year, _, month, day, hour, minute, second, fraction = parts.groups()
        return datetime(  # noqa: DTZ001 - the head of the column says in which zone
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute),
            int(second),
            int((fraction or "").ljust(6, "0")),
        )


def _bad(place: str, why: str) -> MalformedResponse:
    return MalformedResponse(why, path=place, endpoint=Endpoint.INCOME_EXPORT)

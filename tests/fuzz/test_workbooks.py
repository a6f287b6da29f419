"""Any workbook: entries, or an error of the tree; never more memory than a workbook of that size may cost."""

from __future__ import annotations

import io
import re
import tracemalloc
import zipfile
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook as Book
from support.mutations import texts

from exporter.bingx.errors import BingxError
from exporter.bingx.wire import is_label
from exporter.bingx.workbook import Workbook, read_workbook

FUZZ = settings.get_profile("fuzz")
HEADS = ("Time(UTC+8)", "Type", "Details", "Amount", "Assets", "Futures")
ROW = ("2026-09-19 23:21:00", "Funding Fee", "Funding Fee", "-0.03120000", "USDT", "ETH-USDT")
_MOST_MEMORY = 300_000_000


def book(rows: list[list[object]], *, sheets: int = 1) -> bytes:
    made = Book()
    sheet = made.active
    assert sheet is not None
    for cells in rows:
        sheet.append(cells)
    for number in range(1, sheets):
        made.create_sheet(f"more {number}").append([number])
    target = io.BytesIO()
    made.save(target)
    return target.getvalue()


GOOD = book([list(HEADS), list(ROW), list(ROW)])
with zipfile.ZipFile(io.BytesIO(GOOD)) as _archive:
    PARTS = {part.filename: _archive.read(part) for part in _archive.infolist()}

XML = (
    b"<", b">", b"&", b"&amp;", b"]]>", b"<!--", b"<![CDATA[", b"<c/>", b"</c>", b'<c r="A1" t="s"><v>99999999</v></c>',
    b'<c r="XFD1048577"/>', b'<c r="??"/>', b'<row r="-1"/>', b'<row r="x"/>', b"<v>1e999</v>", b't="b"', b't="d"',
    b't="e"', b's="999999"', b"<f>1+1</f>", b"<is><t>x</t></is>", b'<?xml version="1.0" encoding="utf-16"?>',
    b'<!DOCTYPE x [<!ENTITY a "b">]>', b"&#0;", b"&#xD800;", b"_xD800_", b"\0", b"\xff", b"<x>" * 1000, b"<c/>" * 5000,
    b"\x00<\x00c\x00/\x00>", b'xml:space="preserve"', b' r="A1"' * 2, b"<si/>", b'<definedName name="a"/>',
)  # fmt: skip

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(2300, 1, 1)),  # noqa: DTZ001 - cells have no zone
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20),
    st.sampled_from([*HEADS, *ROW, "=1+1", "_xD800_", "_x0000_", "x" * 201, "x" * 600, "2026-02-30 00:00:00"]),
)


def check(body: bytes) -> None:
    tracemalloc.start()
    try:
        read = outcome(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < _MOST_MEMORY
    if isinstance(read, str):
        assert read.isprintable()
        assert len(read) < 1000
        return
    for row in read.rows:
        assert row.amount.is_finite()
        assert all(is_label(text) for text in (row.income_type, row.symbol, row.asset))
        assert row.income_type
        assert row.asset


def outcome(body: bytes) -> Workbook | str:
    try:
        return read_workbook(body)
    except BingxError as error:
        return str(error)


def packed(parts: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return target.getvalue()


@settings(FUZZ)
@given(st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4), st.integers(0, 4)), min_size=1, max_size=4))
def test_damaged_bytes(damages: list[tuple[float, bytes, int]]) -> None:
    body = GOOD
    for place, junk, gone in damages:
        at = round(place * len(body))
        body = body[:at] + junk + body[at + gone :]
    check(body)


@settings(FUZZ)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(PARTS)), st.floats(0, 1), st.sampled_from(XML), st.integers(0, 40)),
        min_size=1,
        max_size=3,
    ),
    st.sets(st.sampled_from(sorted(PARTS)), max_size=1),
)
def test_other_xml(changes: list[tuple[str, float, bytes, int]], gone: set[str]) -> None:
    parts = dict(PARTS)
    for name, place, junk, away in changes:
        at = round(place * len(parts[name]))
        parts[name] = parts[name][:at] + junk + parts[name][at + away :]
    check(packed({name: text for name, text in parts.items() if name not in gone}))


@settings(FUZZ, max_examples=FUZZ.max_examples // 4)
@given(st.lists(st.lists(cells, max_size=8), max_size=6), st.booleans(), st.integers(1, 10))
def test_other_cells(rows: list[list[object]], has_heads: bool, sheets: int) -> None:
    check(book([list(HEADS), *rows] if has_heads else rows, sheets=sheets))


@settings(FUZZ, max_examples=FUZZ.max_examples // 2)
@given(st.integers(0, len(ROW) - 1), cells | texts)
def test_another_cell_in_a_good_row(at: int, cell: object) -> None:
    row: list[object] = list(ROW)
    row[at] = "".join(c for c in cell if c.isprintable()) if isinstance(cell, str) else cell
    check(book([list(HEADS), row]))


@settings(FUZZ, max_examples=FUZZ.max_examples // 10)
@given(
    st.sampled_from([part for part in sorted(PARTS) if re.search("sheet1|sharedStrings|styles", part)]),
    st.sampled_from([b"<c/>", b"<x/>", b"<si/>", b"<row/>", b"<x>", b"<c></c>", b"&amp;", b"\0", b" "]),
    st.sampled_from([200_000, 3_000_000]),
    st.booleans(),
)
def test_a_part_that_does_not_end(part: str, piece: bytes, times: int, in_the_middle: bool) -> None:
    flood = piece * min(times, 15_000_000 // len(piece))
    text = PARTS[part]
    at = text.rindex(b"</") if b"</" in text else len(text)
    check(packed({**PARTS, part: text[:at] + flood + text[at:] if in_the_middle else text[:-20] + flood}))

"""Workbooks as the exchange may send them, made with another program's writer, and what is made of each."""

from __future__ import annotations

import io
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook as Book

from exporter.bingx.errors import BingxError, MalformedResponse
from exporter.bingx.workbook import read_workbook
from exporter.model import from_milliseconds

HEADS = ("Time(UTC+8)", "Type", "Details", "Amount", "newAvailableAmount", "Assets", "Futures", None)
ROW = ("2026-09-19 23:21:00", "Funding Fee", "Funding Fee", "-0.03120000", "99.5", "USDT", "ETH-USDT", None)


def book(
    rows: Iterable[Sequence[object]], *, heads: Sequence[object] = HEADS, above: int = 0, sheets: int = 1
) -> bytes:
    made = Book()
    sheet = made.active
    assert sheet is not None
    for number in range(above):
        sheet.append([f"title {number}"])
    for cells in (heads, *rows):
        sheet.append(list(cells))
    for number in range(1, sheets):
        made.create_sheet(f"empty {number}")
    target = io.BytesIO()
    made.save(target)
    return target.getvalue()


def with_cell(head: str, value: object) -> bytes:
    cells = list(ROW)
    cells[HEADS.index(head)] = value  # type: ignore[call-overload]  # a test puts anything anywhere
    return book([cells])


def refusal(body: bytes) -> str:
    with pytest.raises(MalformedResponse) as caught:
        read_workbook(body)
    return caught.value.detail


def test_a_row_becomes_an_entry_without_ids() -> None:
    workbook = read_workbook(book([ROW]))

    (row,) = workbook.rows
    assert workbook.heads == HEADS[:-1]
    assert row.cells == ROW[:-1]
    assert row.time == datetime(2026, 9, 19, 15, 21, tzinfo=UTC)
    assert (row.income_type, row.symbol, row.asset, row.info) == ("FUNDING_FEE", "ETH-USDT", "USDT", "Funding Fee")
    assert row.amount == Decimal("-0.0312")
    assert (row.tran_id, row.trade_id) == ("", "")


@pytest.mark.parametrize(
    ("text", "income_type"),
    [
        ("Trading Fee", "TRADING_FEE"),
        ("Funding Fee", "FUNDING_FEE"),
        ("Realized PnL", "REALIZED_PNL"),
        ("Realised PNL", "REALIZED_PNL"),
        ("Liquidation", "INSURANCE_CLEAR"),
        ("ADL", "ADL"),
        ("TRIAL_FUND", "TRIAL_FUND"),
        (" Some-new  type ", "SOME_NEW_TYPE"),
    ],
)
def test_a_type_is_called_as_in_the_api(text: str, income_type: str) -> None:
    assert read_workbook(with_cell("Type", text)).rows[0].income_type == income_type


def test_columns_are_found_by_their_heads_in_any_order_and_case() -> None:
    heads = ("FUTURES", "note", "asset ", "AMOUNT", "type", "new column", "time (utc+8)")
    cells = ("ETH-USDT", "x", "USDT", -0.0312, "Funding Fee", 7, "2026/9/19 23:21:00")

    (row,) = read_workbook(book([cells], heads=heads, above=2)).rows

    (plain,) = read_workbook(book([ROW])).rows
    assert (row.time, row.amount, row.symbol, row.asset) == (plain.time, plain.amount, plain.symbol, plain.asset)
    assert row.info == ""


def test_chinese_heads_are_understood() -> None:
    heads = ("时间(UTC+8)", "类型", "详情", "金额", "资产", "合约")
    cells = ("2026-09-19 23:21:00", "FUNDING_FEE", "", "1", "USDT", "ETH-USDT")
    assert read_workbook(book([cells], heads=heads)).rows[0].amount == 1


@pytest.mark.parametrize(
    ("head", "hour"),
    [("Time", 15), ("Time(UTC+8)", 15), ("Time(UTC)", 23), ("Time (GMT-1)", 24), ("Time\uff08UTC+05:30\uff09", 17.5)],
)
def test_times_are_in_the_zone_that_their_head_names_else_in_the_sites(head: str, hour: float) -> None:
    (row,) = read_workbook(book([("2026-09-19 23:00:00", *ROW[1:])], heads=(head, *HEADS[1:]))).rows
    assert row.time.timestamp() == datetime(2026, 9, 19, tzinfo=UTC).timestamp() + hour * 3600


REAL = datetime(2026, 9, 19, 23, 21, tzinfo=UTC).replace(tzinfo=None)


@pytest.mark.parametrize("value", [REAL, "2026-9-19T23:21:00", " 2026-09-19 23:21:00.000 "])
def test_a_time_may_be_a_real_one_or_a_text(value: object) -> None:
    assert read_workbook(with_cell("Time(UTC+8)", value)).rows[0].time == datetime(2026, 9, 19, 15, 21, tzinfo=UTC)


@settings(max_examples=30)
@given(seconds=st.integers(1_600_000_000, 1_999_999_999))
def test_a_real_time_loses_nothing_to_the_float_that_it_is_kept_as(seconds: int) -> None:
    told = from_milliseconds((seconds + 8 * 3600) * 1000).replace(tzinfo=None)
    assert read_workbook(with_cell("Time(UTC+8)", told)).rows[0].time == from_milliseconds(seconds * 1000)


@pytest.mark.parametrize(
    ("value", "amount"),
    [("+1.50", "1.5"), (" -2 ", "-2"), (0.1, "0.1"), (-1e-8, "-0.00000001"), (3, "3"), ("-0.00000001", "-0.00000001")],
)
def test_an_amount_is_exact_be_it_text_or_number(value: object, amount: str) -> None:
    assert read_workbook(with_cell("Amount", value)).rows[0].amount == Decimal(amount)


@pytest.mark.parametrize(
    ("head", "value"),
    [
        ("Amount", None),
        ("Amount", "1,5"),
        ("Amount", "NaN"),
        ("Amount", True),
        ("Amount", "=1+1"),
        ("Time(UTC+8)", "19.09.2026"),
        ("Time(UTC+8)", "2026-02-30 00:00:00"),
        ("Time(UTC+8)", "0001-01-01 00:00:00"),
        ("Time(UTC+8)", "1999-01-01 00:00:00"),
        ("Time(UTC+8)", 45000),
        ("Type", None),
        ("Type", "---"),
        ("Type", 5),
        ("Assets", ""),
        ("Futures", 1.5),
        ("Details", "x" * 513),
        ("Assets", "x" * 201),
        ("Futures", "a\nb"),
        ("Type", "a\tb"),
    ],
)
def test_a_cell_that_cannot_be_read_fails_the_workbook_and_is_named(head: str, value: object) -> None:
    body = with_cell(head, value)
    assert refusal(body).startswith(f"row 2, column {head} is ")


def test_the_cell_is_counted_as_a_person_counts() -> None:
    rows: list[Sequence[object]] = [ROW] * 15
    rows.append((*ROW[:3], "much", *ROW[4:]))
    assert refusal(book(rows)) == "row 17, column Amount is not a number"


def test_unknown_heads_are_told() -> None:
    said = refusal(book([ROW], heads=("When", "What", "How much")))
    assert "When, What, How much" in said
    assert "Time(UTC+8), Type, Amount, Assets, Futures" in said


def test_two_columns_of_one_meaning_are_no_known_heads() -> None:
    assert "not known" in refusal(book([(*ROW, "5")], heads=(*HEADS, "Amount")))


def test_a_workbook_with_heads_only_and_one_without_a_cell_have_no_rows() -> None:
    assert read_workbook(book([])).rows == ()
    assert read_workbook(book([], heads=())).rows == ()
    assert read_workbook(book([(None,) * 8, ROW, ("",) * 8], sheets=2)).rows != ()


def test_an_old_excel_file_is_told_apart() -> None:
    assert "old Excel file" in refusal(bytes.fromhex("D0CF11E0A1B11AE1") + bytes(1000))


def repacked(body: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(body)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.infolist():
            new.writestr(part.filename, change(part.filename, old.read(part)))
    return target.getvalue()


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    blank = bytes(80 * 1024 * 1024)
    bomb = repacked(book([ROW]), lambda name, text: blank if name.endswith("styles.xml") else text)
    assert len(bomb) < 200_000
    assert "16 MiB" in refusal(bomb)


@pytest.mark.parametrize(
    ("where", "before", "tag"),
    [("sheet1", b"<row ", b"<c/>"), ("sheet1", b"<row ", b"<x/>"), ("styles", b"<fonts", b"<a></a>")],
)
def test_a_small_file_of_tags_without_end_is_refused_before_they_are_made(
    where: str, before: bytes, tag: bytes
) -> None:
    flood = repacked(
        book([ROW]), lambda name, text: text.replace(before, tag * 750_000 + before, 1) if where in name else text
    )
    assert len(flood) < 50_000

    tracemalloc.start()
    said = refusal(flood)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "more than 700000 tags" in said
    assert peak < 20_000_000  # made into elements they would take ten times as much


@pytest.mark.parametrize(
    "head",
    [
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e "<c/><c/>">]>',
        b'<!DOCTYPE x SYSTEM "file:///etc/hostname">',
        b'<?xml version="1.0" encoding="cp037"?>',
        b"<?xml version='1.0' encoding = 'utf-7' ?>",
    ],
)
def test_xml_of_which_nobody_can_say_what_it_costs_is_refused(head: bytes) -> None:
    for encoding in ("utf-8", "utf-16"):
        body = repacked(
            book([ROW]),
            lambda name, text, encoding=encoding: (head + text).decode().encode(encoding) if "sheet1" in name else text,  # type: ignore[misc]  # bound here
        )
        assert "in a way that workbooks are not" in refusal(body)


def test_rows_without_end_are_refused() -> None:
    far = repacked(
        book([ROW]), lambda name, text: text.replace(b'r="2"', b'r="900000000"') if "sheet1" in name else text
    )
    assert "more than 20000 rows" in refusal(far)


def test_too_many_sheets_are_refused() -> None:
    assert "sheets" in refusal(book([ROW], sheets=20))


@given(body=st.binary(max_size=300), start=st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06"]))
def test_any_bytes_are_entries_or_an_error_of_the_tree(body: bytes, start: bytes) -> None:
    with pytest.raises(BingxError):
        read_workbook(start + body)


GOOD = book([ROW, ROW])


@given(at=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_workbook_is_entries_or_an_error_of_the_tree(at: int, byte: int, cut: bool) -> None:
    damaged = GOOD[:at] if cut else GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]
    try:
        rows = read_workbook(damaged).rows
    except BingxError:
        return
    assert len(rows) <= 2


PARTS = [part.filename for part in zipfile.ZipFile(io.BytesIO(GOOD)).infolist()]


@given(part=st.sampled_from(PARTS), at=st.floats(0, 1), junk=st.text(alphabet='<>/="r0A9&; ', max_size=12))
def test_a_workbook_with_other_xml_in_it_is_entries_or_an_error_of_the_tree(part: str, at: float, junk: str) -> None:
    def change(name: str, text: bytes) -> bytes:
        place = int(at * len(text))
        return text[:place] + junk.encode() + text[place:] if name == part else text

    try:
        read_workbook(repacked(GOOD, change))
    except BingxError:
        return


def test_nobody_pays_for_workbooks_before_the_first_one_comes() -> None:
    look = "import sys, exporter.bingx.workbook; sys.exit('openpyxl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def with_shared_texts(texts: Sequence[str], rows: Sequence[str]) -> bytes:
    """Write a workbook by hand, as most programs do: texts in a table of their own, no styles, no sizes."""
    items = "".join(f"<si><t>{text}</t></si>" for text in texts)
    lines = "".join(f'<row r="{number}">{cells}</row>' for number, cells in enumerate(rows, start=1))
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'spreadsheetml.sharedStrings+xml"/></Types>',
        "xl/workbook.xml": f'<workbook xmlns="{SPREADSHEET}" xmlns:r="{RELATIONS}"><sheets>'
        '<sheet name="1" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        f'relationships"><Relationship Id="rId1" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/sharedStrings.xml": f'<sst xmlns="{SPREADSHEET}">{items}</sst>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{SPREADSHEET}"><sheetData>{lines}</sheetData></worksheet>',
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return target.getvalue()


def test_another_programs_workbook_is_read_as_well() -> None:
    texts = ["Time(UTC+8)", "Type", "Amount", "Assets", "Futures", *ROW[:2], *ROW[5:7]]

    def shared(column: str, row: int, index: int) -> str:
        return f'<c r="{column}{row}" t="s"><v>{index}</v></c>'

    heads = "".join(shared(column, 1, index) for index, column in enumerate("ABCDE"))
    cells = [shared("A", 2, 5), shared("B", 2, 6), '<c r="C2"><v>-0.30000000000000004</v></c>', shared("D", 2, 7)]
    body = with_shared_texts([str(text) for text in texts], [heads, "".join([*cells, shared("E", 2, 8)])])

    (row,) = read_workbook(body).rows

    assert (row.income_type, row.asset, row.symbol) == ("FUNDING_FEE", "USDT", "ETH-USDT")
    assert row.amount == Decimal("-0.30000000000000004")

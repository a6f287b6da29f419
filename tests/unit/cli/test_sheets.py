"""Cells that go out as they came, in either format."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from openpyxl import load_workbook

from exporter.cli.income.sheets import as_csv, as_workbook

HEADS = ("Time(UTC+8)", "Details", "Amount")
MOMENT = datetime(2026, 9, 19, 23, 21, tzinfo=UTC).replace(tzinfo=None)
ROWS = [("2026-09-19 23:21:00", '=HYPERLINK("x")', "-0.03120000"), (MOMENT, None, 0.1)]


def test_a_workbook_holds_the_cells_that_were_given_and_no_formula() -> None:
    sheet = load_workbook(io.BytesIO(as_workbook(HEADS, ROWS)), data_only=True).active
    assert sheet is not None
    assert list(sheet.iter_rows(values_only=True)) == [HEADS, *ROWS]


def test_csv_holds_the_same_as_text() -> None:
    assert as_csv(HEADS, ROWS).decode().splitlines() == [
        "Time(UTC+8),Details,Amount",
        '2026-09-19 23:21:00,"=HYPERLINK(""x"")",-0.03120000',
        "2026-09-19 23:21:00,,0.1",
    ]


def test_a_workbook_without_a_cell_is_an_empty_text() -> None:
    assert as_csv((), []) == b""

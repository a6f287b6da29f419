"""What was fetched, as the bytes of a file: a workbook, CSV or JSON, in the exchange's own columns."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from openpyxl.worksheet._write_only import WriteOnlyWorksheet


def as_csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return UTF-8 text with the heads in the first line and every cell as it reads in the workbook."""
    target = StringIO()
    writer = csv.writer(target, lineterminator="\n")
    if heads:
        writer.writerow(heads)
    writer.writerows(rows)
    return target.getvalue().encode()


def as_json(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return an object in UTF-8 with the heads and the rows, every cell as it reads, `null` if empty."""
    cells = [[None if cell is None else str(cell) for cell in row] for row in rows]
    return (json.dumps({"heads": list(heads), "rows": cells}, indent=2) + "\n").encode()


def as_workbook(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return an xlsx file with one sheet; texts stay texts, whatever they begin with."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Fund flow")
    for cells in (heads, *rows):
        sheet.append([_cell(sheet, value) for value in cells])
    target = BytesIO()
    book.save(target)
    return target.getvalue()


def _cell(sheet: WriteOnlyWorksheet, value: object) -> object:
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value)  # type: ignore[arg-type]  # it comes from a workbook, and fits into one
    if isinstance(value, str):
        cell.data_type = "s"  # "=…" would be taken for a formula
    return cell

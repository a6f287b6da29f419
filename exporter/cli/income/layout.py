"""Rows on standard output, as a table, CSV or JSON; sentences; and money as exact text."""

from __future__ import annotations

import csv
import json
import sys
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.text import Text

from exporter.cli.table import HEAD, Column, lay_out, put, width_of_terminal
from exporter.cli.wording import UNKNOWN, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

Cell = str | int | None
"""`None` is what is not known: `null` in JSON, - in a table, and empty in CSV."""


def money(amount: Decimal) -> str:
    """Return every digit of `amount`, without an exponent and without zeros at the end; never a minus zero."""
    if not amount:
        return "0"
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def print_rows(
    form: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, numbers: int, captions: int = 0
) -> None:
    """Print `rows` as `form` (table, csv or json); the last `numbers` columns are flush right in a table."""
    if form == "json":
        objects = [dict(zip(columns, row, strict=True)) for row in rows]
        print(json.dumps(objects, indent=2))
    elif form == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows([columns, *rows])
    else:
        print_table(columns, rows, numbers=numbers, captions=captions)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, numbers: int, captions: int = 0) -> None:
    """Print a table, with - for an empty text; the last `numbers` columns are flush right, points below points.

    On a terminal that is too narrow for it, the first `captions` columns become a line above their rows.
    """
    put(table_lines(columns, rows, numbers=numbers, captions=captions, width=width_of_terminal()))


def print_sentence(text: str) -> None:
    """Print what is said in words: in a pipe as one line, on a terminal broken between words to fit into it."""
    width, line = width_of_terminal(), shown(text)
    # Not at hyphens: the name of the command has one, and is there to be copied.
    lines = [line] if width is None else wrap(line, width, subsequent_indent="  ", break_on_hyphens=False)
    put(Text(part) for part in lines)


def table_lines(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, numbers: int, captions: int, width: int | None
) -> list[Text]:
    """Return the lines of that table."""
    heads = [Column(head=head, number=place >= len(columns) - numbers) for place, head in enumerate(columns)]
    cells = [[Text(UNKNOWN if cell is None else shown(str(cell)) or UNKNOWN) for cell in row] for row in rows]
    lines = lay_out(heads, cells)
    if not captions or width is None or lines[0].cell_len <= width:
        return lines
    head, *narrow = lay_out(heads[captions:], [row[captions:] for row in cells])
    told: list[Text] = [head]
    for _, group in groupby(
        zip(cells, narrow, strict=True), key=lambda one: [cell.plain for cell in one[0][:captions]]
    ):
        (first, line), *others = group
        caption = ", ".join(cell.plain for cell in first[:captions])
        told += [Text(caption, style=HEAD), line, *(line for _, line in others)]
    return told

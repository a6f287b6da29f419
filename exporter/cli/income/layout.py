"""Rows on standard output: a table for a terminal, aligned text for a pipe, CSV, JSON; and money as exact text."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

Cell = str | int
_GAP: Final = "  "


def money(amount: Decimal) -> str:
    """Return every digit of `amount`, without an exponent and without zeros at the end; never a minus zero."""
    if not amount:
        return "0"
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def print_rows(form: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, numbers: int) -> None:
    """Print `rows` as `form` (table, csv or json); the last `numbers` columns are flush right in a table."""
    if form == "json":
        objects = [dict(zip(columns, row, strict=True)) for row in rows]
        print(json.dumps(objects, indent=2, ensure_ascii=False))
    elif form == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows([columns, *rows])
    else:
        print_table(columns, rows, numbers=numbers)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, numbers: int) -> None:
    """Print a table for a terminal, or aligned text where there is none, with - for an empty text."""
    cells = [[str(cell) if cell != "" else "-" for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(columns, cells, numbers)
    else:
        print(aligned([list(columns), *cells], numbers=numbers))


def aligned(rows: Sequence[Sequence[str]], *, numbers: int) -> str:
    """Return `rows` as text in columns as wide as they need; the last `numbers` are flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = len(widths) - numbers
    return "\n".join(
        _GAP.join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for place, column in enumerate(columns):
        right = place >= len(columns) - numbers
        # An amount that is cut off is a wrong amount.
        table.add_column(column, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)

"""From the bytes of an xlsx file to rows of cells, within bounds.

Owns the file format and what a file may cost in memory, which is checked before any of it is unpacked. Knows nothing
of what stands in the cells.
"""

from __future__ import annotations

import re
import struct
import warnings
import zipfile
import zlib
from contextlib import closing
from io import BytesIO
from typing import TYPE_CHECKING, Final, TypeAlias

from exporter.bingx.errors import MalformedResponse
from exporter.bingx.paths import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

Cells: TypeAlias = tuple[object, ...]
Sheet: TypeAlias = list[tuple[int, Cells]]
"""The rows of a sheet that hold anything, each with its number as a person sees it, from 1."""

_XLS: Final = bytes.fromhex("D0CF11E0")
_MOST_ROWS: Final = 20_000  # a call shows 1,000
_MOST_COLUMNS: Final = 64
_MOST_SHEETS: Final = 8
_MOST_PARTS: Final = 256
_MOST_UNPACKED: Final = 16 * 1024 * 1024
_MOST_TAGS: Final = 700_000  # 20,000 rows of eight cells; the parser takes up to 300 bytes for one
_OWN_ENTITIES: Final = b"<!DOCTYPE"
_ENCODING: Final = re.compile(rb"<\?xml[^>]*?\bencoding\s*=\s*[\"']([^\"']*)")
_ENCODINGS: Final = frozenset({b"utf-8", b"utf-16", b"us-ascii"})
_PACKED: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

_FOREIGN: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,  # the XML parser's errors are of this kind
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What a broken file makes openpyxl raise; it promises nothing about that."""


def read_sheets(body: bytes) -> tuple[Sheet, ...]:
    """Unpack an xlsx file; raises `MalformedResponse` for everything else, and for a file beyond all measure."""
    if body.startswith(_XLS):
        detail = "an old Excel file (xls), which cannot be read here; what is known of the exchange is xlsx"
        raise MalformedResponse(detail, endpoint=Endpoint.INCOME_EXPORT)
    try:
        _weigh(body)
        return tuple(_unpacked(body))
    except _FOREIGN as error:
        detail = f"the workbook cannot be unpacked: {error}"
        raise MalformedResponse(detail, endpoint=Endpoint.INCOME_EXPORT) from error


def _weigh(body: bytes) -> None:
    """Refuse what would not fit into memory; zipfile reads no part further than it declares here."""
    with zipfile.ZipFile(BytesIO(body)) as archive:
        parts = archive.infolist()
        if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > _MOST_UNPACKED:
            message = f"it has more than {_MOST_PARTS} parts, or more than {_MOST_UNPACKED >> 20} MiB in them"
            raise ValueError(message)
        if any(part.compress_type not in _PACKED for part in parts):
            message = "it is packed in a way that workbooks are not"
            raise ValueError(message)
        if sum(_tags(archive.read(part)) for part in parts) > _MOST_TAGS:
            message = f"it has more than {_MOST_TAGS} tags"
            raise ValueError(message)


def _tags(part: bytes) -> int:
    """Count the tags of a part; raises `ValueError` where they cannot be counted, for their number is their price."""
    plain = part.replace(b"\0", b"")  # UTF-16 then reads as ASCII does
    found = _ENCODING.search(plain[:256])
    if _OWN_ENTITIES in plain or (found and found[1].lower() not in _ENCODINGS):
        message = "its XML is written in a way that workbooks are not"
        raise ValueError(message)
    return plain.count(b"<")


def _unpacked(body: bytes) -> Iterator[Sheet]:
    from openpyxl import load_workbook  # noqa: PLC0415 - a start that never meets a workbook must not pay for it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions that it does not know, and that nobody reads here
        with closing(load_workbook(BytesIO(body), read_only=True, data_only=True)) as book:
            if len(book.worksheets) > _MOST_SHEETS:
                message = f"it has more than {_MOST_SHEETS} sheets"
                raise ValueError(message)
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # what a file says of its own size need not be true
                yield list(_filled(sheet.iter_rows(max_col=_MOST_COLUMNS, values_only=True)))


def _filled(rows: Iterator[Cells]) -> Iterator[tuple[int, Cells]]:
    for number, cells in enumerate(rows, start=1):
        if number > _MOST_ROWS:
            message = f"it has more than {_MOST_ROWS} rows"
            raise ValueError(message)
        if any(cell is not None and cell != "" for cell in cells):
            yield number, cells

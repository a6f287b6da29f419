"""The fund flow as a workbook: what `income/export` sends instead of JSON.

Owns the sheet. No public recording of the API's own file exists; the columns are those of the web site's export.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from openpyxl import Workbook

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from exporter.simulator.income_book import IncomeRow

CONTENT_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

COLUMNS: Final = ("Time(UTC+8)", "Type", "Details", "Amount", "newAvailableAmount", "Assets", "Futures", None)
"""The heads of the eight columns; the last one, for notes, has none."""

_SITE_TIME: Final = timezone(timedelta(hours=8))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TYPE_TEXTS: Final = {
    "TRADING_FEE": "Trading Fee",
    "FUNDING_FEE": "Funding Fee",
    "REALIZED_PNL": "Realized PnL",
    "INSURANCE_CLEAR": "Liquidation",
    "TRANSFER": "Transfer",
}


def workbook(rows: Iterable[tuple[IncomeRow, Decimal]]) -> bytes:
    """Return an xlsx file with a line for each row and the wallet after it; no rows make a file with heads only."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Fund flow")
    sheet.append(COLUMNS)
    for row, wallet in rows:
        sheet.append(_line(row, wallet))
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _line(row: IncomeRow, wallet: Decimal) -> tuple[str | None, ...]:
    moment = (_EPOCH + timedelta(milliseconds=row.time_ms)).astimezone(_SITE_TIME)
    return (
        moment.strftime("%Y-%m-%d %H:%M:%S"),
        _TYPE_TEXTS.get(row.income_type, row.income_type),
        row.info,
        format(row.amount, "f"),
        format(wallet, "f"),
        row.asset,
        row.symbol,
        None,
    )

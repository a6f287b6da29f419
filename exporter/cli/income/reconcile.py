"""`bingx-exporter income reconcile`: the exchange's own workbook against the ledger, row by row."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from exporter.app.workbooks import Workbooks
from exporter.bingx.errors import BingxError
from exporter.cli.income.asking import NoIncome, ask
from exporter.cli.income.extent import why_unread
from exporter.cli.income.layout import money, print_sentence, print_table
from exporter.cli.income.period import EmptyPeriod, accounts_of, period_of
from exporter.ledger import Window, comparable, reconcile
from exporter.polling.once import HeldUp

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable
    from datetime import datetime

    from exporter.clock import Clock
    from exporter.config import AccountSettings, Config
    from exporter.ledger import AccountBook, Ledger, Reconciliation
    from exporter.model import IncomeEntry

_DAYS = ("day", "type", "asset", "ledger", "exchange", "difference")
_ROWS = ("only in", "time", "type", "symbol", "info", "asset", "amount")


class _Outcome(Struct, frozen=True, kw_only=True):
    """What became of one account; without a comparison, `why` there is none."""

    account: str
    found: Reconciliation | None = None
    why: str = ""

    @property
    def equal(self) -> bool:
        return self.found is not None and self.found.equal


def command(flags: Namespace) -> int:
    """Print what differs; return 0 if nothing does, 1 if something does or an account could not be compared."""
    return ask(flags, lambda ledger, clock, config: _reconcile(flags, ledger, clock, config))


def _reconcile(flags: Namespace, ledger: Ledger, clock: Clock, config: Config) -> int:
    accounts = accounts_of(flags.shard.part_of(config), flags.account)
    if flags.account is None:
        accounts = tuple(account for account in accounts if account.collectors.income.enabled)
    if not accounts:
        message = "no account of the configuration counts income, or none that belongs to this shard"
        raise NoIncome(message)
    try:
        start, end = period_of(flags, now=clock.now())
    except EmptyPeriod as error:
        raise NoIncome(str(error)) from error
    books = {book.name: book for book in ledger.books()}
    with Workbooks(clock) as workbooks:
        outcomes = [_compare(account, books.get(account.name), (start, end), workbooks, clock) for account in accounts]
    _print(outcomes, flags.format)
    return 0 if all(outcome.equal for outcome in outcomes) else 1


def _compare(
    account: AccountSettings,
    book: AccountBook | None,
    span: tuple[datetime, datetime],
    workbooks: Workbooks,
    clock: Clock,
) -> _Outcome:
    if book is None:
        return _Outcome(account=account.name, why="the ledger has nothing of this account; it fills while it runs")
    window = _window(account, book, span, clock)
    if window is None:
        beyond = f"the ledger has read up to {book.cursor.isoformat()}, and nothing of the period for certain"
        unread = why_unread(book, now=clock.now(), followed=account.collectors.income.enabled)
        return _Outcome(account=account.name, why=unread or beyond)
    try:
        workbooks.refuse_stranger(account, user=book.pinned_user)
        theirs = workbooks.fetch(account, window, known_types=book.income_types, known_symbols=book.symbols)
    except (BingxError, HeldUp) as error:
        return _Outcome(account=account.name, why=str(error))
    return _Outcome(account=account.name, found=reconcile(book.entries(window), theirs.rows, period=window))


def _window(
    account: AccountSettings, book: AccountBook, span: tuple[datetime, datetime], clock: Clock
) -> Window | None:
    tail = timedelta(seconds=account.collectors.income.tail)
    begins = book.compacted_until or book.epoch
    return comparable(*span, begins=begins, cursor=book.cursor, tail=tail, now=clock.now())


def _print(outcomes: Iterable[_Outcome], form: str) -> None:
    if form == "json":
        print(json.dumps([_object(outcome) for outcome in outcomes], indent=2))
        return
    for outcome in outcomes:
        if outcome.found is None:
            print_sentence(f"{outcome.account}: not compared: {outcome.why}.")
        else:
            _print_one(outcome.account, outcome.found)


def _print_one(account: str, found: Reconciliation) -> None:
    period = f"{found.period.start.isoformat()} to {found.period.end.isoformat()}"
    if found.equal:
        print(f"{account}: {found.rows} rows from {period} agree.")
        return
    print(f"{account}: {len(found.only_ours) + len(found.only_theirs)} rows from {period} differ.\n")
    print_table(_DAYS, [tuple(day.values()) for day in _days(found)], numbers=3)
    print()
    print_table(
        _ROWS,
        [("ledger", *_cells(row)) for row in found.only_ours]
        + [("exchange", *_cells(row)) for row in found.only_theirs],
        numbers=1,
        captions=2,
    )


def _object(outcome: _Outcome) -> dict[str, Any]:
    found = outcome.found
    if found is None:
        return {"account": outcome.account, "equal": False, "error": outcome.why}
    return {
        "account": outcome.account,
        "equal": found.equal,
        "start": found.period.start.isoformat(),
        "end": found.period.end.isoformat(),
        "rows": found.rows,
        "days": _days(found),
        "only_in_ledger": [dict(zip(_ROWS[1:], _cells(row), strict=True)) for row in found.only_ours],
        "only_in_exchange": [dict(zip(_ROWS[1:], _cells(row), strict=True)) for row in found.only_theirs],
    }


def _days(found: Reconciliation) -> list[dict[str, str]]:
    return [
        {
            "day": day.day.isoformat(),
            "type": day.income_type,
            "asset": day.asset,
            "ledger": money(day.ours),
            "exchange": money(day.theirs),
            "difference": money(day.difference),
        }
        for day in found.days
    ]


def _cells(row: IncomeEntry) -> tuple[str, ...]:
    return (row.time.isoformat(), row.income_type, row.symbol, row.info, row.asset, money(row.amount))

"""Sums of income, exact and never across assets, and how they are printed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clock import ManualClock

from exporter.cli.income.layout import money, print_rows, table_lines
from exporter.cli.income.summing import Line, daily, end_of_entries, entered_lines, kept_lines
from exporter.cli.table import plain
from exporter.ledger import AccountBook, Sums, Window, open_ledger
from exporter.model import IncomeEntry

FillBook = Callable[..., AccountBook]
NOW = ManualClock().now()


def entry(at: datetime, amount: Decimal, income_type: str, symbol: str, asset: str) -> IncomeEntry:
    labels = {"income_type": income_type, "symbol": symbol, "asset": asset}
    return IncomeEntry(time=at, amount=amount, tran_id="", trade_id="", info="", **labels)


entries = st.builds(
    entry,
    st.integers(1, 5 * 86_400).map(lambda seconds: NOW - timedelta(seconds=seconds)),
    st.decimals(min_value=-(10**30), max_value=10**30, places=12),
    st.sampled_from(["FUNDING_FEE", "TRADING_FEE"]),
    st.sampled_from(["BTC-USDT", ""]),
    st.sampled_from(["USDT", "USDC"]),
)


@settings(max_examples=10)
@given(rows=st.lists(entries, max_size=20))
def test_sums_of_entries_are_exact_and_agree_with_the_kept_totals(rows: list[IncomeEntry]) -> None:
    with TemporaryDirectory() as folder, open_ledger(f"sqlite:///{Path(folder) / 'l.db'}", ManualClock()) as ledger:
        book = ledger.account("alpha", since=NOW - timedelta(days=6))
        book.record_window(Window(book.epoch, NOW), rows, cursor=NOW, baseline_complete=True)
        until = end_of_entries(book, now=NOW)
        for by in (None, "type", "symbol"):
            assert entered_lines(book, by=by, since=book.epoch, until=until) == kept_lines(book, by=by)
        days = entered_lines(book, by="day", since=book.epoch, until=until)
        assert sum(map(len, daily(book, start=book.epoch, end=until))) == len(rows)

    expected: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    with localcontext(prec=100):
        for row in rows:
            expected[row.asset, row.time.date().isoformat()] += row.amount
    assert {(line.asset, *line.cut): line.net for line in days} == expected


def test_entries_before_since_do_not_count(fill: FillBook) -> None:
    since = NOW - timedelta(days=1)
    times = (since - timedelta(seconds=1), since, since + timedelta(seconds=1))
    book = fill([entry(at, Decimal(10**n), "TRANSFER", "", "USDT") for n, at in enumerate(times)])

    (line,) = entered_lines(book, by="type", since=since, until=end_of_entries(book, now=NOW))

    assert (line.net, line.sums.entries) == (Decimal(110), 2)


def test_a_day_is_cut_at_midnight_utc(fill: FillBook) -> None:
    midnight = NOW - timedelta(days=2)
    times = (midnight - timedelta(seconds=1), midnight)
    book = fill([entry(at, Decimal(1), "TRANSFER", "", "USDT") for at in times])

    lines = entered_lines(book, by="day", since=book.epoch, until=NOW)

    assert [line.cut for line in lines] == [("2026-10-29",), ("2026-10-30",)]


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1.50", "1.5"),
        ("100", "100"),
        ("0E-8", "0"),
        ("-0.0", "0"),
        ("1E-8", "0.00000001"),
        ("-12345678901234567890.123456789012345678901", "-12345678901234567890.123456789012345678901"),
    ],
)
def test_money_is_written_with_all_its_digits(amount: str, text: str) -> None:
    assert money(Decimal(amount)) == text


def test_net_does_not_round() -> None:
    sums = Sums(credited=Decimal("1E+30"), debited=Decimal("1E-12"), entries=2)

    assert money(Line(account="a", asset="b", cut=(), sums=sums).net) == "9" * 30 + "." + "9" * 12


def test_columns_are_as_wide_as_they_need_and_numbers_flush_right() -> None:
    lines = table_lines(("name", "sum"), [("a", "1.5"), ("longer", "-10.25")], numbers=1, captions=1, width=None)

    assert plain(lines) == "name       sum\na         1.5\nlonger  -10.25"


def test_where_the_terminal_is_narrow_the_first_columns_become_a_line() -> None:
    columns, data = ("account", "type", "net"), [("alpha", "A", "1"), ("alpha", "B", "-2.5"), ("beta", "A", "10")]

    def printed(width: int) -> str:
        return plain(table_lines(columns, data, numbers=1, captions=1, width=width))

    assert printed(19) == "account  type   net\nalpha    A      1\nalpha    B     -2.5\nbeta     A     10"
    assert printed(18) == "type   net\nalpha\nA      1\nB     -2.5\nbeta\nA     10"


def test_a_hostile_name_does_not_steer_the_terminal() -> None:
    lines = table_lines(("symbol",), [("\x1b[2J",)], numbers=0, captions=0, width=80)

    assert plain(lines) == "symbol\n\\x1b[2J"


def test_each_format_has_the_same_columns(capsys: pytest.CaptureFixture[str]) -> None:
    columns, rows = ("symbol", "net", "entries"), [("", "0.1", 2), ("A,B", "-1", 1)]

    print_rows("csv", columns, rows, numbers=2)
    assert capsys.readouterr().out == 'symbol,net,entries\n,0.1,2\n"A,B",-1,1\n'
    print_rows("json", columns, rows, numbers=2)
    assert json.loads(capsys.readouterr().out) == [
        {"symbol": "", "net": "0.1", "entries": 2},
        {"symbol": "A,B", "net": "-1", "entries": 1},
    ]
    print_rows("table", columns, rows, numbers=2)
    assert capsys.readouterr().out == "symbol   net  entries\n-        0.1        2\nA,B     -1          1\n"


def test_no_rows_are_a_header_and_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows("json", ("net",), [], numbers=1)
    print_rows("csv", ("net",), [], numbers=1)
    print_rows("table", ("net",), [], numbers=1)

    assert capsys.readouterr().out == "[]\nnet\nnet\n"

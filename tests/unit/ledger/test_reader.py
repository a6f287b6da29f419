from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.ledger.exchange import START, ModelExchange, multiset, row

from exporter.ledger.reader import DOCUMENTED_TYPES, Leaf, Reader
from exporter.ledger.windows import Ends, Window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.model import IncomeEntry

MINUTE = Window(START, START + timedelta(minutes=1))


def read(
    exchange: ModelExchange, window: Window = MINUTE, *, ends: Ends | None = None, symbols: Iterable[str] = ()
) -> list[Leaf]:
    reader = Reader(window, ends=ends or Ends(), limit=exchange.limit, known_symbols=symbols)
    leaves: list[Leaf] = []
    while not reader.done:
        leaves += reader.feed(exchange.show(reader.query()))
        assert exchange.calls < 5000, "no progress"
    return leaves


def entries(leaves: Iterable[Leaf]) -> list[IncomeEntry]:
    return [entry for leaf in leaves for entry in leaf.entries]


def test_a_window_that_fits_is_one_call_and_one_leaf() -> None:
    exchange = ModelExchange(rows=[row(20), row(10)], limit=3)

    assert read(exchange) == [Leaf(window=MINUTE, entries=(row(10), row(20)))]
    assert exchange.calls == 1


def test_rows_outside_the_window_are_left_out() -> None:
    exchange = ModelExchange(rows=[row(0), row(59.999), row(60), row(-0.001)])

    assert entries(read(exchange)) == [row(0), row(59.999)]


def test_a_failed_call_is_simply_asked_again() -> None:
    reader = Reader(MINUTE, ends=Ends())

    assert reader.query() == reader.query()
    assert not reader.done


def test_there_is_nothing_to_ask_when_done() -> None:
    reader = Reader(MINUTE, ends=Ends())
    reader.feed([])

    assert reader.done
    with pytest.raises(RuntimeError, match="nothing left to ask"):
        reader.query()


def test_a_limit_below_one_row_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        Reader(MINUTE, ends=Ends(), limit=0)


def test_a_full_answer_is_split_and_nothing_is_handed_out_before_it_is_complete() -> None:
    exchange = ModelExchange(rows=[row(second) for second in range(60)], limit=60)
    reader = Reader(MINUTE, ends=Ends(), limit=60)

    assert reader.feed(exchange.show(reader.query())) == ()
    (left,) = reader.feed(exchange.show(reader.query()))
    (right,) = reader.feed(exchange.show(reader.query()))

    assert (left.window.start, left.window.end, right.window.end) == (START, right.window.start, MINUTE.end)
    assert (len(left.entries), len(right.entries)) == (30, 30)
    assert reader.done


def test_one_full_second_is_read_type_by_type() -> None:
    rows = [row(7, str(n), kind) for n in range(3) for kind in ("FUNDING_FEE", "TRADING_FEE", "NEWS")]
    exchange = ModelExchange(rows=rows, limit=4)

    leaves = read(exchange)

    assert multiset(entries(leaves)) == multiset(rows)
    assert not any(leaf.truncated for leaf in leaves)


def test_one_full_type_is_read_symbol_by_symbol_also_by_those_only_the_ledger_knows() -> None:
    symbols = ["A-USDT", "B-USDT", "C-USDT", "D-USDT", "E-USDT"]
    rows = [row(7, str(n), symbol=symbol) for n in range(3) for symbol in symbols]
    exchange = ModelExchange(rows=rows, limit=4)

    leaves = read(exchange, symbols=symbols)

    assert multiset(entries(leaves)) == multiset(rows)
    assert not any(leaf.truncated for leaf in leaves)


def test_a_symbol_that_is_still_full_is_truncated_with_all_that_was_seen() -> None:
    rows = [row(7, str(n)) for n in range(9)]
    exchange = ModelExchange(rows=[*rows, row(8)], limit=4, order="oldest")

    leaves = read(exchange)

    (truncated,) = (leaf for leaf in leaves if leaf.truncated)
    assert truncated.window == Window(START + timedelta(seconds=7), START + timedelta(seconds=8))
    assert len(truncated.entries) == 4
    assert [row(8)] == [entry for leaf in leaves if not leaf.truncated for entry in leaf.entries]


def test_rows_without_a_symbol_in_a_full_type_are_truncated() -> None:
    rows = [row(7, str(n), "TRANSFER", "") for n in range(4)]

    assert any(leaf.truncated for leaf in read(ModelExchange(rows=rows, limit=4)))


def test_a_host_that_answers_every_question_with_the_same_full_page_comes_to_an_end() -> None:
    reader = Reader(MINUTE, ends=Ends(), limit=2)

    (leaf,) = reader.feed([row(1000), row(1001)])

    assert leaf == Leaf(window=MINUTE, entries=(), truncated=True)
    assert reader.done


def test_an_end_that_proves_inclusive_is_asked_exactly_before_anything_is_split() -> None:
    ends = Ends()
    exchange = ModelExchange(rows=[row(1), row(60), row(60)], limit=3)

    assert read(exchange, ends=ends) == [Leaf(window=MINUTE, entries=(row(1),))]
    assert ends.end_inclusive
    assert exchange.calls == 2


def test_an_answer_asked_wide_is_judged_as_such_after_another_reader_has_proved_the_end() -> None:
    ends = Ends()
    exchange = ModelExchange(rows=[row(60), row(60)], limit=2)
    reader = Reader(MINUTE, ends=ends, limit=2)
    answer = exchange.show(reader.query())
    ends.end_inclusive = True

    assert reader.feed(answer) == ()
    assert reader.feed(exchange.show(reader.query())) == (Leaf(window=MINUTE, entries=()),)


@pytest.mark.parametrize("order", ["newest", "oldest", "shuffled"])
def test_four_thousand_rows_of_ninety_days_take_about_thirty_calls(order: str) -> None:
    days = 90
    rows = [row(n * days * 86400 // 4000, str(n)) for n in range(4000)]
    exchange, ends = ModelExchange(rows=rows, order=order), Ends()
    slices = [
        Window(START + timedelta(days=day), START + timedelta(days=min(day + 7, days))) for day in range(0, days, 7)
    ]

    leaves = [leaf for window in slices for leaf in read(exchange, window, ends=ends)]

    assert multiset(entries(leaves)) == multiset(rows)
    assert exchange.calls <= 30


@pytest.mark.parametrize("order", ["newest", "oldest", "shuffled"])
def test_four_thousand_rows_in_one_week_take_about_thirty_calls(order: str) -> None:
    window = Window(START, START + timedelta(days=7))
    rows = [row(n * 151, str(n)) for n in range(4000)]
    exchange = ModelExchange(rows=rows, order=order)

    leaves = read(exchange, window)

    assert multiset(entries(leaves)) == multiset(rows)
    assert exchange.calls <= 30


ROWS = st.lists(
    st.builds(
        row,
        second=st.one_of(st.integers(-2, 22), st.integers(-2000, 22000).map(lambda value: value / 1000)),
        amount=st.sampled_from(["1", "-2.50"]),
        income_type=st.sampled_from([*DOCUMENTED_TYPES[:3], "NEWS"]),
        symbol=st.sampled_from(["", "A-USDT", "B-USDT"]),
        tran_id=st.sampled_from(["", "t1", "t2"]),
    ),
    max_size=40,
)


MILLISECOND = timedelta(milliseconds=1)


@settings(max_examples=150, deadline=None)
@given(
    rows=ROWS,
    limit=st.integers(1, 12),
    inclusive=st.tuples(st.booleans(), st.booleans()),
    order=st.sampled_from(["newest", "oldest", "shuffled"]),
    bounds=st.tuples(st.integers(0, 9999), st.integers(1, 10000)),
)
def test_the_leaves_cover_the_window_once_and_hold_exactly_its_rows_unless_truncated(
    rows: list[IncomeEntry], limit: int, inclusive: tuple[bool, bool], order: str, bounds: tuple[int, int]
) -> None:
    start = START + timedelta(milliseconds=bounds[0])
    window = Window(start, start + timedelta(milliseconds=bounds[1]))
    exchange = ModelExchange(rows, limit, *inclusive, order=order)

    leaves = read(exchange, window, symbols=["A-USDT", "B-USDT"])

    assert [leaf.window.start for leaf in leaves] == [window.start, *(leaf.window.end for leaf in leaves[:-1])]
    assert leaves[-1].window.end == window.end
    for leaf in leaves:
        truth = multiset(item for item in rows if item.time in leaf.window)
        shown = multiset(leaf.entries)
        assert shown <= truth
        # A type that is neither documented nor on any page cannot be asked for, and nobody can know that it is there.
        unknowable = all(content[1] not in DOCUMENTED_TYPES for content in truth - shown)
        assert leaf.truncated or shown == truth or (unknowable and truth.total() > limit)
        # What is asked for may be a millisecond wider on both sides, and full of rows that lie outside.
        asked = Window(leaf.window.start - MILLISECOND, leaf.window.end + MILLISECOND)
        assert not leaf.truncated or sum(item.time in asked for item in rows) >= limit

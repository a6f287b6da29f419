"""How much one account may put on the page, and what gives way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clock import ManualClock
from support.exposition import families_of_openmetrics, families_of_text, samples, series
from support.heard import heard

from exporter.metrics import account, fees, health, income, position
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.family import Family, Subject
from exporter.metrics.page import Page
from exporter.metrics.position import OpenPositions
from exporter.metrics.render import Format
from exporter.model import (
    Balance,
    Balances,
    CollectorName,
    CommissionRate,
    IncomeState,
    IncomeTotal,
    PollStatus,
    Position,
    Side,
)

Make = Callable[..., Position]

BORN = datetime(2026, 8, 1, tzinfo=UTC)
OF_A_POSITION = len(position.POSITION.families)
OF_A_TOTAL = 2 * len(income.TOTALS.families)


def limited(limit: int, *accounts: str) -> Page:
    page = Page(ACCOUNT_SUBJECTS, clock=ManualClock(), series_per_account=limit)
    page.arrange(accounts or ["main"])
    return page


def found(page: Page) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Read the page in both formats, hold one against the other, and return what the fuller one has."""
    full = samples(families_of_openmetrics(page.body(Format.OPENMETRICS).decode() + "# EOF\n"))
    text = samples(families_of_text(page.body(Format.TEXT).decode()))
    assert {name for name, _ in text} == {name for name, _ in full if not name.endswith("_created")}
    return full


def labels_of(page: Page, name: str, label: str) -> list[str]:
    return [dict(labels)[label] for series_name, labels in found(page) if series_name == name]


def cut(page: Page, name: str = "main") -> float:
    return found(page)[series("bingx_account_series_cut", account=name)]


def positions(make: Make, count: int, *, start: int = 0) -> OpenPositions:
    return OpenPositions(positions=tuple(make(symbol=f"C{number:05}-USDT") for number in range(start, start + count)))


def total(number: int, *, born: datetime | None = None) -> IncomeTotal:
    return IncomeTotal(
        income_type="FUNDING_FEE",
        symbol=f"C{number:05}-USDT",
        asset="USDT",
        credited=Decimal(number),
        debited=Decimal(0),
        entries=1,
        created_at=born or BORN + timedelta(seconds=number),
    )


def totals(numbers: Iterable[int]) -> IncomeState:
    return state(total(number) for number in numbers)


def state(totals: Iterable[IncomeTotal]) -> IncomeState:
    return IncomeState(epoch=BORN, watermark=BORN, complete=True, baseline_complete=True, totals=tuple(totals))


def test_with_room_for_all_nothing_is_cut_and_that_is_said(make_position: Make) -> None:
    for limit in (0, 1 + 3 * OF_A_POSITION):
        page = limited(limit)
        page.put(position.POSITION, "main", positions(make_position, 3))

        assert len(labels_of(page, "bingx_position_amount", "symbol")) == 3
        assert cut(page) == 0


def test_an_account_never_has_more_samples_than_the_limit_and_tells_how_many_are_left_off(make_position: Make) -> None:
    page = limited(100)
    page.put(position.POSITION, "main", positions(make_position, 5))
    page.put(income.TOTALS, "main", totals(range(10)))

    assert len(found(page)) <= 100
    assert len(found(page)) + cut(page) == 1 + 5 * OF_A_POSITION + 10 * OF_A_TOTAL


def test_a_row_is_shown_whole_or_not_at_all(make_position: Make) -> None:
    page = limited(1 + 2 * OF_A_POSITION - 1)
    page.put(position.POSITION, "main", positions(make_position, 2))

    assert len(found(page)) == 1 + OF_A_POSITION
    assert cut(page) == OF_A_POSITION


def test_the_positions_nearest_to_liquidation_stay(make_position: Make) -> None:
    def one(symbol: str, liquidation: int | None) -> Position:
        price = None if liquidation is None else Decimal(liquidation)
        return make_position(symbol=symbol, mark_price=Decimal(100), liquidation_price=price)

    shown = [one("A", None), one("B", 10), one("C", 99), one("D", 0), one("E", 50)]
    page = limited(1 + 2 * OF_A_POSITION)
    page.put(position.POSITION, "main", OpenPositions(positions=tuple(shown)))
    assert labels_of(page, "bingx_position_amount", "symbol") == ["C", "E"]

    page.put(position.POSITION, "main", OpenPositions(positions=(*shown, one("F", 98))))
    assert labels_of(page, "bingx_position_amount", "symbol") == ["C", "F"]


def test_the_number_of_positions_is_true_whatever_is_cut(make_position: Make) -> None:
    page = limited(20)
    many = positions(make_position, 50)
    page.put(position.OPEN, "main", many)
    page.put(position.POSITION, "main", many)

    assert found(page)[series("bingx_positions", account="main")] == 50
    assert len(labels_of(page, "bingx_position_amount", "symbol")) == 1


def fill(page: Page, make: Make, order: Iterable[int]) -> None:
    one = Balance(
        asset="USDT",
        balance=Decimal(1),
        equity=Decimal(1),
        unrealized_pnl=None,
        realized_pnl=None,
        available_margin=None,
        used_margin=None,
        frozen_margin=None,
    )
    puts: tuple[tuple[Subject[Any, Any], object], ...] = (
        (health.UP, {CollectorName.BALANCE: PollStatus(interval_seconds=5, succeeded=True)}),
        (account.BALANCE, Balances(user_id=None, assets=(one,))),
        (position.OPEN, positions(make, 4)),
        (fees.COMMISSION, CommissionRate(maker=Decimal(1), taker=None)),
        (position.POSITION, positions(make, 4)),
        (income.TOTALS, totals(range(4))),
    )
    for at in order:
        subject, data = puts[at]
        page.put(subject, "main", data)


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        (1, set[str]()),
        (2, {"bingx_up"}),
        (4, {"bingx_account_balance", "bingx_account_equity"}),
        (5, {"bingx_positions"}),
        (6, {"bingx_commission_rate"}),
        (6 + OF_A_POSITION, {"bingx_position_amount"}),
        (6 + 4 * OF_A_POSITION + OF_A_TOTAL, {"bingx_income_entries_total"}),
    ],
)
def test_the_less_important_gives_way_first(make_position: Make, limit: int, left: set[str]) -> None:
    page = limited(limit)
    fill(page, make_position, range(6))
    shown = {name for name, _ in found(page)}
    assert left <= shown
    assert len(found(page)) == limit

    page = limited(limit - len(left) if limit > 1 else 1)
    fill(page, make_position, range(6))
    assert not left & {name for name, _ in found(page)}


def test_it_does_not_matter_in_which_order_the_data_comes(make_position: Make) -> None:
    pages = set()
    for order in permutations(range(6)):
        page = limited(6 + 2 * OF_A_POSITION + OF_A_TOTAL + 3)
        fill(page, make_position, order)
        pages.add(page.body(Format.OPENMETRICS))

    assert len(pages) == 1


def test_a_counter_that_was_shown_does_not_give_way_to_a_new_one() -> None:
    page = limited(1 + 3 * OF_A_TOTAL)
    page.put(income.TOTALS, "main", totals([5, 6, 7]))

    # 1 sorts before them, and, as a clock was set back, seems to be older as well.
    page.put(income.TOTALS, "main", totals([1, 5, 6, 7, 8]))

    assert labels_of(page, "bingx_income_entries_total", "symbol") == ["C00005-USDT", "C00006-USDT", "C00007-USDT"]
    assert cut(page) == 2 * OF_A_TOTAL


def test_the_counters_that_came_first_are_shown_again_after_a_restart() -> None:
    before, after = limited(1 + 3 * OF_A_TOTAL), limited(1 + 3 * OF_A_TOTAL)
    late = BORN + timedelta(days=1)
    old, new = [total(7), total(8), total(9)], [total(number, born=late) for number in (1, 2)]
    before.put(income.TOTALS, "main", state(old))
    before.put(income.TOTALS, "main", state([*new, *old]))

    after.put(income.TOTALS, "main", state([*new, *old]))

    assert before.body(Format.TEXT) == after.body(Format.TEXT)
    assert 'symbol="C00007-USDT"' in after.body(Format.TEXT).decode()


def test_counters_give_way_to_positions_and_come_back(make_position: Make) -> None:
    page = limited(1 + OF_A_POSITION + OF_A_TOTAL)
    page.put(income.TOTALS, "main", totals(range(3)))
    assert len(labels_of(page, "bingx_income_entries_total", "symbol")) == 3

    page.put(position.POSITION, "main", positions(make_position, 1))
    assert labels_of(page, "bingx_income_entries_total", "symbol") == ["C00000-USDT"]
    assert len(labels_of(page, "bingx_position_amount", "symbol")) == 1

    page.put(position.POSITION, "main", OpenPositions(positions=()))
    assert len(labels_of(page, "bingx_income_entries_total", "symbol")) == 3
    assert cut(page) == 0


def test_what_is_withdrawn_makes_room(make_position: Make) -> None:
    page = limited(1 + OF_A_POSITION)
    page.put(position.POSITION, "main", positions(make_position, 1))
    page.put(income.TOTALS, "main", totals([1]))
    assert labels_of(page, "bingx_income_entries_total", "symbol") == []

    page.withdraw([position.POSITION], "main")

    assert labels_of(page, "bingx_income_entries_total", "symbol") == ["C00001-USDT"]
    assert labels_of(page, "bingx_position_amount", "symbol") == []


def test_one_account_takes_no_room_from_another(make_position: Make) -> None:
    page = limited(1 + 2 * OF_A_POSITION, "one", "two")
    page.put(position.POSITION, "one", positions(make_position, 50))
    page.put(position.POSITION, "two", positions(make_position, 2))

    assert labels_of(page, "bingx_position_amount", "account") == ["one"] * 2 + ["two"] * 2
    assert (cut(page, "one"), cut(page, "two")) == (48 * OF_A_POSITION, 0)


def test_data_of_an_account_that_left_is_not_kept(make_position: Make) -> None:
    page = limited(0, "one")
    page.arrange(["two"])
    page.put(position.POSITION, "one", positions(make_position, 1))
    page.withdraw([position.POSITION], "one")
    page.arrange(["one"])

    assert page.body(Format.TEXT) == b""


def test_that_something_is_cut_is_logged_when_it_begins_and_when_it_ends(make_position: Make) -> None:
    with heard() as log:
        page = limited(1 + OF_A_POSITION)
        for count in (1, 2, 3, 2, 1, 1):
            page.put(position.POSITION, "main", positions(make_position, count))

    lines = log.getvalue().splitlines()
    assert [re.findall(r"level=(\w+)", line) for line in lines] == [["WARN"], ["INFO"]]
    assert "account=main" in lines[0]
    assert f"limit={1 + OF_A_POSITION}" in lines[0]
    assert f"left_off={OF_A_POSITION}" in lines[0]


@settings(max_examples=50)
@given(
    st.integers(1, 120),
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 12), st.integers(0, 8)),
        min_size=1,
        max_size=6,
    ),
)
def test_the_sum_holds_whatever_comes(limit: int, puts: list[tuple[bool, int, int]]) -> None:
    page = limited(limit)
    whole = {True: 0, False: 0}
    for of_income, count, start in puts:
        if of_income:
            page.put(income.TOTALS, "main", totals(range(start, start + count)))
        else:
            page.put(position.POSITION, "main", positions(bare_position, count, start=start))
        whole[of_income] = count * (OF_A_TOTAL if of_income else 1)
        shown = found(page)
        assert len(shown) <= limit
        assert len(shown) + cut(page) == 1 + sum(whole.values())


def bare_position(symbol: str) -> Position:
    return Position(position_id="", symbol=symbol, asset="USDT", side=Side.LONG, margin_mode=None, amount=Decimal(1))


def watched(name: str, seen: list[str], *, then: Callable[[], None] = lambda: None) -> Subject[int, int]:
    """Make a subject of as many rows as its data says, which notes each time that it is asked for them."""

    def rows(count: int) -> Iterable[tuple[tuple[str, ...], int]]:
        seen.append(name)
        then()
        return [((str(number),), number) for number in range(count)]

    family: Family[int] = Family(name=f"test_{name}", help="A test.", value=lambda number: number)
    return Subject(name=name, labels=("number",), rows=rows, families=(family,))


def test_what_is_cut_is_not_made_again_while_its_room_stays_the_same() -> None:
    seen: list[str] = []
    first, second = watched("first", seen), watched("second", seen)
    page = Page((first, second), clock=ManualClock(), series_per_account=6)
    page.arrange(["main"])

    for subject, count in ((second, 9), (first, 3), (first, 3), (first, 4)):
        page.put(subject, "main", count)

    assert seen == ["second", "first", "second", "first", "first", "second"]


def test_data_that_was_on_its_way_when_its_account_left_is_not_there_when_that_comes_back() -> None:
    page: Page

    def leave() -> None:
        page.arrange([])
        page.arrange(["main"])

    subject = watched("late", [], then=leave)
    page = Page((subject,), clock=ManualClock())
    page.arrange(["main"])
    page.put(subject, "main", 1)

    assert page.body(Format.TEXT) == b""

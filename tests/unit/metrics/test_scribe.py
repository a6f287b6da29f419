"""What is written again only where it changed is, at every moment, what writing all of it anew would give."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clock import ManualClock

from exporter.metrics import account, health, income, position
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.family import Family, Kind, Subject
from exporter.metrics.page import Page
from exporter.metrics.position import OpenPositions
from exporter.metrics.render import Format, Fragment, Scribe, number, numbers
from exporter.model import (
    Account,
    Balance,
    Balances,
    CollectorName,
    IncomeState,
    IncomeTotal,
    MarginMode,
    PollStatus,
    Position,
    Side,
)

BORN = datetime(2026, 8, 1, tzinfo=UTC)
NAMES = ("BTC-USDT", "%r", "100%s", 'quote"d\\', "line\nfeed", "MØTH-USDT", "{}", "1.\n")
TEXTS = (
    "0.0000",
    "-0.0",
    "12",
    "12.50",
    "-3.1250",
    "0.00001234",
    "0.0001",
    "1E+3",
    "123456789.123456",
    "0.1" + "0" * 30,
)
amounts = st.one_of(
    st.sampled_from(TEXTS).map(Decimal), st.decimals(-(10**9), 10**9, places=4), st.decimals(allow_nan=False)
)
maybe = st.one_of(st.none(), amounts)
prices = st.one_of(st.none(), st.decimals(0, 10**6, places=5))
moments = st.integers(0, 10**10).map(lambda value: BORN + timedelta(milliseconds=value))
positions = st.builds(
    Position,
    position_id=st.sampled_from(["1", "2", "%d"]),
    symbol=st.sampled_from(NAMES),
    asset=st.sampled_from(["USDT", "USDC"]),
    side=st.sampled_from(Side),
    margin_mode=st.sampled_from([None, *MarginMode]),
    amount=st.decimals(1, 100, places=2),
    available_amount=maybe,
    value=st.none() | st.decimals(0, 10**9, places=4),
    unrealized_pnl=st.none() | st.decimals(-(10**6), 10**6, places=4),
    initial_margin=st.none() | st.decimals(1, 10**6, places=4),
    margin=st.none() | st.decimals(-(10**6), 10**6, places=4),
    mark_price=prices,
    liquidation_price=prices,
    leverage=st.sampled_from([None, Decimal(10), Decimal(5)]),
    risk_ratio=st.none() | st.decimals(0, 2, places=4),
    updated_at=st.none() | moments,
)
snapshots = st.builds(
    lambda positions, by_id: OpenPositions(positions=positions, by_id=by_id),
    st.lists(positions, max_size=4).map(tuple),
    st.booleans(),
)
incomes = st.builds(
    IncomeState,
    epoch=st.just(BORN),
    watermark=st.none(),
    complete=st.booleans(),
    baseline_complete=st.just(value=True),
    totals=st.lists(
        st.builds(
            IncomeTotal,
            income_type=st.sampled_from(["FUNDING_FEE", "100%"]),
            symbol=st.sampled_from(NAMES),
            asset=st.just("USDT"),
            credited=amounts,
            debited=amounts,
            entries=st.integers(0, 3),
            created_at=moments,
        ),
        max_size=4,
    ).map(tuple),
)
statuses = st.dictionaries(
    st.sampled_from(CollectorName),
    st.builds(
        PollStatus,
        interval_seconds=st.sampled_from([5, 0.5]),
        succeeded=st.sampled_from([None, True, False]),
        last_success_at=st.none() | moments,
        duration_seconds=st.none() | st.floats(0, 10),
        failures=st.dictionaries(st.sampled_from(["timeout", "dns"]), st.integers(1, 3)),
    ),
)
accounts = st.builds(
    Account,
    name=st.just("main"),
    environment=st.sampled_from(["live", "demo"]),
    labels=st.dictionaries(st.sampled_from(["desk", "team"]), st.sampled_from(NAMES)),
)
unknown = st.none()
balances = st.builds(
    Balances,
    user_id=unknown,
    assets=st.sets(st.sampled_from(NAMES))
    .flatmap(
        lambda names: st.tuples(
            *(
                st.builds(
                    Balance,
                    asset=st.just(name),
                    balance=maybe,
                    equity=maybe,
                    unrealized_pnl=maybe,
                    realized_pnl=unknown,
                    available_margin=unknown,
                    used_margin=unknown,
                    frozen_margin=unknown,
                )
                for name in sorted(names)
            )
        )
    )
    .map(tuple),
)
Born = tuple[str, Decimal | None, datetime]
PAID: Subject[tuple[Born, ...], Born] = Subject(
    name="paid",
    labels=("symbol",),
    rows=lambda data: [((row[0],), row) for row in data],
    families=(
        Family(
            name="test_paid_total",
            help="A counter that may be unknown.",
            kind=Kind.COUNTER,
            value=lambda row: row[1],
            created=lambda row: row[2],
        ),
    ),
)
paid = st.lists(st.tuples(st.sampled_from(NAMES), maybe, moments), max_size=4).map(tuple)
SEQUENCES: tuple[tuple[Subject[Any, Any], st.SearchStrategy[Any]], ...] = (
    (position.POSITION, snapshots),
    (position.OPEN, snapshots),
    (income.TOTALS, incomes),
    (health.COLLECTOR, statuses),
    (health.FAILURES, statuses),
    (health.UP, statuses),
    (account.INFO, accounts),
    (account.BALANCE, balances),
    (PAID, paid),
)


def escaped(text: str) -> str:
    return "".join({"\\": "\\\\", '"': '\\"', "\n": "\\n"}.get(character, character) for character in text)


def plain(subject: Subject[Any, Any], data: object, exposition: Format) -> tuple[bytes, ...]:
    """Write every line of every family, one after the other."""
    pieces = []
    for family in subject.families:
        lines = ""
        for values, row in subject.rows(data):
            free = subject.free_labels(row) if subject.free_labels else ()
            labels = [("account", "main"), *zip(subject.labels, values, strict=True), *free]
            block = ",".join(f'{name}="{escaped(value)}"' for name, value in labels if value)
            value = family.value(row)
            if value is None:
                continue
            lines += f"{family.name}{{{block}}} {float(value) + 0.0!r}\n"
            if family.created and exposition is Format.OPENMETRICS:
                birth = family.created(row).timestamp()
                lines += f"{family.name.removesuffix('_total')}_created{{{block}}} {birth!r}\n"
        pieces.append(lines.encode())
    return tuple(pieces)


@settings(max_examples=20, deadline=None)
@given(st.data())
@pytest.mark.parametrize(("subject", "data"), SEQUENCES, ids=lambda value: getattr(value, "name", ""))
def test_any_sequence_of_data_is_written_as_if_each_came_first(
    subject: Subject[Any, Any], data: st.SearchStrategy[Any], draw: st.DataObject
) -> None:
    scribe = Scribe(subject, ("main",))
    before: list[Fragment] = []
    for shown in draw.draw(st.lists(data, min_size=1, max_size=4)):
        fragment = scribe.render(subject.rows(shown))
        assert fragment.text == plain(subject, shown, Format.TEXT)
        assert fragment.openmetrics == plain(subject, shown, Format.OPENMETRICS)
        assert fragment.samples == sum(piece.count(b"\n") for piece in fragment.openmetrics)
        before.append(fragment)
    again = scribe.render(subject.rows(shown))
    assert again is before[-1]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([0, 3, 40, 1000]), st.lists(st.one_of(snapshots, balances, statuses), max_size=5))
def test_a_page_is_what_a_new_one_would_be_with_the_last_data_alone(limit: int, told: list[Any]) -> None:
    subjects: dict[type, Subject[Any, Any]] = {OpenPositions: position.POSITION, Balances: account.BALANCE}

    def page() -> Page:
        made = Page(ACCOUNT_SUBJECTS, clock=ManualClock(), series_per_account=limit)
        made.arrange(["main"])
        return made

    def put(on: Page, data: object) -> None:
        on.put(subjects.get(type(data), health.COLLECTOR), "main", data)

    old, last = page(), dict[type, Any]()
    for data in told:
        put(old, data)
        last[type(data)] = data
        new = page()
        for one in last.values():
            put(new, one)
        for exposition in Format:
            assert old.body(exposition) == new.body(exposition)


def test_only_the_families_that_changed_are_new_objects() -> None:
    one = Position(
        position_id="1", symbol="BTC-USDT", asset="USDT", side=Side.LONG, margin_mode=None,
        amount=Decimal(1), mark_price=Decimal(100), value=Decimal(100), entry_price=Decimal(90),
    )  # fmt: skip
    scribe = Scribe(position.POSITION, ("main",))
    first = scribe.render(position.POSITION.rows(OpenPositions(positions=(one,))))
    moved = one._replace(mark_price=Decimal("100.00"), value=Decimal(101))
    second = scribe.render(position.POSITION.rows(OpenPositions(positions=(moved,))))

    differing = [at for at, (old, new) in enumerate(zip(first.text, second.text, strict=True)) if old is not new]
    assert [position.POSITION.families[at].name for at in differing] == ["bingx_position_value"]
    assert all(text is openmetrics for text, openmetrics in zip(second.text, second.openmetrics, strict=True))


def totals(*credited: str) -> IncomeState:
    return IncomeState(
        epoch=BORN,
        watermark=None,
        complete=True,
        baseline_complete=True,
        totals=tuple(
            IncomeTotal(
                income_type="FUNDING_FEE", symbol=f"{place}-USDT", asset="USDT", credited=Decimal(amount),
                debited=Decimal(0), entries=7, created_at=BORN,
            )
            for place, amount in enumerate(credited)
        ),
    )  # fmt: skip


def test_counters_are_not_written_for_the_text_format_before_somebody_asks() -> None:
    scribe = Scribe(income.TOTALS, ("main",))
    fragments = [scribe.render(income.TOTALS.rows(totals(amount, "5"))) for amount in ("1", "2", "3")]

    assert {(fragment._text, fragment._known) for fragment in fragments} == {(None, None)}
    assert fragments[-1].text == plain(income.TOTALS, totals("3", "5"), Format.TEXT)
    assert fragments[-1].text is fragments[-1].text


def test_as_text_only_the_families_that_changed_are_new_objects_as_well() -> None:
    scribe = Scribe(income.TOTALS, ("main",))
    first = scribe.render(income.TOTALS.rows(totals("1", "5")))
    before = first.text
    second = scribe.render(income.TOTALS.rows(totals("2", "5")))

    assert second.text == plain(income.TOTALS, totals("2", "5"), Format.TEXT)
    assert [old is new for old, new in zip(before, second.text, strict=True)] == [False, True, True]
    assert second._known is None


def holding(amount: int) -> OpenPositions:
    one = Position(
        position_id="1", symbol="BTC-USDT", asset="USDT", side=Side.LONG, margin_mode=None, amount=Decimal(amount)
    )
    return OpenPositions(positions=(one,))


@pytest.mark.parametrize("exposition", Format)
@pytest.mark.parametrize(
    ("subject", "states"),
    [
        (income.TOTALS, [totals(amount) for amount in "123"]),
        (position.POSITION, [holding(amount) for amount in (1, 2, 3)]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_lines_that_were_true_before_are_let_go(
    subject: Subject[Any, Any], states: list[Any], exposition: Format
) -> None:
    scribe = Scribe(subject, ("main",))
    first, second, last = states
    scribe.render(subject.rows(first))
    old = scribe.render(subject.rows(second)).of(exposition)[0]
    scribe.render(subject.rows(last)).of(exposition)

    assert sys.getrefcount(old) == 2


def test_equal_data_takes_the_place_of_the_data_before_it_in_memory() -> None:
    class Held(Decimal):
        """A number of which it can be seen whether anybody holds it."""

    class Birth(datetime):
        """A moment of which it can be seen as well."""

    scribe = Scribe(PAID, ("main",))
    first, second = [("BTC-USDT", Held("1.5"), Birth(2026, 8, 1, tzinfo=UTC)) for _ in range(2)]
    seen = [weakref.ref(one) for one in first[1:]]
    scribe.render(PAID.rows((first,)))
    del first
    assert [one() for one in seen] == list(second[1:])
    scribe.render(PAID.rows((second,)))

    assert [one() for one in seen] == [None, None]


def test_what_cannot_be_written_leaves_no_line_under_the_labels_of_another() -> None:
    def rows(data: tuple[tuple[str, Decimal], ...]) -> Iterable[tuple[tuple[str, ...], Decimal]]:
        return [((name,), value) for name, value in data]

    subject: Subject[tuple[tuple[str, Decimal], ...], Decimal] = Subject(
        name="test",
        labels=("symbol",),
        rows=rows,
        families=(
            Family(name="test_half", help="Cannot be written below 0.", value=lambda value: value.sqrt()),
            Family(name="test_one", help="The same whatever comes.", value=lambda _: 1),
        ),
    )
    scribe = Scribe(subject, ("main",))
    scribe.render(subject.rows((("A", Decimal(4)),)))
    with pytest.raises(ArithmeticError):
        scribe.render(subject.rows((("B", Decimal(-4)),)))

    assert scribe.render(subject.rows((("B", Decimal(4)),))).text == (
        b'test_half{account="main",symbol="B"} 2.0\n',
        b'test_one{account="main",symbol="B"} 1.0\n',
    )


def test_what_cannot_be_written_does_not_keep_an_older_number_on_the_page() -> None:
    def rows(data: tuple[Decimal, Decimal]) -> Iterable[tuple[tuple[str, ...], tuple[Decimal, Decimal]]]:
        return [((), data)]

    subject: Subject[tuple[Decimal, Decimal], tuple[Decimal, Decimal]] = Subject(
        name="test",
        rows=rows,
        families=(
            Family(name="test_one", help="Can be written.", value=lambda row: row[0]),
            Family(name="test_half", help="Cannot be written below 0.", value=lambda row: row[1].sqrt()),
        ),
    )
    scribe = Scribe(subject, ("main",))
    scribe.render(subject.rows((Decimal(1), Decimal(4))))
    with pytest.raises(ArithmeticError):
        scribe.render(subject.rows((Decimal(5), Decimal(-4))))

    assert scribe.render(subject.rows((Decimal(5), Decimal(4)))).text == (
        b'test_one{account="main"} 5.0\n',
        b'test_half{account="main"} 2.0\n',
    )


digits = st.from_regex(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,20})?(E-?[0-9]{1,2})?", fullmatch=True).map(Decimal)


prices = st.from_regex(r"-?(0|[1-9][0-9]{0,13})\.[0-9]{1,9}", fullmatch=True).map(Decimal)
columns = st.one_of(
    st.lists(prices),
    st.lists(st.floats()),
    st.lists(st.one_of(digits, amounts, st.floats(), st.integers(-(2**80), 2**80), st.booleans())),
)


@settings(max_examples=300)
@given(columns)
def test_numbers_are_written_together_as_each_alone(values: list[Decimal | float | int]) -> None:
    assert numbers(values) == [repr(float(value) + 0.0) for value in values] == [number(value) for value in values]


@pytest.mark.parametrize(
    "odd",
    ["0", "-0.0", "0.0000", "10", "100.0", "0.00001", "0.0001", "1E+20", "1E-7", "1234567890123.123456", "1.2345678"],
)
def test_one_odd_number_of_a_column_is_written_like_any_other(odd: str) -> None:
    column = [Decimal("5118.1836"), Decimal(odd), Decimal("768.4930")]

    assert numbers(column) == ["5118.1836", repr(float(odd) + 0.0), "768.493"]

"""What is kept of a page from scrape to scrape is the page that would be laid out anew, after any changes."""

from __future__ import annotations

from functools import partial
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.clock import ManualClock

from exporter.metrics.blocks import Run
from exporter.metrics.column import Column, runs_of
from exporter.metrics.family import Family, Kind, Subject
from exporter.metrics.page import Page
from exporter.metrics.render import Format, header, render
from exporter.metrics.shelf import UNLIMITED, Piece, Shelf

Rows = tuple[int, ...]
NAMES = ("alpha", "beta", "gamma")


def value(number: int, row: int) -> int | None:
    """Some families change with the row and some do not; some are silent."""
    return None if row % 5 == number else row * (number % 2)


def subject(name: str, families: int) -> Subject[Rows, int]:
    return Subject(
        name=name,
        labels=("number",),
        rows=lambda rows: [((str(row),), row) for row in rows],
        families=tuple(
            Family(
                name=f"test_{name}_{number}_total",
                help="A test.",
                kind=Kind.COUNTER if number else Kind.GAUGE,
                value=partial(value, number),
            )
            for number in range(families)
        ),
    )


SUBJECTS = (subject("first", 3), subject("second", 1), subject("third", 6))


class SlowPage:
    """The same page without anything kept: a dictionary, and every line written at each scrape."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.accounts: list[str] = []
        self.data: dict[tuple[str, str], tuple[Rows, float]] = {}

    def arrange(self, accounts: list[str]) -> None:
        self.accounts = list(dict.fromkeys(accounts))
        self.data = {key: value for key, value in self.data.items() if key[1] in accounts}

    def put(self, one: Subject[Rows, int], account: str, rows: Rows, expires_at: float) -> None:
        if account in self.accounts:
            self.data[one.name, account] = (rows, expires_at)

    def withdraw(self, one: Subject[Rows, int], account: str) -> None:
        self.data.pop((one.name, account), None)

    def body(self, exposition: Format) -> bytes:
        text = b""
        for one in SUBJECTS:
            found = [self.data.get((one.name, account), ((), -inf)) for account in self.accounts]
            fragments = [
                render(one, rows, (account,)).of(exposition)
                for account, (rows, expires_at) in zip(self.accounts, found, strict=True)
                if expires_at > self.clock.elapsed()
            ]
            for index, family in enumerate(one.families):
                lines = b"".join(fragment[index] for fragment in fragments)
                text += header(family, exposition) + lines if lines else b""
        return text


accounts = st.sampled_from(NAMES)
rows = st.lists(st.integers(0, 12), max_size=4, unique=True).map(tuple)
steps = st.one_of(
    st.tuples(st.just("arrange"), st.lists(accounts, max_size=3)),
    st.tuples(st.just("put"), st.sampled_from(SUBJECTS), accounts, rows, st.one_of(st.just(inf), st.floats(0, 9))),
    st.tuples(st.just("withdraw"), st.sampled_from(SUBJECTS), accounts),
    st.tuples(st.just("later"), st.floats(0, 3)),
    st.tuples(st.just("scrape"), st.sampled_from(Format)),
)


@settings(max_examples=300)
@given(st.lists(steps, min_size=10, max_size=40))
def test_the_page_is_the_one_that_keeps_nothing(story: list[tuple[object, ...]]) -> None:
    clock = ManualClock()
    page, slow = Page(SUBJECTS, clock=clock), SlowPage(clock)
    page.arrange(NAMES)
    slow.arrange(list(NAMES))
    for step in story:
        match step:
            case ("arrange", list() as names):
                page.arrange(names)
                slow.arrange(names)
            case ("put", Subject() as one, str() as account, tuple() as data, float() as seconds):
                page.put(one, account, data, expires_at=clock.seconds + seconds)
                slow.put(one, account, data, clock.seconds + seconds)
            case ("withdraw", Subject() as one, str() as account):
                page.withdraw((one,), account)
                slow.withdraw(one, account)
            case ("later", float() as seconds):
                clock.advance(seconds)
            case ("scrape", Format() as exposition):
                assert page.body(exposition) == slow.body(exposition)
    for exposition in (*Format, *Format, *Format, *Format):
        assert page.body(exposition) == slow.body(exposition)
        clock.advance(1.3)


CROWD = tuple(f"account-{number}" for number in range(12))
rows_of_a_crowd = st.one_of(
    st.just(()), st.just((1,)), st.sampled_from(range(10, 60)).map(lambda few: tuple(range(few)))
)
changes = st.lists(st.tuples(st.sampled_from(CROWD), rows_of_a_crowd), max_size=3)


@given(st.lists(rows_of_a_crowd, min_size=12, max_size=12), st.lists(changes, max_size=8), st.sampled_from(Format))
def test_a_few_changes_among_many_accounts_give_what_would_be_laid_out_anew(
    begin: list[Rows], story: list[list[tuple[str, Rows]]], exposition: Format
) -> None:
    one = SUBJECTS[2]
    column, pieces = Column(one), {}
    column.arrange(CROWD)
    for step in (list(zip(CROWD, begin, strict=True)), *story):
        for account, rows in step:
            pieces[account] = Piece(render(one, rows, (account,)), inf)
            column.place(account, pieces[account], now=0.0)
        anew = runs_of(one, [pieces[account].fragment for account in CROWD], exposition)
        assert list(column.view().laid(exposition, 0.0).runs) == list(anew)


def parts_of(run: Run) -> list[bytes]:
    return [part for block in run.blocks for part in block.parts]


def test_of_an_account_that_changed_only_the_families_that_did_are_laid_out() -> None:
    moving: Family[int] = Family(name="test_moving", help="A test.", value=lambda row: row)
    still = replace(moving, name="test_still", value=lambda _: 1)
    one: Subject[int, int] = Subject(
        name="long", labels=("n",), rows=lambda data: [((str(n),), data) for n in range(50)], families=(still, moving)
    )
    column, shelves = Column(one), {account: Shelf(account, (one,), limit=UNLIMITED) for account in CROWD}
    column.arrange(CROWD)
    for account, shelf in shelves.items():
        column.place(account, shelf.put(one, 5, inf)[one.name], now=0.0)
    before = column.view().laid(Format.TEXT, 0.0).families
    column.place(CROWD[7], shelves[CROWD[7]].put(one, 6, inf)[one.name], now=0.0)
    after = column.view().laid(Format.TEXT, 0.0).families

    assert after[0] is before[0]
    assert before[1] is not None
    assert after[1] is not None
    parts = zip(parts_of(before[1]), parts_of(after[1]), strict=True)
    assert [place for place, (old, new) in enumerate(parts) if old is not new] == [1 + 7]


def test_blocks_of_accounts_that_did_not_change_are_the_same_ones() -> None:
    page = Page(SUBJECTS, clock=ManualClock())
    page.arrange(NAMES)
    for name in NAMES:
        page.put(SUBJECTS[0], name, tuple(range(100)))
    before = page.blocks(Format.TEXT)
    page.put(SUBJECTS[0], "beta", tuple(range(100)))

    assert page.blocks(Format.TEXT) is before


@given(rows, rows)
def test_lines_that_stay_the_same_are_not_in_memory_twice(before: Rows, after: Rows) -> None:
    one = SUBJECTS[2]
    shelf = Shelf("main", (one,), limit=UNLIMITED)
    old = shelf.put(one, before, inf)[one.name].fragment
    new = shelf.put(one, after, inf)[one.name].fragment

    assert new == render(one, after, ("main",))
    for exposition in Format:
        for was, now in zip(old.of(exposition), new.of(exposition), strict=True):
            assert (was is now) == (was == now)
    assert all(plain is full for plain, full in zip(new.text, new.openmetrics, strict=True))


def test_what_was_laid_out_in_a_format_that_nobody_asks_for_is_let_go_with_the_next_change() -> None:
    page = Page(SUBJECTS, clock=ManualClock())
    page.arrange(NAMES)
    page.put(SUBJECTS[0], "alpha", (1,))
    page.blocks(Format.OPENMETRICS)
    page.put(SUBJECTS[0], "alpha", (2,))
    page.blocks(Format.TEXT)

    assert list(page._laid) == [Format.TEXT]
    assert list(page._columns["first"].laid) == [Format.TEXT]

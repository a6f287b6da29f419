"""Income exactly once: the plan, the reader and the ledger together, against a modelled exchange, whatever happens.

Between any two steps the process may be killed, and at any statement of a transaction the database may fail or the
process die; what was in memory is lost then. However it went, the ledger never holds a row twice or one that the
exchange does not have, and once everything has been shown it holds exactly the exchange's rows. And whether a window
was compared with the database or only with memory, what came of it is what the comparison says.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.clock import ManualClock
from support.statements import before_statements, begins_to_write
from unit.ledger.exchange import START, ModelExchange, multiset, row

from exporter.ledger import DAY, HOUR, AccountBook, Ends, Ledger, Reader, Window, is_due, open_ledger, plan, records
from exporter.ledger.recording import change_of, reading_of
from exporter.model import to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from exporter.ledger import Leaf
    from exporter.ledger.recording import Change
    from exporter.model import IncomeEntry

LIMIT = 4
ALWAYS = Window(START, START + timedelta(days=3650))


class CutError(BaseException):
    """The statement was not carried out: the database failed, or the process dies here."""


class Poller:
    """What a process does for the income of an account, one call at a time; after a failed write it plans anew."""

    def __init__(self, book: AccountBook, ends: Ends) -> None:
        self.book = book
        self.ends = ends
        self.windows: list[Window] = []
        self.reader: Reader | None = None
        self.planned_at = START
        self.last_hourly: datetime | None = None
        self.last_daily: datetime | None = None

    def step(self, exchange: ModelExchange, now: datetime, *, fails: bool = False) -> None:
        if self.reader is None and not self._begin(now):
            return
        assert self.reader is not None
        answer = exchange.show(self.reader.query())
        if fails:
            return
        for leaf in self.reader.feed(answer):
            last = self.reader.done and len(self.windows) == 1
            compared = change(self.book, leaf, baseline_complete=last)
            recorded = self.book.record_window(
                leaf.window,
                leaf.entries,
                cursor=leaf.window.end,
                truncated=leaf.truncated,
                baseline_complete=last,
            )
            assert recorded == compared.recorded()
        if self.reader.done:
            self._end_window()

    def _begin(self, now: datetime) -> bool:
        if not self.windows:
            self.planned_at = now
            self.windows = list(
                plan(
                    epoch=self.book.epoch,
                    cursor=self.book.cursor,
                    now=now,
                    baseline_complete=self.book.baseline_complete,
                    last_hourly=self.last_hourly,
                    last_daily=self.last_daily,
                )
            )
        if not self.windows:
            return False
        self.reader = Reader(
            self.windows[0],
            ends=self.ends,
            limit=LIMIT,
            known_types=self.book.income_types,
            known_symbols=self.book.symbols,
        )
        return True

    def _end_window(self) -> None:
        self.windows.pop(0)
        self.reader = None
        if not self.windows and self.book.baseline_complete:
            if is_due(self.last_hourly, now=self.planned_at, every=HOUR):
                self.last_hourly = self.planned_at
            if is_due(self.last_daily, now=self.planned_at, every=DAY):
                self.last_daily = self.planned_at

    @property
    def idle(self) -> bool:
        return self.reader is None and not self.windows


def change(book: AccountBook, leaf: Leaf, *, baseline_complete: bool) -> Change:
    """Compare a window row by row with what the database has, whatever the book remembers of it."""
    with book._database.reading() as connection:
        mirror = records.load(connection, book.name)
        assert mirror is not None
        reading = reading_of(
            leaf.window,
            leaf.entries,
            epoch_ms=mirror.epoch_ms,
            cursor=leaf.window.end,
            truncated=leaf.truncated,
            baseline_complete=baseline_complete,
        )
        return change_of(connection, mirror.at_least(to_milliseconds(book.cursor)), reading)


@contextmanager
def new_file() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/ledger.db"


class IncomeExactlyOnce(RuleBasedStateMachine):
    def new_database(self) -> AbstractContextManager[str]:
        return new_file()

    @initialize(
        inclusive=st.tuples(st.booleans(), st.booleans()),
        seed=st.integers(0, 99),
        days=st.sampled_from([0, 4, 10]),
        reads=st.booleans(),
    )
    def begin(self, inclusive: tuple[bool, bool], seed: int, days: int, reads: bool) -> None:
        self.place = ExitStack()
        self.url = self.place.enter_context(self.new_database())
        self.clock = ManualClock(calendar=START + timedelta(days=days, hours=1))
        self.exchange = ModelExchange([], LIMIT, *inclusive, seed=seed)
        self.hidden: list[tuple[datetime, IncomeEntry]] = []
        self.ends = Ends()
        self.compacted: Counter[tuple[object, ...]] = Counter()
        self.last_totals: dict[tuple[str, str, str], tuple[object, ...]] = {}
        self.start()
        if reads:
            self._read_to_the_end()

    def start(self) -> None:
        self.ledger: Ledger = open_ledger(self.url, self.clock)
        book = self.ledger.account("main", since=START)
        book.expect([("FUNDING_FEE", symbol, "USDT") for symbol in ("A-USDT", "B-USDT")])
        self.poller = Poller(book, self.ends)

    @rule(
        ago=st.sampled_from([0, 1, 65, 700, 8000, 90000, 3 * 86400]),
        amounts=st.lists(st.sampled_from(["1", "1.0", "-2.5", "0"]), min_size=1, max_size=3),
        income_type=st.sampled_from(["FUNDING_FEE", "TRADING_FEE", "NEWS"]),
        symbol=st.sampled_from(["A-USDT", "B-USDT"]),
        tran_id=st.sampled_from(["", "t1"]),
        hidden_for=st.sampled_from([0, 30, 71, 3000, 80000]),
    )
    def income(
        self, ago: int, amounts: list[str], income_type: str, symbol: str, tran_id: str, hidden_for: int
    ) -> None:
        second = max(0, int((self.clock.now() - START).total_seconds()) - ago)
        for amount in amounts:
            item = row(second, amount, income_type, symbol, tran_id, info=f"{second}{amount}")
            together = [other for other in self.everything() if self._one_question(other, item)]
            if len(together) < LIMIT - 1:  # more than that the exchange could not be made to show
                self.hidden.append((self.clock.now() + timedelta(seconds=hidden_for), item))
        self._reveal()

    @rule(seconds=st.sampled_from([1, 20, 60, 600, 3600, 40000, 86400 * 8]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self._reveal()

    @rule(steps=st.integers(1, 12), fails=st.booleans())
    def poll(self, steps: int, fails: bool) -> None:
        for number in range(steps):
            self.poller.step(self.exchange, self.clock.now(), fails=fails and number == steps - 1)

    @rule(statement=st.integers(1, 14), steps=st.integers(1, 12), dies=st.booleans())
    def poll_and_be_cut_short(self, statement: int, steps: int, dies: bool) -> None:
        self.income(1, ["1"], "FUNDING_FEE", "A-USDT", "", 0)
        self.clock.advance(2)
        left, writing = statement, False

        def cut(statement: str) -> None:
            nonlocal left, writing
            if statement.startswith("BEGIN"):
                writing = begins_to_write(statement)
            if not writing:
                return  # reading changes nothing; it is in the midst of writing that a cut could do harm
            left -= 1
            if left == 0:
                raise CutError

        try:
            with before_statements(cut):
                self.poll(steps, fails=False)
        except CutError:
            self.poller = Poller(self.poller.book, self.ends)
            if dies:
                self.kill()

    @rule()
    def kill(self) -> None:
        self.ledger._database.abandon()
        self.start()

    @rule()
    def restart(self) -> None:
        self.ledger.close()
        self.start()

    @rule(days=st.sampled_from([0, 8, 20]))
    def compact(self, days: int) -> None:
        before = multiset(self.poller.book.entries(ALWAYS))
        self.ledger.compact(self.clock.now() - timedelta(days=days))
        self.compacted += before - multiset(self.poller.book.entries(ALWAYS))

    def entered(self) -> Counter[tuple[object, ...]]:
        return self.compacted + multiset(self.poller.book.entries(ALWAYS))

    @invariant()
    def nothing_is_entered_twice_or_invented(self) -> None:
        assert self.entered() <= multiset(self.exchange.rows)

    @invariant()
    def totals_are_what_the_entries_add_up_to(self) -> None:
        assert self.ledger.verify() == []
        counted = sum(total.entries for total in self.poller.book.totals())
        assert counted == self.entered().total()

    @invariant()
    def totals_never_fall(self) -> None:
        totals = {
            (total.income_type, total.symbol, total.asset): (total.credited, total.debited, total.entries)
            for total in self.poller.book.totals()
        }
        for label, before in self.last_totals.items():
            assert all(was <= now for was, now in zip(before, totals[label], strict=True))  # type: ignore[operator]  # numbers
        self.last_totals = dict(totals)

    @precondition(lambda self: self.poller.idle)
    @rule()
    def read_everything(self) -> None:
        self._read_to_the_end()
        assert self.entered() == multiset(self.exchange.rows)

    def teardown(self) -> None:
        if not hasattr(self, "place"):
            return
        self.clock.advance(86400)
        self._reveal()
        self._read_to_the_end()
        book = self.poller.book
        assert self.entered() == multiset(self.exchange.rows)
        assert book.state().complete
        assert (book.tally.amended, book.tally.vanished) == (0, 0)
        self.ledger.close()
        self.place.close()

    def _read_to_the_end(self) -> None:
        self._finish()
        self.clock.advance(1)  # rows stamped in the running second are read once it is over
        self.poller.last_daily = None
        self.poller.step(self.exchange, self.clock.now())
        self._finish()

    def _finish(self) -> None:
        while not self.poller.idle:
            self.poller.step(self.exchange, self.clock.now())

    def everything(self) -> list[IncomeEntry]:
        return [*self.exchange.rows, *(item for _, item in self.hidden)]

    def _reveal(self) -> None:
        now = self.clock.now()
        self.exchange.rows += [item for due, item in self.hidden if due <= now]
        self.hidden = [(due, item) for due, item in self.hidden if due > now]

    @staticmethod
    def _one_question(one: IncomeEntry, other: IncomeEntry) -> bool:
        return (one.time, one.income_type, one.symbol) == (other.time, other.income_type, other.symbol)


@pytest.mark.parametrize(("engine", "examples"), [("sqlite", 12), ("postgresql", 4)])
def test_income_is_counted_exactly_once_whatever_happens(
    engine: str, examples: int, request: pytest.FixtureRequest
) -> None:
    place = new_file if engine == "sqlite" else request.getfixturevalue("server").database

    class Machine(IncomeExactlyOnce):
        def new_database(self) -> AbstractContextManager[str]:
            return place()

    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=examples, stateful_step_count=20, deadline=None),
    )

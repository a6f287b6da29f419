"""What is kept from scrape to scrape gives the very lines that rendering all of it anew would give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics.api import BUDGET, OFFSET, Budget, ClockOffset
from exporter.metrics.live import Live
from exporter.metrics.render import render

THEN = datetime(2026, 11, 1, tzinfo=UTC)
budgets = st.builds(
    Budget,
    account=st.sampled_from(["main", 'odd "name"\\', "höhe"]),
    endpoint=st.sampled_from(["balance", "positions"]),
    remaining=st.integers(0, 5),
    blocked_until=st.one_of(st.none(), st.builds(lambda at: THEN + timedelta(seconds=at), st.floats(0, 9))),
)


@given(st.lists(st.lists(budgets, max_size=6), max_size=8))
def test_budgets_are_printed_as_if_for_the_first_time(scrapes: list[list[Budget]]) -> None:
    live = Live(BUDGET)
    for scrape in scrapes:
        assert live.render(scrape) == render(BUDGET, scrape)


@given(st.lists(st.lists(st.floats(-9, 9), max_size=3), max_size=5))
def test_so_are_clock_offsets(scrapes: list[list[float]]) -> None:
    live = Live(OFFSET)
    for scrape in scrapes:
        offsets = [ClockOffset(host="host", seconds=seconds) for seconds in scrape]
        assert live.render(iter(offsets)) == render(OFFSET, offsets)


def test_a_list_that_was_changed_in_place_is_seen_to_be_another() -> None:
    live, data = Live(BUDGET), [Budget(account="main", endpoint="balance", remaining=5, blocked_until=None)]
    live.render(data)
    data[0] = data[0]._replace(remaining=4)

    assert live.render(data) == render(BUDGET, data)

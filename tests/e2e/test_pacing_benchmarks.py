"""The benchmarks of pace, with crowds so small that they take seconds: what they say of an exporter at work."""

from __future__ import annotations

from pathlib import Path
from threading import Event

from bench import budget, delay, freshness, page
from bench.budget import Crowd
from bench.paced import paced
from bench.processes import configuration, exchange
from bench.watched import adjusted

FAST: dict[str, dict[str, object]] = {
    "positions": {"interval": "1s"},
    "balance": {"interval": "1s"},
    "income": {"enabled": False},
    "commission_rate": {"enabled": False},
}
FEW = Crowd(accounts=5, addresses=1, collectors=FAST, settle=0.5, seconds=3, scrape=0.5)


def test_polls_tell_how_late_they_began_and_were_over_and_none_begins_while_they_are_held(tmp_path: Path) -> None:
    still = Event()
    with exchange(accounts=2, positions=1, history_days=0, trade_interval=0, funding_interval=0) as running:
        setting = adjusted(configuration(running, tmp_path, accounts=2), FAST)
        with paced(setting) as exporter:
            running.tell("latency", milliseconds=100)
            exporter.take()
            still.wait(2.1)
            polls = exporter.take()
            with exporter.held():
                still.wait(0.5)
                exporter.take()
                still.wait(1.5)
                held = exporter.take()
            still.wait(1)
            freed = exporter.take()
    assert 4 <= len(polls.began) <= 12
    assert all(0 <= late < 1 for late in polls.began)
    assert all(over >= 0.1 for over in polls.over)
    assert held.began == []
    assert max(freed.began) > 0.5
    assert freed.scheduler_cpu > polls.scheduler_cpu > 0


def test_a_crowd_that_fits_is_shown_whole_and_nothing_is_refused() -> None:
    positions, balance, refused, shown, _, oldest = budget.use(FEW)
    assert (refused, shown) == (0, 5)
    assert 0.08 < positions < 0.3
    assert 0.08 < balance < 0.3
    assert oldest > 1


def test_a_crowd_tells_its_calls_its_lateness_and_what_it_costs() -> None:
    calls, refused, median, p99, scheduler, exporter = budget.lateness(FEW)
    assert 4 < calls < 16
    assert refused == 0
    assert 0 <= median <= p99
    assert 0 < scheduler < exporter


def test_a_change_is_seen_after_a_round_trip_at_least() -> None:
    median, p99, longest = freshness.delays(2)
    assert 0.07 < median <= p99 <= longest


def test_scrapes_and_polls_are_timed_together_and_apart() -> None:
    with delay.both(5, interval="1s") as both:
        one = delay.Both(both.exporter, seconds=1.5)
        together, apart = one.polls_and_scrapes(gzip=True), one.scrapes(gzip=False)
        alone = one.polls()
    assert all(figure > 0 for figure in together)
    assert all(figure > 0 for figure in apart[4:])
    assert all(figure > 0 for figure in alone[:4])


def test_a_status_page_is_weighed_and_scrapes_are_timed_beside_those_who_look_at_it() -> None:
    with page.shown(3) as shown:
        size, compressed, made, first = shown.weight()
        alone, beside = (shown.scrapes(looking=looking, seconds=1.5) for looking in (False, True))
    assert size > 2 * compressed > 2
    assert first > made > 0
    assert all(figure > 0 for figure in (*alone[:2], *beside))

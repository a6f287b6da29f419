"""Who polls how often, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.clock import ManualClock
from support.heard import heard
from unit.app.crowds import ALLOWED, POSITIONS, crowd

from exporter.app.budgets import AddressBudget, budgets, sentence
from exporter.app.pacing import Change, Pacing, demands
from exporter.bingx.limits import RULES, Scope
from exporter.bingx.paths import Endpoint
from exporter.config import AccountSettings, load
from exporter.model import CollectorName
from exporter.polling.pace import ANSWER_SECONDS, SPARE, plan, usable


class Bench:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.changes: list[Change] = []
        self.pacing = Pacing(clock=self.clock, rules=RULES)
        self.pacing.tell(self.changes.extend)

    def interval(self, account: str, collector: CollectorName = POSITIONS) -> float:
        return self.pacing.timings(account)[collector].interval

    def next(self, account: str) -> float:
        return self.pacing.timings(account)[POSITIONS].next_tick(self.clock.elapsed())


@pytest.fixture
def bench() -> Bench:
    return Bench()


def told(accounts: tuple[AccountSettings, ...]) -> tuple[AddressBudget, ...]:
    return budgets(plan(demands(accounts, {}), RULES).loads.values())


def test_staleness_counts_in_the_intervals_that_are_in_force(bench: Bench, tmp_path: Path) -> None:
    bench.pacing.arrange(crowd(tmp_path, 1000))

    timing = bench.pacing.timings("a7")[POSITIONS]
    assert timing.interval == pytest.approx(1000 / ALLOWED)
    assert timing.expiry(0.0) == pytest.approx(3 * 1000 / ALLOWED)
    assert bench.interval("a7", CollectorName.INCOME) == 60.0


def test_a_few_accounts_more_where_there_is_room_move_nobody(bench: Bench, tmp_path: Path) -> None:
    bench.pacing.arrange(crowd(tmp_path, 10))
    before = [bench.next(f"a{number}") for number in range(10)]

    bench.clock.advance(0.001)
    bench.pacing.arrange(crowd(tmp_path, 13))

    assert [bench.next(f"a{number}") for number in range(10)] == before
    assert bench.changes == []


def test_an_address_that_comes_moves_nobody_of_another(bench: Bench, tmp_path: Path) -> None:
    everybody = crowd(tmp_path, 250, addresses=2)
    bench.pacing.arrange(everybody)
    before = [bench.next(one.name) for one in everybody]

    bench.clock.advance(0.001)
    bench.pacing.arrange((replace(everybody[0], name="new", source_address="127.0.0.9"), *everybody))

    assert [bench.next(one.name) for one in everybody] == before
    assert plan(demands(everybody, {}), RULES).loads["127.0.0.2", Endpoint.POSITIONS].used > ALLOWED / 2


def test_a_crowd_that_comes_and_goes_changes_the_pace_of_all_and_says_so(bench: Bench, tmp_path: Path) -> None:
    bench.pacing.arrange(crowd(tmp_path, 20))
    bench.pacing.arrange(crowd(tmp_path, 1000))

    grown = {(one.account, one.collector): one for one in bench.changes}
    assert grown["a3", POSITIONS].before == 5.0
    assert grown["a3", POSITIONS].after == pytest.approx(1000 / ALLOWED)
    assert {collector for _, collector in grown} == {POSITIONS, CollectorName.BALANCE}
    assert all(
        bench.next(f"a{number}") - bench.clock.elapsed() == pytest.approx(number / ALLOWED) for number in range(1, 1000)
    )

    bench.changes.clear()
    bench.pacing.arrange(crowd(tmp_path, 20))
    assert {one.after for one in bench.changes} == {5.0, 10.0}
    assert len(bench.changes) == 40


def test_keys_of_one_user_make_room_for_each_other_as_soon_as_they_are_known(bench: Bench, tmp_path: Path) -> None:
    bench.pacing.arrange(crowd(tmp_path, 50))
    assert bench.interval("a0") == 5.0

    with heard() as lines:
        for number in range(40):
            bench.pacing.identified(f"a{number}", "one")

    assert bench.interval("a0") == pytest.approx(40 / usable(RULES, Scope.USER))
    assert bench.interval("a45") == 5.0
    assert "A user is asked for more than the exchange allows" in lines.getvalue()


def test_a_new_key_is_anybodys_again(bench: Bench, tmp_path: Path) -> None:
    accounts = crowd(tmp_path, 40)
    bench.pacing.arrange(accounts)
    for number in range(40):
        bench.pacing.identified(f"a{number}", "one")

    (tmp_path / "config.yaml").write_text((tmp_path / "config.yaml").read_text().replace("some-length-", "another-"))
    bench.pacing.arrange(load(tmp_path / "config.yaml", environ={}).accounts)

    assert bench.interval("a0") == 5.0


def test_an_address_over_its_budget_is_told_once_with_what_would_fit(bench: Bench, tmp_path: Path) -> None:
    accounts = crowd(tmp_path, 1000)
    with heard() as lines:
        bench.pacing.arrange(accounts)
        bench.pacing.arrange(accounts)

    (line,) = lines.getvalue().splitlines()
    assert 'address=default accounts=1000 needed="positions 200.0/s, balance 100.0/s"' in line
    assert 'allowed="29.0/s each" intervals="positions 5s -> 34.5s, balance 10s -> 34.5s"' in line
    assert "accounts_that_fit=144 addresses_needed=7" in line


def test_what_fits_is_not_told(bench: Bench, tmp_path: Path) -> None:
    with heard() as lines:
        bench.pacing.arrange(crowd(tmp_path, 1000, addresses=7))

    assert lines.getvalue() == ""
    assert {bench.interval(f"a{number}") for number in range(1000)} == {5.0}


def test_check_says_how_much_is_used_whether_it_fits_or_not(tmp_path: Path) -> None:
    (few,), (many,) = told(crowd(tmp_path, 3)), told(crowd(tmp_path, 300))

    assert sentence(few) == "address default: 3 accounts ask for 2% of what is allowed; 144 like these would fit."
    assert sentence(many) == (
        "address default: 300 accounts ask for 207% of what is allowed (positions 60.0/s, balance 30.0/s; "
        "29.0/s each), so polls are spaced out: positions 5s -> 10.4s, balance 10s -> 10.4s. As configured "
        "144 accounts would fit, or use 3 addresses (`source_address`, `proxy`)."
    )


def test_as_many_as_are_said_to_fit_do_fit_and_one_more_does_not(tmp_path: Path) -> None:
    (many,) = told(crowd(tmp_path, 300))

    assert [
        told(crowd(tmp_path, number))[0].fits for number in (many.accounts_that_fit, many.accounts_that_fit + 1)
    ] == [
        True,
        False,
    ]
    by_addresses = told(crowd(tmp_path, 300, addresses=many.addresses_needed))
    assert all(one.fits for one in by_addresses)


def test_the_page_about_limits_says_what_the_exporter_says(bench: Bench, tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "limits.md").read_text()
    (few,) = told(crowd(tmp_path, 3))
    assert sentence(few) in page
    with heard() as lines:
        bench.pacing.arrange(crowd(tmp_path, 1000))
    assert lines.getvalue().partition("msg=")[2].strip() in page

    (slow,) = told(crowd(tmp_path, 10, settings=", collectors: {positions: {interval: 10s}}"))
    assert f"all intervals at 10 s {slow.accounts_that_fit}." in page
    shown = (
        f"{ALLOWED:.1f} calls a second",
        f"{usable(RULES, Scope.USER):.1f} of",
        f"{300 / 11:.1f} calls a second",
        f"{ANSWER_SECONDS} seconds are allowed, and {100 * SPARE:.1f} % are left",
    )
    for figure in shown:
        assert figure in " ".join(page.split()), figure

"""How often everybody may poll, and how calls follow each other."""

from __future__ import annotations

from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from exporter.bingx.limits import RULES, Rule, Scope
from exporter.bingx.paths import Endpoint
from exporter.polling.flow import Flow
from exporter.polling.pace import Demand, Plan, Tempo, plan, usable

A_BIT = 1 + 1e-9


def crowd(number: int, interval: float, *, endpoint: Endpoint = Endpoint.POSITIONS, users: int = 0) -> list[Demand]:
    return [
        Demand(
            key=(f"a{index}", endpoint),
            user=f"u{index % users if users else index}",
            address="here",
            endpoint=endpoint,
            interval=interval,
        )
        for index in range(number)
    ]


def demand(**fields: Any) -> Demand:  # noqa: ANN401 - of a class hypothesis would look up types that are not there
    return Demand(**fields)


anybody = st.builds(
    demand,
    key=st.just(("", "")),
    user=st.sampled_from(["u1", "u2", "u3"]),
    address=st.sampled_from(["here", "there"]),
    endpoint=st.sampled_from([Endpoint.POSITIONS, Endpoint.BALANCE]),
    interval=st.floats(0.05, 3600),
)
crowds = st.lists(anybody, max_size=60).map(
    lambda several: [
        Demand(
            key=(f"a{number}", "x"), user=one.user, address=one.address, endpoint=one.endpoint, interval=one.interval
        )
        for number, one in enumerate(several)
    ]
)
rules = st.tuples(
    st.builds(Rule, st.just(Scope.USER), st.integers(1, 20), st.floats(0.5, 5)),
    st.builds(Rule, st.just(Scope.ADDRESS), st.integers(1, 300), st.floats(1, 60)),
)


def asked_of(found: Plan, demands: list[Demand]) -> float:
    return sum(1 / found.paces[one.key].interval for one in demands)


@given(demands=crowds, limits=rules)
def test_what_is_asked_after_stretching_is_never_more_than_is_allowed(
    demands: list[Demand], limits: tuple[Rule, Rule]
) -> None:
    found = plan(demands, limits)

    for endpoint in Endpoint:
        at = [one for one in demands if one.endpoint is endpoint]
        for scope, whose in ((Scope.USER, "user"), (Scope.ADDRESS, "address")):
            for name in {getattr(one, whose) for one in at}:
                group = [one for one in at if getattr(one, whose) == name]
                assert asked_of(found, group) <= usable(limits, scope) * A_BIT


@given(demands=crowds, limits=rules)
def test_nobody_polls_more_often_than_configured_and_nobody_of_one_user_and_address_is_stretched_more_than_another(
    demands: list[Demand], limits: tuple[Rule, Rule]
) -> None:
    found = plan(demands, limits)

    factors: dict[tuple[str, str, Endpoint], set[float]] = {}
    for one in demands:
        factor = found.paces[one.key].interval / one.interval
        assert factor >= 1
        factors.setdefault((one.user, one.address, one.endpoint), set()).add(round(factor, 6))
    for group in factors.values():
        assert max(group) == pytest.approx(min(group), rel=1e-5)


@given(demands=crowds)
def test_what_fits_is_left_as_configured(demands: list[Demand]) -> None:
    roomy = (Rule(Scope.USER, 10_000, 1.0), Rule(Scope.ADDRESS, 100_000, 10.0))

    found = plan(demands, roomy)

    assert all(found.paces[one.key].interval == one.interval for one in demands)
    assert all(load.factor == 1 for load in found.loads.values())


def test_a_thousand_accounts_use_all_but_a_twentieth_of_what_an_address_may_ask() -> None:
    everybody = crowd(1000, 5.0)

    found = plan(everybody, RULES)

    assert 0.95 * 30 < asked_of(found, everybody) < 300 / 10.15
    assert found.loads["here", Endpoint.POSITIONS].factor == pytest.approx(200 / usable(RULES, Scope.ADDRESS))


def test_a_user_who_asks_too_much_is_held_back_alone() -> None:
    greedy = [
        Demand(key=(f"g{index}", "x"), user="greedy", address="here", endpoint=Endpoint.BALANCE, interval=0.5)
        for index in range(100)
    ]
    others = crowd(10, 1.0, endpoint=Endpoint.BALANCE)

    found = plan([*greedy, *others], RULES)

    assert asked_of(found, greedy) == pytest.approx(usable(RULES, Scope.USER))
    assert {found.paces[one.key].interval for one in others} == {1.0}
    assert set(found.crowded) == {one.key for one in greedy}


@given(number=st.integers(1, 2000))
def test_those_who_share_a_budget_are_spread_evenly(number: int) -> None:
    phases = [pace.phase for pace in plan(crowd(number, 5.0), RULES).paces.values()]

    assert phases[0] == 0
    assert [later - earlier for earlier, later in pairwise([*phases, 1.0])] == pytest.approx([1 / number] * number)


def crowd_at(addresses: int, each: int) -> list[Demand]:
    crowds = {f"way{number}": crowd(each, 5.0) for number in range(addresses)}
    return [
        replace(one, address=address, key=(f"{address}/{one.key[0]}", endpoint), endpoint=endpoint)
        for address, members in crowds.items()
        for one in members
        for endpoint in (Endpoint.POSITIONS, Endpoint.BALANCE)
    ]


@given(addresses=st.integers(2, 60), each=st.integers(1, 40))
def test_addresses_take_turns(addresses: int, each: int) -> None:
    paces = plan(crowd_at(addresses, each), RULES).paces
    phases = sorted(pace.phase for (_, endpoint), pace in paces.items() if endpoint is Endpoint.POSITIONS)

    assert 0 <= phases[0] < phases[-1] < 1
    even = 1 / (addresses * each)
    assert min(later - earlier for earlier, later in pairwise([*phases, phases[0] + 1])) > even / 3


def test_what_an_account_is_asked_at_the_same_interval_is_asked_at_the_same_moment() -> None:
    paces = plan(crowd_at(7, 3), RULES).paces

    assert all(pace == paces[name, Endpoint.BALANCE] for (name, _), pace in paces.items())


def test_another_address_moves_nobody() -> None:
    before, after = plan(crowd_at(4, 3), RULES).paces, plan(crowd_at(5, 3), RULES).paces

    assert before.items() < after.items()


@given(burst=st.floats(1, 50), rate=st.floats(1, 100))
def test_calls_follow_each_other_in_the_tempo_after_a_burst(burst: float, rate: float) -> None:
    flow, now, taken = Flow(), 100.0, []
    flow.arrange({("here", Endpoint.BALANCE): Tempo(rate=rate, burst=burst)})
    for _ in range(120):
        now = max(now, flow.opens_at("here", Endpoint.BALANCE))
        flow.take("here", Endpoint.BALANCE, now)
        taken.append(now)

    for number, at in zip(count(1), taken, strict=False):
        assert number <= burst + rate * (at - taken[0]) + 1e-6
    assert taken[-1] - taken[0] <= 120 / rate


def test_a_pool_without_a_tempo_is_not_held_back() -> None:
    flow = Flow()
    flow.take("here", Endpoint.BALANCE, 5.0)

    assert flow.opens_at("here", Endpoint.BALANCE) < 0


def test_a_burst_leaves_the_regular_polls_their_slots() -> None:
    quiet, full = (plan(crowd(number, 5.0), RULES).loads["here", Endpoint.POSITIONS] for number in (50, 140))

    assert quiet.tempo.burst == pytest.approx(300 - 10 * 10.2)
    assert full.tempo.burst == pytest.approx(300 - 28 * 10.2)

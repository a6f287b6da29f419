"""The budgets on the page are those of the limits, account by account, whatever was kept of the scrape before."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from support.bans import banned_until
from support.clock import ManualClock

from exporter.app.allowances import Allowances
from exporter.bingx.errors import PermissionDenied, RateLimited
from exporter.bingx.limits import Caller, Limits, Permit
from exporter.bingx.paths import Endpoint
from exporter.metrics.api import Budget

Asked = list[tuple[Caller, tuple[Endpoint, ...]]]
ENDPOINTS = (Endpoint.BALANCE, Endpoint.POSITIONS, Endpoint.INCOME)
CALLERS = [Caller(user=str(number % 3), address="here", account=f"account-{number}") for number in range(4)]
callers: st.SearchStrategy[Asked] = st.lists(
    st.tuples(st.sampled_from(CALLERS), st.lists(st.sampled_from(ENDPOINTS), unique=True).map(tuple)),
    max_size=4,
    unique_by=lambda asked: asked[0].account,
)


def one_by_one(limits: Limits, clock: ManualClock, asked: Asked) -> tuple[Budget, ...]:
    now, found = clock.elapsed(), []
    for caller, endpoints in asked:
        for endpoint in endpoints:
            until = banned_until(limits, caller, endpoint, now)
            blocked_until = None if until is None else clock.now() + timedelta(seconds=until - now)
            left = limits.remaining(caller, endpoint, now)
            found.append(Budget(account=caller.account, endpoint=endpoint, remaining=left, blocked_until=blocked_until))
    return tuple(found)


@given(
    callers,
    st.lists(
        st.tuples(
            st.none() | callers, st.sampled_from(CALLERS), st.sampled_from(ENDPOINTS), st.booleans(), st.booleans()
        )
    ),
)
def test_budgets_are_what_the_limits_say_one_by_one(
    first: Asked, scrapes: list[tuple[Asked | None, Caller, Endpoint, bool, bool]]
) -> None:
    limits, clock, asked = Limits(), ManualClock(), first
    budgets = Allowances(limits, clock, lambda: asked)
    for other, caller, endpoint, refused, learned in scrapes:
        asked = asked if other is None else other
        if learned:
            limits.identify(caller.user, "2")
        permit = limits.reserve(caller, endpoint, clock.elapsed())
        assert budgets() == one_by_one(limits, clock, asked)
        if isinstance(permit, Permit):
            permit.sent(clock.elapsed())
            error = RateLimited("too many", code=100410) if refused else None
            limits.settle(permit, clock.elapsed(), None, error, clock.elapsed() + 3.7 if refused else None)
        clock.advance(0.7)
        assert budgets() == one_by_one(limits, clock, asked)


def test_a_key_without_a_right_is_never_shown_as_blocked() -> None:
    """Two collectors that are refused earn a hold of minutes, by our own guard; the exchange has banned nobody."""
    limits, clock, caller = Limits(), ManualClock(), CALLERS[0]
    asked = (Endpoint.BALANCE, Endpoint.INCOME, Endpoint.COMMISSION_RATE)
    budgets, longest = Allowances(limits, clock, lambda: [(caller, asked)]), 0.0
    for _ in range(1200):
        for endpoint in asked:
            permit = limits.reserve(caller, endpoint, clock.elapsed())
            if isinstance(permit, Permit):
                permit.sent(clock.elapsed())
                error = None if endpoint is Endpoint.BALANCE else PermissionDenied("no right", code=100004)
                limits.settle(permit, clock.elapsed(), None, error)
            until = limits.blocked_until(caller, endpoint, clock.elapsed())
            longest = max(longest, 0.0 if until is None else until - clock.elapsed())
        assert [budget.blocked_until for budget in budgets()] == [None, None, None]
        clock.advance(1.0)
    assert longest > 120


def test_the_end_of_a_ban_is_told_by_the_clock_as_it_is_set_now() -> None:
    limits, clock, caller = Limits(), ManualClock(), CALLERS[0]
    budgets = Allowances(limits, clock, lambda: [(caller, (Endpoint.BALANCE,))])
    permit = limits.reserve(caller, Endpoint.BALANCE, clock.elapsed())
    assert isinstance(permit, Permit)
    permit.sent(clock.elapsed())
    limits.settle(permit, clock.elapsed(), None, RateLimited("no", code=100410), clock.elapsed() + 300)
    (before,) = budgets()
    clock.calendar += timedelta(seconds=60)
    (after,) = budgets()

    assert before.blocked_until is not None
    assert after.blocked_until == before.blocked_until + timedelta(seconds=60)


def test_a_budget_that_is_what_it_was_is_the_same_object() -> None:
    limits = Limits()
    budgets = Allowances(limits, ManualClock(), lambda: [(caller, ENDPOINTS) for caller in CALLERS])
    before = budgets()
    limits.reserve(CALLERS[0], Endpoint.BALANCE, 0.0)
    after = budgets()

    changed = {one.account for one, other in zip(before, after, strict=True) if one is not other}
    assert changed == {caller.account for caller in CALLERS if caller.user == CALLERS[0].user}


def test_who_has_left_is_not_kept() -> None:
    asked: Asked = [(caller, ENDPOINTS) for caller in CALLERS]
    budgets = Allowances(Limits(), ManualClock(), lambda: asked)
    budgets()
    del asked[1:]

    assert {budget.account for budget in budgets()} == {"account-0"}
    assert len(budgets._told) == 1


def test_a_budget_that_is_whole_again_is_shown_whole() -> None:
    limits, clock, caller = Limits(), ManualClock(), CALLERS[0]
    budgets = Allowances(limits, clock, lambda: [(caller, (Endpoint.BALANCE,))])
    left = [budgets()[0].remaining]
    permit = limits.reserve(caller, Endpoint.BALANCE, clock.elapsed())
    assert isinstance(permit, Permit)
    left.append(budgets()[0].remaining)
    limits.cancel(permit)
    left.append(budgets()[0].remaining)

    assert left == [5, 4, 5]


def test_what_was_told_of_the_others_is_kept_when_a_caller_changes() -> None:
    asked: Asked = [(caller, ENDPOINTS) for caller in CALLERS]
    budgets = Allowances(Limits(), ManualClock(), lambda: asked)
    before = budgets()
    asked[1:2] = [(CALLERS[1]._replace(user="another"), ENDPOINTS[:1])]
    after = budgets()

    assert {one.account for one in after if not any(one is other for other in before)} == {CALLERS[1].account}


def test_what_was_told_is_kept_where_anybody_may_have_moved_and_nobody_has() -> None:
    limits = Limits()
    budgets = Allowances(limits, ManualClock(), lambda: [(caller, ENDPOINTS) for caller in CALLERS])
    before = budgets()
    limits.identify("another key", "another user")

    assert all(one is other for one, other in zip(before, budgets(), strict=True))


def test_where_nothing_has_moved_nothing_is_put_together() -> None:
    limits, clock = Limits(), ManualClock()
    budgets = Allowances(limits, clock, lambda: [(caller, ENDPOINTS) for caller in CALLERS])
    before = budgets()
    clock.advance(1.0)

    assert budgets() is before

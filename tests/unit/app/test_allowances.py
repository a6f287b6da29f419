"""The budgets on the page are those of the limits, account by account, whatever was kept of the scrape before."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from support.clock import ManualClock

from exporter.app.allowances import Allowances
from exporter.bingx.errors import RateLimited
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
            until = limits.blocked_until(caller, endpoint, now)
            blocked_until = None if until is None else clock.now() + timedelta(seconds=until - now)
            left = limits.remaining(caller, endpoint, now)
            found.append(Budget(account=caller.account, endpoint=endpoint, remaining=left, blocked_until=blocked_until))
    return tuple(found)


@given(st.lists(st.tuples(callers, st.sampled_from(CALLERS), st.sampled_from(ENDPOINTS), st.booleans())))
def test_budgets_are_what_the_limits_say_one_by_one(scrapes: list[tuple[Asked, Caller, Endpoint, bool]]) -> None:
    limits, clock, asked = Limits(), ManualClock(), Asked()
    budgets = Allowances(limits, clock, lambda: asked)
    for now_asked, caller, endpoint, refused in scrapes:
        asked[:] = now_asked
        permit = limits.reserve(caller, endpoint, clock.elapsed())
        assert budgets() == one_by_one(limits, clock, asked)
        if isinstance(permit, Permit):
            permit.sent(clock.elapsed())
            error = RateLimited("too many", code=100410) if refused else None
            limits.settle(permit, clock.elapsed(), None, error, clock.elapsed() + 3.7 if refused else None)
        clock.advance(0.7)
        assert budgets() == one_by_one(limits, clock, asked)


def test_only_those_who_were_there_are_kept() -> None:
    asked: Asked = [(caller, ENDPOINTS) for caller in CALLERS]
    budgets = Allowances(Limits(), ManualClock(), lambda: asked)
    budgets()
    del asked[1:]
    budgets()

    assert list(budgets._whole) == [("account-0", ENDPOINTS)]

"""What is read of all accounts in one pass is what is said of each of them, one by one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bans import banned_until

from exporter.bingx.codes import error_for
from exporter.bingx.errors import (
    ERRORS,
    ApiError,
    BadRequest,
    BingxError,
    CallTimeout,
    ExchangeBusy,
    Forbidden,
    InvalidKey,
    PermissionDenied,
    RateLimited,
)
from exporter.bingx.limits import RULES, Caller, Limits, Permit, Remaining, Rule, Scope
from exporter.bingx.overview import Overview
from exporter.bingx.paths import Endpoint

SIGNED = [endpoint for endpoint in Endpoint if endpoint.signed]
CALLERS = [
    Caller(user=user, address=address, account=account)
    for account, user, address in (
        ("alpha", "1", "here"),
        ("alpha-2", "1", "here"),
        ("beta", "key b", "here"),
        ("beta-2", "2", "there"),
        ("far", "3", "there"),
    )
]
KINDS: list[BingxError | None] = [
    None,
    RateLimited("too many", code=100410),
    error_for(100410, "your IP is banned, unblocked after 1730000000000"),
    Forbidden("no"),
    InvalidKey("Incorrect apiKey", code=100413),
    PermissionDenied("no right", code=100004),
    BadRequest("no", code=109400),
    ExchangeBusy("busy", code=100500),
    CallTimeout("late"),
]
TWICE = (Rule(Scope.USER, 5, 20.0), Rule(Scope.USER, 5, 1.0), Rule(Scope.ADDRESS, 9, 1.0), Rule(Scope.ADDRESS, 9, 10.0))
RULE_SETS = (RULES, (Rule(Scope.USER, 2, 1.0), Rule(Scope.ADDRESS, 3, 10.0)), (Rule(Scope.ADDRESS, 4, 2.0),), TWICE, ())


def check(limits: Limits, now: float, before: Overview | None = None) -> Overview:
    overview = limits.overview(now)
    moved = None if before is None else overview.moved_since(before)
    for caller in CALLERS:
        if before is not None and moved is not None and overview.user_of(caller) not in moved:
            assert overview.standing(caller, tuple(SIGNED)) == before.standing(caller, tuple(SIGNED))
        for endpoint in SIGNED:
            said = limits.remaining(caller, endpoint, now), banned_until(limits, caller, endpoint, now)
            assert overview.of(caller, endpoint) == said
            assert overview.standing(caller, (endpoint,)) == (said,)
    return overview


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(RULE_SETS))
def test_the_overview_says_what_is_said_one_by_one(data: st.DataObject, rules: tuple[Rule, ...]) -> None:
    limits, now = Limits(rules), 0.0
    under_way: list[Permit] = []
    overview = limits.overview(now)
    for _ in range(data.draw(st.integers(1, 40))):
        now += data.draw(st.sampled_from([0.0, 0.01, 0.3, 1.0, 5.0, 30.0, 100.0]))
        what = data.draw(
            st.sampled_from(["call", "call", "call", "answer", "answer", "give back", "identify", "forget"])
        )
        if what == "call":
            caller, endpoint = data.draw(st.sampled_from(CALLERS)), data.draw(st.sampled_from(list(Endpoint)))
            got = limits.reserve(caller, endpoint, now)
            if isinstance(got, Permit):
                under_way.append(got)
        elif what == "answer" and under_way:
            permit = under_way.pop(data.draw(st.integers(0, len(under_way) - 1)))
            permit.sent(now)
            left = data.draw(st.sampled_from([None, Remaining(0, 3.0), Remaining(2, 1.0), Remaining(9, 90.0)]))
            until = data.draw(st.sampled_from([None, now + 7.0, now + 300.0]))
            limits.settle(permit, now, left, data.draw(st.sampled_from(KINDS)), until)
        elif what == "give back" and under_way:
            limits.cancel(under_way.pop())
        elif what == "identify":
            limits.identify("key b", "2")
        elif what == "forget":
            limits.forget(data.draw(st.sampled_from(CALLERS)).account)
        overview = check(limits, now, overview)
    for later in (0.5, 1.0, 12.0, 500.0):
        overview = check(limits, now + later, overview)


def test_an_error_that_came_as_often_as_we_let_it_is_no_ban() -> None:
    """The exchange has banned nobody: it is we who stop before it does."""
    limits, now, alpha = Limits(), 0.0, CALLERS[0]
    for number in range(29):
        permit = limits.reserve(alpha, Endpoint.INCOME, now)
        assert isinstance(permit, Permit)
        permit.sent(now)
        limits.settle(permit, now, None, None if number % 2 else PermissionDenied("no right", code=100004))
        now += 1 if number % 2 else 10

    assert limits.blocked_until(alpha, Endpoint.INCOME, now) == 480.0
    assert banned_until(limits, alpha, Endpoint.INCOME, now) is None
    check(limits, now)


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.reason)
def test_only_what_the_exchange_blocks_is_in_the_overview(kind: type[BingxError]) -> None:
    limits, alpha = Limits(), CALLERS[0]
    permit = limits.reserve(alpha, Endpoint.BALANCE, 0.0)
    assert isinstance(permit, Permit)
    permit.sent(0.0)
    limits.settle(permit, 0.1, None, kind("no", code=1) if issubclass(kind, ApiError) else kind("no"))

    of_the_exchange = issubclass(kind, (RateLimited, Forbidden))
    left = 0 if kind is RateLimited else 4
    assert limits.overview(0.2).of(alpha, Endpoint.BALANCE) == (left, 10.1 if of_the_exchange else None)


@pytest.mark.parametrize("ends", [(300.0, 60.0), (60.0, 300.0)])
def test_of_two_bans_the_longer_one_counts(ends: tuple[float, float]) -> None:
    """One of the user and one of the address, which does not concern who calls from elsewhere."""
    errors = (RateLimited("too many", code=100410), error_for(100410, "your IP is banned"))
    limits, alpha = Limits(), CALLERS[0]
    permits = [limits.reserve(alpha, Endpoint.BALANCE, 0.0) for _ in ends]
    for permit, error, until in zip(permits, errors, ends, strict=True):
        assert isinstance(permit, Permit)
        permit.sent(0.0)
        limits.settle(permit, 0.1, None, error, until)

    assert limits.overview(0.2).of(alpha, Endpoint.BALANCE) == (0, 300.0)
    assert limits.overview(0.2).of(alpha, Endpoint.INCOME) == (5, ends[1])
    check(limits, 0.2)


def test_of_two_rules_the_stricter_one_counts() -> None:
    limits, alpha = Limits(TWICE), CALLERS[0]
    permit = limits.reserve(alpha, Endpoint.BALANCE, 0.0)
    assert isinstance(permit, Permit)
    permit.sent(0.0)
    limits.settle(permit, 0.0)

    assert limits.overview(2.0).of(alpha, Endpoint.BALANCE) == (4, None)
    check(limits, 2.0)


def test_who_has_called_and_whose_slots_are_free_again_is_no_exception_any_more() -> None:
    limits, alpha = Limits(), CALLERS[0]
    permit = limits.reserve(alpha, Endpoint.BALANCE, 0.0)
    assert isinstance(permit, Permit)
    permit.sent(0.0)
    limits.settle(permit, 0.1)

    assert limits.overview(1.0).of(alpha, Endpoint.BALANCE) == (4, None)
    assert limits.overview(1.2).of(alpha, Endpoint.BALANCE) == (5, None)
    limits.overview(10.2)
    assert not limits._open


def test_whom_nothing_concerns_stands_as_all_of_the_address() -> None:
    limits = Limits()
    limits.reserve(CALLERS[0], Endpoint.BALANCE, 0.0)
    others = [Caller(user=f"other {number}", address=address, account="") for number in (1, 2) for address in "ab"]

    overview = limits.overview(0.0)
    one, elsewhere, another, _ = (overview.standing(caller, tuple(SIGNED)) for caller in others)

    assert one is another
    assert one is not elsewhere
    assert overview.standing(CALLERS[0], tuple(SIGNED)) != one


def test_of_a_call_without_a_key_the_overview_says_nothing() -> None:
    with pytest.raises(KeyError):
        Limits().overview(0.0).of(CALLERS[0], Endpoint.SERVER_TIME)


def test_only_who_has_called_has_moved() -> None:
    limits, alpha = Limits(), CALLERS[0]
    before = limits.overview(0.0)
    permit = limits.reserve(alpha, Endpoint.BALANCE, 0.0)
    assert isinstance(permit, Permit)
    called = limits.overview(0.0)
    limits.cancel(permit)

    assert called.moved_since(before) == {alpha.user}
    assert called.moved_since(called) == set()
    assert limits.overview(0.0).moved_since(called) == {alpha.user}
    assert limits.overview(0.0).moved_since(before) == set()


def test_anybody_may_have_moved_where_a_key_changed_hands() -> None:
    limits = Limits()
    before = limits.overview(0.0)
    limits.identify("key b", "2")

    assert limits.overview(0.0).moved_since(before) is None


@pytest.mark.parametrize(("text", "moved"), [("too many", {"1"}), ("your IP is banned", None)])
def test_whom_the_exchange_bans_has_moved_until_after_it_and_with_an_address_anybody_has(
    text: str, moved: set[str] | None
) -> None:
    limits, alpha = Limits(), CALLERS[0]
    permit = limits.reserve(alpha, Endpoint.BALANCE, 0.0)
    assert isinstance(permit, Permit)
    permit.sent(0.0)
    limits.settle(permit, 0.1, None, error_for(100410, text), 60.0)
    during, still, after = (limits.overview(now) for now in (20.0, 30.0, 70.0))

    assert still.moved_since(during) == moved
    assert after.moved_since(still) == moved
    assert after.moved_since(after) == set()

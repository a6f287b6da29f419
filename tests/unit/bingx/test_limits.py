from __future__ import annotations

import heapq
from collections import Counter, deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.bingx.codes import error_for
from exporter.bingx.endpoints import Endpoint
from exporter.bingx.errors import (
    BadRequest,
    BingxError,
    CallTimeout,
    ConnectionFailed,
    ExchangeBusy,
    Forbidden,
    HttpServerError,
    InvalidKey,
    PermissionDenied,
    RateLimited,
)
from exporter.bingx.limits import Caller, Limits, Permit, Remaining, Rule, Scope, Wait

BALANCE, POSITIONS, INCOME = Endpoint.BALANCE, Endpoint.POSITIONS, Endpoint.INCOME
ALPHA = Caller(user="1", address="here", account="alpha")
BETA = Caller(user="2", address="here", account="beta")
ALPHA_TWIN = Caller(user="1", address="here", account="alpha-2")
KEY = Caller(user="key abc", address="here", account="alpha")
GAMMA = Caller(user="4", address="here", account="gamma")
FAR = Caller(user="3", address="there", account="far")
REFUSED = RateLimited("too many", code=100410)
BAD_KEY = InvalidKey("Incorrect apiKey", code=100413)
NO_RIGHT = PermissionDenied("no right", code=100004)


def permit(limits: Limits, caller: Caller = ALPHA, endpoint: Endpoint = BALANCE, now: float = 0.0) -> Permit:
    got = limits.reserve(caller, endpoint, now)
    assert isinstance(got, Permit), got
    return got


def wait(limits: Limits, caller: Caller = ALPHA, endpoint: Endpoint = BALANCE, now: float = 0.0) -> float:
    got = limits.reserve(caller, endpoint, now)
    assert isinstance(got, Wait), "a permit where there should be none"
    assert got.until > now
    return got.until


def free(limits: Limits, caller: Caller = ALPHA, endpoint: Endpoint = BALANCE, now: float = 0.0) -> bool:
    got = limits.reserve(caller, endpoint, now)
    if isinstance(got, Permit):
        limits.cancel(got)
    return isinstance(got, Permit)


def call(
    limits: Limits,
    error: BingxError | None = None,
    *,
    caller: Caller = ALPHA,
    endpoint: Endpoint = BALANCE,
    now: float = 0.0,
    retry_at: float | None = None,
) -> None:
    got = permit(limits, caller, endpoint, now)
    got.sent(now)
    limits.settle(got, now, None, error, retry_at)


def test_a_user_has_five_calls_of_an_endpoint_in_flight_and_no_more() -> None:
    limits = Limits()
    for left in range(5, 0, -1):
        assert limits.remaining(ALPHA, BALANCE, 0) == left
        permit(limits)
    assert limits.remaining(ALPHA, BALANCE, 0) == 0
    assert wait(limits, now=100) == 101  # an answer at this moment would free a slot one second later
    assert free(limits, endpoint=POSITIONS)
    assert free(limits, caller=BETA)


def test_a_slot_is_free_again_one_second_after_the_answer() -> None:
    limits = Limits()
    permits = [permit(limits) for _ in range(5)]
    permits[0].sent(0)
    limits.settle(permits[0], 3.0)
    assert wait(limits, now=3.5) == 4.0
    assert free(limits, now=4.0)


def test_keys_of_one_user_share_its_budget() -> None:
    limits = Limits()
    for _ in range(5):
        permit(limits)
    wait(limits, caller=ALPHA_TWIN)


def test_what_a_key_has_used_up_counts_for_its_user_once_that_is_known() -> None:
    limits = Limits()
    for _ in range(2):
        call(limits, caller=KEY)
    under_way = permit(limits, KEY)
    under_way.sent(0.0)

    limits.identify(KEY.user, ALPHA.user)

    assert limits.remaining(ALPHA, BALANCE, 0.5) == 2
    limits.settle(under_way, 0.6)
    assert limits.remaining(ALPHA, BALANCE, 1.5) == 4
    assert limits.remaining(ALPHA, BALANCE, 1.6) == 5


def test_the_ban_of_a_key_is_its_users_once_that_is_known() -> None:
    limits = Limits()
    call(limits, REFUSED, caller=KEY, retry_at=100.0)
    call(limits, REFUSED, caller=KEY, endpoint=POSITIONS)

    limits.identify(KEY.user, ALPHA.user)

    assert wait(limits, ALPHA_TWIN, now=1.0) == 100.0
    assert wait(limits, ALPHA_TWIN, POSITIONS, now=1.0) == 10.0


def test_the_ban_of_a_call_that_was_under_way_when_its_user_became_known_is_the_users() -> None:
    limits = Limits()
    under_way = permit(limits, KEY)
    under_way.sent(0.0)

    limits.identify(KEY.user, ALPHA.user)
    limits.settle(under_way, 1.0, None, REFUSED, 300.0)

    assert wait(limits, ALPHA_TWIN, now=2.0) == 300.0
    assert limits.blocked_until(KEY, BALANCE, 2.0) == 300.0


def test_a_user_that_gets_another_name_keeps_what_it_used_up() -> None:
    limits = Limits()
    for _ in range(3):
        call(limits, caller=KEY)
    limits.identify(KEY.user, "short")

    limits.identify("short", ALPHA.user)

    assert limits.remaining(ALPHA, BALANCE, 0.5) == 2
    assert limits.remaining(KEY, BALANCE, 0.5) == 2


def test_what_the_exchange_said_is_left_to_a_key_is_left_to_its_user() -> None:
    limits = Limits()
    got = permit(limits, KEY)
    got.sent(0.0)
    limits.settle(got, 0.0, Remaining(requests=0, expires_in=0.9))

    limits.identify(KEY.user, ALPHA.user)

    assert limits.remaining(ALPHA, BALANCE, 0.5) == 0


def test_a_connection_that_had_gone_says_nothing_of_a_pause() -> None:
    limits = Limits()
    call(limits, NO_RIGHT, endpoint=INCOME)
    stale = ConnectionFailed("closed meanwhile")
    stale.stale = True

    call(limits, stale, endpoint=INCOME, now=10.0)

    assert free(limits, endpoint=INCOME, now=10.0)


def test_an_end_of_a_ban_that_is_farther_than_a_day_is_not_believed() -> None:
    limits = Limits()
    call(limits, REFUSED, retry_at=1e9)

    assert wait(limits, now=1.0) == 10.0


def test_the_equal_errors_of_a_key_are_its_users_once_that_is_known() -> None:
    limits = Limits()
    for number in range(15):
        call(limits, NO_RIGHT, caller=KEY, endpoint=INCOME, now=number * 11.0)
        if number < 14:
            call(limits, caller=KEY, endpoint=INCOME, now=number * 11.0 + 10)

    limits.identify(KEY.user, ALPHA.user)

    assert wait(limits, ALPHA_TWIN, INCOME, now=160.0) == 480.0


def test_an_address_has_three_hundred_calls_of_an_endpoint_in_ten_seconds() -> None:
    limits = Limits()
    for user in range(60):
        for _ in range(5):
            call(limits, caller=Caller(user=f"u{user}", address="here", account=f"a{user}"))
    assert wait(limits, now=5.0) == 10.0
    assert free(limits, now=10.0)
    assert free(limits, caller=FAR)


def test_the_server_time_counts_for_the_address_only() -> None:
    limits = Limits(rules=(Rule(Scope.USER, 1, 1.0), Rule(Scope.ADDRESS, 3, 10.0)))
    for _ in range(3):
        call(limits, endpoint=Endpoint.SERVER_TIME)
    wait(limits, endpoint=Endpoint.SERVER_TIME)


def test_a_permit_is_good_for_one_call() -> None:
    limits = Limits()
    one = permit(limits)
    one.sent(0)
    with pytest.raises(ValueError, match="used before"):
        one.sent(0)
    back = permit(limits)
    limits.cancel(back)
    with pytest.raises(ValueError, match="used before"):
        back.sent(0)


def test_a_permit_given_back_holds_no_slot_and_one_used_cannot_be_given_back() -> None:
    limits = Limits()
    for _ in range(20):
        limits.cancel(permit(limits))
    used = permit(limits)
    used.sent(0)
    limits.cancel(used)
    assert limits.remaining(ALPHA, BALANCE, 0) == 4
    limits.settle(used, 0)
    limits.settle(used, 0)
    assert limits.remaining(ALPHA, BALANCE, 0) == 4
    assert limits.remaining(ALPHA, BALANCE, 1.0) == 5


def test_the_exchange_is_believed_when_it_says_less_than_we_think() -> None:
    limits = Limits()
    got, under_way = permit(limits), permit(limits)
    got.sent(0)
    limits.settle(got, 0.1, Remaining(requests=3, expires_in=0.8))
    assert limits.remaining(ALPHA, BALANCE, 0.1) == 2
    under_way.sent(0.1)
    for _ in range(2):
        permit(limits, now=0.2)
    assert wait(limits, now=0.2) == pytest.approx(0.9)
    assert free(limits, now=0.9)
    assert limits.remaining(BETA, BALANCE, 0.1) == 5


def test_when_somebody_else_uses_the_budget_half_of_it_and_of_what_is_left_now_is_his() -> None:
    limits = Limits()
    got = permit(limits)
    got.sent(0)
    limits.settle(got, 0.1, Remaining(requests=3, expires_in=0.8))

    assert limits.remaining(ALPHA, BALANCE, 0.1) == 1
    permit(limits, now=0.2)
    assert wait(limits, now=0.2) == pytest.approx(1.1)
    assert limits.remaining(ALPHA, BALANCE, 1.1) == 1
    assert limits.remaining(ALPHA, POSITIONS, 0.1) == 5
    assert limits.remaining(ALPHA, BALANCE, 60.0) == 1
    assert limits.remaining(ALPHA, BALANCE, 60.1) == 4


def test_calls_of_a_key_are_not_taken_for_those_of_somebody_else_when_its_user_becomes_known() -> None:
    limits = Limits()
    calls = [permit(limits, KEY), permit(limits), permit(limits), permit(limits, KEY)]
    limits.identify(KEY.user, ALPHA.user)
    for left, one in zip((4, 3, 2, 1), calls, strict=True):
        one.sent(0)
        limits.settle(one, 0.1, Remaining(requests=left, expires_in=1))

    assert limits.remaining(ALPHA, BALANCE, 1.2) == 5


def test_the_company_that_a_key_has_is_its_users_once_that_is_known() -> None:
    limits = Limits()
    call(limits, REFUSED, caller=KEY, retry_at=0.2)
    limits.identify(KEY.user, ALPHA.user)

    assert limits.remaining(ALPHA, BALANCE, 1.1) == 2
    assert limits.remaining(ALPHA, BALANCE, 60.2) == 5


def test_a_refused_call_halves_the_share_until_a_minute_after_the_ban() -> None:
    limits = Limits()
    shares = []
    now = 0.0
    for _ in range(3):
        call(limits, REFUSED, now=now, retry_at=now + 0.2)
        assert limits.remaining(ALPHA, BALANCE, now + 0.9) == 0
        now += 1.1
        shares.append(limits.remaining(ALPHA, BALANCE, now))
    assert shares == [2, 1, 1]
    call(limits, REFUSED, now=now, retry_at=300.0)
    assert limits.remaining(ALPHA, BALANCE, 359.9) == 1
    assert limits.remaining(ALPHA, BALANCE, 360.0) == 5


def test_a_refusal_of_the_whole_address_says_nothing_of_the_users_share() -> None:
    limits = Limits()
    call(limits, error_for(100410, "your IP is banned, unblocked after 1730000000000"), retry_at=3.0)

    assert limits.remaining(ALPHA, BALANCE, 3.0) == 5


def test_who_reads_on_leaves_the_last_call_to_other_programs_of_the_user() -> None:
    limits = Limits()
    reading = ALPHA._replace(leaves=1)
    for number in range(4):
        call(limits, caller=reading, now=number / 10)

    assert wait(limits, reading, now=0.5) == 1.0
    assert free(limits, now=0.5)
    assert free(limits, reading, now=1.0)
    assert free(Limits((Rule(Scope.USER, 1, 1.0),)), reading)


def test_the_exchange_is_not_believed_when_it_says_more() -> None:
    limits = Limits()
    got = permit(limits)
    got.sent(0)
    limits.settle(got, 0, Remaining(requests=40, expires_in=1))
    assert limits.remaining(ALPHA, BALANCE, 0) == 4


def test_a_named_ban_holds_the_user_and_endpoint_until_that_moment() -> None:
    limits = Limits()
    call(limits, REFUSED, retry_at=300.5)
    assert wait(limits, now=300.4) == 300.5
    assert limits.blocked_until(ALPHA, BALANCE, 10) == 300.5
    assert not free(limits, caller=ALPHA_TWIN)
    assert free(limits, caller=BETA)
    assert free(limits, endpoint=POSITIONS)
    assert free(limits, now=300.5)
    assert limits.blocked_until(ALPHA, BALANCE, 300.5) is None


def test_behind_a_named_ban_one_call_goes_out_to_see_and_the_others_wait_for_its_answer() -> None:
    limits = Limits()
    call(limits, REFUSED, retry_at=300.0)
    probe = permit(limits, now=300.0)
    assert wait(limits, ALPHA_TWIN, now=300.0) == 301.0
    probe.sent(300.0)
    limits.settle(probe, 300.5)
    assert free(limits, ALPHA_TWIN, now=300.5)


def test_a_second_named_ban_is_waited_out_by_all_and_seen_by_one() -> None:
    limits = Limits()
    call(limits, REFUSED, retry_at=300.0)
    call(limits, REFUSED, now=300.0, retry_at=900.0)
    assert wait(limits, ALPHA_TWIN, now=301.0) == 900.0
    permit(limits, now=900.0)
    wait(limits, ALPHA_TWIN, now=900.0)


def test_a_call_behind_a_ban_that_nobody_answers_is_made_again_after_a_second() -> None:
    limits = Limits()
    call(limits, REFUSED, retry_at=300.0)
    call(limits, CallTimeout(), now=300.0)
    assert wait(limits, now=300.0) == 301.0
    call(limits, NO_RIGHT, now=301.0)
    assert free(limits, ALPHA_TWIN, now=302.0)


def test_an_answer_to_a_call_from_before_a_ban_does_not_end_it() -> None:
    limits = Limits()
    early = permit(limits)
    early.sent(0.0)
    call(limits, REFUSED, now=1.0, retry_at=300.0)
    limits.settle(early, 2.0)
    assert wait(limits, now=2.0) == 300.0
    permit(limits, now=300.0)
    wait(limits, now=300.0)


def test_the_bans_of_two_users_say_nothing_of_their_address() -> None:
    limits = Limits()
    call(limits, REFUSED, retry_at=300.0)
    call(limits, REFUSED, caller=BETA)
    assert free(limits, Caller(user="9", address="here", account="gamma"))


def test_a_ban_that_went_on_without_an_end_counts_when_a_second_user_is_refused() -> None:
    limits = Limits()
    gamma = Caller(user="9", address="here", account="gamma")
    call(limits, REFUSED, retry_at=300.0)
    call(limits, REFUSED, now=300.0)
    assert free(limits, gamma, now=300.0)

    call(limits, REFUSED, caller=BETA, now=301.0)

    assert wait(limits, gamma, now=301.0) == 311.0


def test_who_failed_last_is_known_until_a_good_answer() -> None:
    limits = Limits()
    assert not limits.is_retry(ALPHA, BALANCE)
    call(limits, CallTimeout())
    assert limits.is_retry(ALPHA, BALANCE)
    assert not limits.is_retry(ALPHA, POSITIONS)
    assert not limits.is_retry(BETA, BALANCE)
    call(limits)
    assert not limits.is_retry(ALPHA, BALANCE)
    call(limits, CallTimeout())
    limits.forget(ALPHA.account)
    assert not limits.is_retry(ALPHA, BALANCE)


def test_a_ban_that_speaks_of_the_ip_holds_the_whole_address() -> None:
    limits = Limits()
    error = error_for(100410, "your IP is banned, unblocked after 1730000000000")
    call(limits, error, retry_at=300)
    for caller in (ALPHA, BETA):
        assert wait(limits, caller=caller, endpoint=POSITIONS, now=299) == 300
    assert not free(limits, endpoint=Endpoint.SERVER_TIME, now=299)
    assert free(limits, caller=FAR, now=299)


@pytest.mark.parametrize("error", [REFUSED, Forbidden("HTTP status 403", status=403)])
def test_a_refusal_without_an_end_is_waited_out_ten_seconds_doubling_to_five_minutes(error: BingxError) -> None:
    limits = Limits()
    now, pauses = 0.0, []
    for _ in range(7):
        call(limits, error, now=now)
        until = wait(limits, now=now)
        pauses.append(until - now)
        now = until
    assert pauses == [10, 20, 40, 80, 160, 300, 300]
    call(limits, now=now)
    call(limits, error, now=now + 1)
    assert wait(limits, now=now + 1) == now + 11


def test_a_second_user_that_is_refused_shows_that_the_address_is_meant() -> None:
    limits = Limits()
    gamma = Caller(user="9", address="here", account="gamma")
    call(limits, REFUSED)
    assert free(limits, caller=gamma)
    call(limits, REFUSED, caller=BETA, now=1)
    assert wait(limits, caller=gamma, now=1) == 11
    assert free(limits, caller=gamma, endpoint=POSITIONS, now=1)
    assert free(limits, caller=FAR, now=1)


def test_a_refused_key_holds_the_whole_account_and_then_one_call_goes_out_to_see() -> None:
    limits = Limits()
    call(limits, BAD_KEY)
    for endpoint in (BALANCE, POSITIONS, INCOME):
        assert wait(limits, endpoint=endpoint) == 10
    assert free(limits, caller=BETA)
    assert free(limits, caller=ALPHA_TWIN)
    probe = permit(limits, endpoint=POSITIONS, now=10)
    for endpoint in (BALANCE, POSITIONS, INCOME):
        assert wait(limits, endpoint=endpoint, now=10.5) == 11.5
    probe.sent(10)
    limits.settle(probe, 12)
    assert all(free(limits, endpoint=endpoint, now=12) for endpoint in (BALANCE, POSITIONS, INCOME))


def test_a_probe_that_is_never_made_lets_another_one_out() -> None:
    limits = Limits()
    call(limits, BAD_KEY)
    limits.cancel(permit(limits, now=10))
    permit(limits, endpoint=INCOME, now=10)


def test_a_probe_that_says_nothing_prolongs_the_pause_as_it_was() -> None:
    limits = Limits()
    call(limits, BAD_KEY)
    call(limits, CallTimeout(), now=10)
    assert wait(limits, now=10) == 20
    call(limits, BAD_KEY, now=20)
    assert wait(limits, now=20) == 40


@pytest.mark.parametrize("error", [NO_RIGHT, BadRequest("what", code=100400)])
def test_another_no_than_to_the_key_shows_that_the_key_works(error: BingxError) -> None:
    limits = Limits()
    call(limits, BAD_KEY)
    call(limits, error, endpoint=INCOME, now=10)
    assert free(limits, now=10)
    assert not free(limits, endpoint=INCOME, now=10)


def test_answers_to_calls_from_before_a_pause_neither_end_nor_prolong_it() -> None:
    limits = Limits()
    early = [permit(limits, endpoint=endpoint) for endpoint in (BALANCE, POSITIONS, INCOME)]
    for one in early:
        one.sent(0)
    limits.settle(early[0], 1, None, BAD_KEY)
    limits.settle(early[1], 2, None, BAD_KEY)
    limits.settle(early[2], 3, None, None)
    assert wait(limits, now=3) == 11


@pytest.mark.parametrize("refusal", [BAD_KEY, Forbidden("HTTP status 403", status=403)])
@pytest.mark.parametrize("good", [False, True])
def test_a_call_let_out_before_a_pause_neither_ends_nor_prolongs_it_though_it_is_sent_later(
    refusal: BingxError, *, good: bool
) -> None:
    limits = Limits()
    first, second = permit(limits), permit(limits)
    first.sent(0.9)
    limits.settle(first, 1.0, None, refusal)
    second.sent(1.1)
    limits.settle(second, 1.2, None, None if good else refusal)

    assert wait(limits, now=1.2) == 11.0
    call(limits, refusal, now=11.0)
    assert wait(limits, now=11.0) == 31.0


def two_keys_refused(limits: Limits) -> Caller:
    """Have two keys of one user, at two addresses, refused one after the other, before anybody knows that user."""
    other = Caller(user="another key", address="there", account="beta")
    for caller, now in ((KEY, 0.1), (other, 0.3)):
        call(limits, Forbidden("HTTP status 403", status=403), caller=caller, now=now)
    return other


@pytest.mark.parametrize("goes_out", [10.1, 10.4])
def test_who_is_out_to_see_when_two_keys_turn_out_to_be_one_users_sees_for_both(goes_out: float) -> None:
    limits = Limits()
    other = two_keys_refused(limits)
    probe = permit(limits, KEY, now=goes_out)
    probe.sent(goes_out)

    for caller in (KEY, other):
        limits.identify(caller.user, ALPHA.user)
    assert not free(limits, other, now=10.5)
    limits.settle(probe, 10.6, None, Forbidden("HTTP status 403", status=403))

    assert wait(limits, other, now=10.6) == pytest.approx(30.6)


def test_who_was_out_before_the_pause_of_the_other_key_began_does_not_see_for_that() -> None:
    limits = Limits()
    other = Caller(user="another key", address="there", account="beta")
    refusal = Forbidden("HTTP status 403", status=403)
    call(limits, refusal, caller=KEY, now=0.0)
    probe = permit(limits, KEY, now=10.0)
    probe.sent(10.0)
    call(limits, refusal, caller=other, now=10.1)

    for caller in (KEY, other):
        limits.identify(caller.user, ALPHA.user)
    limits.settle(probe, 10.3)

    assert wait(limits, other, now=10.3) == pytest.approx(20.1)


def test_a_missing_right_thins_out_its_endpoint_and_no_other() -> None:
    limits = Limits()
    now = 0.0
    for pause in (10, 20, 40):
        call(limits, NO_RIGHT, endpoint=INCOME, now=now)
        assert wait(limits, endpoint=INCOME, now=now) == now + pause
        assert free(limits, now=now)
        now += pause


@pytest.mark.parametrize("error", [ExchangeBusy("busy", code=100500), HttpServerError("502", status=502)])
def test_trouble_of_the_exchange_is_met_with_short_pauses(error: BingxError) -> None:
    limits = Limits()
    now, pauses = 0.0, []
    for _ in range(8):
        call(limits, error, now=now)
        until = wait(limits, now=now)
        pauses.append(until - now)
        now = until
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_transport_failure_is_the_business_of_the_schedule() -> None:
    limits = Limits()
    call(limits, CallTimeout())
    assert free(limits)


def test_an_error_that_comes_and_goes_is_stopped_at_fifteen_in_eight_minutes() -> None:
    """A good answer ends each pause, so only the count is left to keep the exchange's ban away."""
    limits = Limits()
    now = 0.0
    failed: list[float] = []
    while len(failed) < 15:
        call(limits, NO_RIGHT, endpoint=INCOME, now=now)
        failed.append(now)
        now += 10
        if len(failed) < 15:
            call(limits, endpoint=INCOME, now=now)
            now += 1
    assert now < 480
    assert wait(limits, endpoint=INCOME, now=now) == failed[0] + 480
    assert limits.blocked_until(ALPHA, INCOME, now) == failed[0] + 480
    assert limits.blocked_until(ALPHA, BALANCE, now) is None
    assert free(limits, now=now)
    assert free(limits, endpoint=INCOME, now=failed[0] + 480)


def test_calls_under_way_count_as_the_errors_that_they_may_become() -> None:
    limits = Limits()
    now = 0.0
    for _ in range(13):
        call(limits, BAD_KEY, now=now)
        call(limits, now=now + 10)
        now += 11
    early = [permit(limits, endpoint=endpoint, now=now) for endpoint in (BALANCE, POSITIONS)]
    assert wait(limits, endpoint=INCOME, now=now) == now + 1
    for one in early:
        limits.cancel(one)
    assert free(limits, endpoint=INCOME, now=now)


def test_fifteen_calls_of_a_user_are_under_way_at_most() -> None:
    limits = Limits()
    for endpoint in (BALANCE, POSITIONS, INCOME):
        for _ in range(5):
            permit(limits, endpoint=endpoint)
    assert wait(limits, endpoint=Endpoint.COMMISSION_RATE) == 1
    assert free(limits, caller=BETA, endpoint=Endpoint.COMMISSION_RATE)


@pytest.mark.parametrize("error", [None, BAD_KEY])
def test_a_call_that_a_ban_met_on_its_way_out_does_not_end_it(error: BingxError | None) -> None:
    limits = Limits()
    met, just_leaving = permit(limits), permit(limits, GAMMA, POSITIONS)
    met.sent(0)
    banned = RateLimited("your IP is banned", code=100410)
    banned.whole_address = True
    limits.settle(met, 1.0, None, banned, retry_at=5.0)
    just_leaving.sent(1.01)
    limits.settle(just_leaving, 1.2, None, error)

    assert wait(limits, now=4.9) == 5.0
    permit(limits, now=5.0)

    assert not free(limits, GAMMA, POSITIONS, now=5.0)


ENDPOINTS = [BALANCE, POSITIONS, INCOME, Endpoint.COMMISSION_RATE, Endpoint.INCOME_EXPORT]


def test_a_call_without_an_answer_may_arrive_later_and_holds_its_slot_for_that_long() -> None:
    limits = Limits()
    permits = [permit(limits) for _ in range(5)]
    for got in permits:
        got.sent(0)
    for got in permits[:2]:
        limits.settle(got, 2.0, None, CallTimeout())
    for got in permits[2:]:
        limits.settle(got, 2.5)

    assert wait(limits, now=2.5) == 3.5
    assert limits.remaining(ALPHA, BALANCE, 3.5) == 3
    assert limits.remaining(ALPHA, BALANCE, 7.9) == 3
    assert limits.remaining(ALPHA, BALANCE, 8.0) == 5


KINDS = [None, None, BAD_KEY, NO_RIGHT, ExchangeBusy("busy", code=100500), CallTimeout()]


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False), st.floats(0.0, 3.0), st.sampled_from([BAD_KEY, NO_RIGHT, None]))
def test_the_exchange_never_sees_too_many_calls_or_equal_errors(
    random: object, latency: float, always: BingxError | None
) -> None:
    """As many callers as the limits let through, against a server that counts by arrival."""
    limits, rng = Limits(), random
    under_way: list[tuple[float, int, Permit]] = []
    arrivals: dict[Endpoint, deque[float]] = {endpoint: deque() for endpoint in ENDPOINTS}
    errors: Counter[int] = Counter()
    recent: deque[tuple[float, int]] = deque()
    now, sequence = 0.0, 0
    for _ in range(1800):
        now += 0.4
        while under_way and under_way[0][0] <= now:
            at, _, done = heapq.heappop(under_way)
            error = always if always is not None else rng.choice(KINDS)  # type: ignore[attr-defined]  # hypothesis' own Random
            limits.settle(done, at, None, error)
            while recent and recent[0][0] <= at - 480:
                errors[recent.popleft()[1]] -= 1
            if error is not None and error.code is not None:
                recent.append((at, error.code))
                errors[error.code] += 1
                assert errors[error.code] < 20
        for endpoint in ENDPOINTS:
            got = limits.reserve(ALPHA, endpoint, now)
            if not isinstance(got, Permit):
                continue
            got.sent(now)
            sequence += 1
            arrived = now + latency * rng.random()  # type: ignore[attr-defined]  # the same
            arrivals[endpoint].append(arrived)
            heapq.heappush(under_way, (arrived + latency * rng.random(), sequence, got))  # type: ignore[attr-defined]  # the same
    for seen in arrivals.values():
        ordered = sorted(seen)
        assert all(later - earlier >= 1.0 for earlier, later in zip(ordered, ordered[5:], strict=False))

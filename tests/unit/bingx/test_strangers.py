"""Keys of which nobody knows whose they are: all of them may be one user's."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.bingx.limits import Caller, Limits, Permit
from exporter.bingx.paths import Endpoint
from exporter.bingx.permits import Remaining, Wait

BALANCE = Endpoint.BALANCE


def stranger(number: int) -> Caller:
    return Caller(user=f"key {number}", address="here", account=f"a{number}", stranger=True)


def test_at_most_five_strangers_are_under_way() -> None:
    limits = Limits()

    answers = [limits.reserve(stranger(number), BALANCE, 0.0) for number in range(8)]

    assert [isinstance(one, Permit) for one in answers] == [True] * 5 + [False] * 3


@pytest.mark.parametrize(("whose", "more"), [(lambda number: "one", 0), (lambda number: f"u{number}", 4)])
def test_once_five_are_known_so_many_more_may_ask_as_the_busiest_user_could_bear(whose: object, more: int) -> None:
    limits = Limits()
    assert callable(whose)
    for number in range(5):
        permit = limits.reserve(stranger(number), BALANCE, 0.0)
        assert isinstance(permit, Permit)
        permit.sent(0.0)
        limits.settle(permit, 0.1)
        limits.identify(f"key {number}", whose(number))

    answers = [limits.reserve(stranger(number), BALANCE, 0.2) for number in range(5, 15)]

    assert sum(isinstance(one, Permit) for one in answers) == more


def test_a_known_user_leaves_room_for_strangers_that_may_be_his() -> None:
    limits = Limits()
    limits.identify("key 0", "one")
    known = Caller(user="one", address="here", account="a0")
    for number in range(1, 4):
        assert isinstance(limits.reserve(stranger(number), BALANCE, 0.0), Permit)

    answers = [limits.reserve(known, BALANCE, 0.0) for _ in range(4)]

    assert [isinstance(one, Permit) for one in answers] == [True, True, False, False]
    assert isinstance(limits.reserve(known, Endpoint.POSITIONS, 0.0), Permit)


def test_who_cannot_be_identified_is_his_own_user() -> None:
    limits = Limits()
    for number in range(8):
        limits.identify(f"key {number}", f"key {number}")

    assert all(isinstance(limits.reserve(stranger(number), BALANCE, 0.0), Permit) for number in range(8))


def test_a_user_who_is_always_busy_keeps_no_stranger_out_for_ever() -> None:
    limits = Limits()
    limits.identify("key 0", "busy")
    for _ in range(5):
        limits.reserve(Caller(user="busy", address="here", account="a0"), BALANCE, 0.0)

    assert isinstance(limits.reserve(stranger(1), BALANCE, 0.0), Wait)
    assert isinstance(limits.reserve(stranger(1), BALANCE, 9.9), Wait)
    assert isinstance(limits.reserve(stranger(1), BALANCE, 10.0), Permit)


@given(
    whose=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    latencies=st.lists(st.floats(0.001, 0.5), min_size=40, max_size=40),
)
def test_no_user_is_asked_more_than_five_times_a_second_however_the_keys_are_his(
    whose: list[int], latencies: list[float]
) -> None:
    limits, now = Limits(), 0.0
    waiting = deque(range(len(whose)))
    under_way: list[tuple[float, int, Permit]] = []
    arrivals: dict[int, list[float]] = {}
    while waiting or under_way:
        for ends, number, permit in [one for one in under_way if one[0] <= now]:
            under_way.remove((ends, number, permit))
            limits.settle(permit, now)
            limits.identify(f"key {number}", f"user {whose[number]}")
        if waiting:
            answer = limits.reserve(stranger(waiting[0]), BALANCE, now)
            if isinstance(answer, Permit):
                number = waiting.popleft()
                answer.sent(now)
                under_way.append((now + latencies[number], number, answer))
                # It arrives at any moment before its answer: the last one is the worst for those that follow.
                arrivals.setdefault(whose[number], []).append(now + latencies[number])
                continue
        now += 0.01
    for times in arrivals.values():
        ordered = sorted(times)
        assert all(sixth - first >= 0.99 for first, sixth in zip(ordered, ordered[5:], strict=False))


def test_who_is_known_does_not_wait_for_strangers_that_hang() -> None:
    limits = Limits()
    limits.identify("key 0", "one")
    known = Caller(user="one", address="here", account="a0")
    for number in range(1, 6):
        assert isinstance(limits.reserve(stranger(number), BALANCE, 0.0), Permit)

    assert isinstance(limits.reserve(known, BALANCE, 0.0), Wait)
    assert isinstance(limits.reserve(known, BALANCE, 1.9), Wait)
    assert isinstance(limits.reserve(known, BALANCE, 2.0), Permit)
    assert isinstance(limits.reserve(known, BALANCE, 2.1), Wait)


def test_another_account_of_a_key_that_is_known_does_not_undo_what_is_known() -> None:
    limits = Limits()
    limits.identify("key 0", "one")

    limits.identify("key 0", "key 0")

    for _ in range(5):
        assert isinstance(limits.reserve(Caller(user="one", address="here", account="a"), BALANCE, 0.0), Permit)
    assert isinstance(limits.reserve(Caller(user="key 0", address="here", account="b"), BALANCE, 0.0), Wait)


def test_the_strictest_word_of_the_exchange_counts_when_a_key_turns_out_to_be_a_users() -> None:
    limits = Limits()
    users, keys = (Caller(user=name, address="here", account=name) for name in ("one", "key 1"))
    for caller, now, left, expires_in in ((users, 0.05, 4, 1.0), (keys, 0.5, 0, 0.5)):
        permit = limits.reserve(caller, BALANCE, now)
        assert isinstance(permit, Permit)
        permit.sent(now)
        limits.settle(permit, now, Remaining(requests=left, expires_in=expires_in))

    limits.identify("key 1", "one")

    assert limits.remaining(users, BALANCE, 0.6) == 0

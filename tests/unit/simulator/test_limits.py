"""How much is let in, and what becomes of those who go on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.limits import Caller, LimitRules, Limits, Standing
from exporter.simulator.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.simulator.exchange import Exchange

BALANCE = "/openApi/swap/v3/user/balance"
POSITIONS = "/openApi/swap/v2/user/positions"
NOW = 1_795_348_800_000


def caller(user: str | None = "1", address: str = "a", endpoint: str = "balance") -> Caller:
    return Caller(user=user, address=address, endpoint=endpoint)


def until(refusal: Refusal | Standing) -> int:
    assert isinstance(refusal, Refusal)
    found = re.search(r"(?:after|time:) (\d{13})$", refusal.message)
    assert found
    return int(found[1])


def test_five_a_second_for_a_user_and_the_headers_count_down() -> None:
    limits = Limits(LimitRules())
    seen = [limits.admit(caller(), now_ms=NOW + 100 * number) for number in range(6)]
    assert seen[:5] == [Standing(4, 1000), Standing(3, 900), Standing(2, 800), Standing(1, 700), Standing(0, 600)]
    assert until(seen[5]) == NOW + 1000
    assert isinstance(limits.admit(caller(), now_ms=NOW + 999), Refusal)
    assert isinstance(limits.admit(caller(), now_ms=NOW + 1000), Standing)


def test_users_and_endpoints_do_not_share_a_window_but_two_keys_of_a_user_do() -> None:
    limits = Limits(LimitRules(per_user=1))
    assert isinstance(limits.admit(caller(), now_ms=NOW), Standing)
    assert isinstance(limits.admit(caller(endpoint="positions"), now_ms=NOW), Standing)
    assert isinstance(limits.admit(caller(user="2"), now_ms=NOW), Standing)
    assert isinstance(limits.admit(caller(address="b"), now_ms=NOW), Refusal)


def test_three_hundred_in_ten_seconds_for_an_address_and_endpoint() -> None:
    limits = Limits(LimitRules())
    seen = [limits.admit(caller(user=str(number)), now_ms=NOW + number) for number in range(301)]
    assert all(isinstance(one, Standing) for one in seen[:300])
    assert until(seen[300]) == NOW + 10_000
    assert isinstance(limits.admit(caller(user="x", address="b"), now_ms=NOW + 301), Standing)
    assert isinstance(limits.admit(caller(user="x", endpoint="positions"), now_ms=NOW + 301), Standing)


def test_who_goes_on_while_refused_is_banned_for_five_minutes() -> None:
    limits = Limits(LimitRules())
    for _ in range(5):
        limits.admit(caller(), now_ms=NOW)
    ends = [until(limits.admit(caller(), now_ms=NOW + number)) for number in range(5)]
    assert ends == [NOW + 1000] * 4 + [NOW + 4 + 300_000]
    assert isinstance(limits.admit(caller(), now_ms=NOW + 300_003), Refusal)
    assert isinstance(limits.admit(caller(), now_ms=NOW + 300_004), Standing)


def test_twenty_equal_errors_within_eight_minutes_close_everything() -> None:
    limits = Limits(LimitRules())
    for number in range(20):
        assert isinstance(limits.admit(caller(), now_ms=NOW + 24_000 * number), Standing)
        limits.note_error(caller(), 100001, now_ms=NOW + 24_000 * number)
    last = NOW + 24_000 * 19
    refusal = limits.admit(caller(endpoint="positions"), now_ms=last + 1)
    assert isinstance(refusal, Refusal)
    assert "over 20 error code:100001 requests within 480000 ms" in refusal.message
    assert until(refusal) == last + 300_000
    assert isinstance(limits.admit(caller(), now_ms=last + 300_000), Standing)


def test_errors_that_differ_or_are_rare_close_nothing() -> None:
    limits = Limits(LimitRules())
    for number in range(100):
        limits.note_error(caller(), 100001 + number % 6, now_ms=NOW + number)
        limits.note_error(caller(user="2"), 100001, now_ms=NOW + 26_000 * number)
        limits.note_error(caller(user="3"), 100410, now_ms=NOW + number)
    for user in ("1", "2", "3"):
        assert isinstance(limits.admit(caller(user=user), now_ms=NOW + 101), Standing)


@given(st.lists(st.integers(0, 400), max_size=60))
def test_never_more_than_five_are_let_in_within_any_second(gaps: list[int]) -> None:
    limits, now, admitted = Limits(LimitRules(strikes=10**6)), NOW, []
    for gap in gaps:
        now += gap
        if isinstance(limits.admit(caller(), now_ms=now), Standing):
            admitted.append(now)
    assert all(later - earlier >= 1000 for earlier, later in zip(admitted, admitted[5:], strict=False))


def test_a_violation_is_told_on_the_wire_with_the_code_that_is_set(
    begin: Callable[..., Exchange], ask: Callable[..., dict[str, Any]], command: Callable[..., Any]
) -> None:
    exchange = begin(limits=True)
    assert [ask(exchange, "alpha", BALANCE)["code"] for _ in range(6)] == [0] * 5 + [100410]
    assert ask(exchange, "alpha", POSITIONS)["code"] == 0
    command(exchange, "POST", "limits", code=109429, per_user=1)
    assert [ask(exchange, "alpha", BALANCE)["code"] for _ in range(2)] == [0, 109429]
    command(exchange, "POST", "limits", enabled=False)
    assert {ask(exchange, "alpha", BALANCE)["code"] for _ in range(50)} == {0}


def test_a_key_that_nobody_has_is_banned_by_itself(
    begin: Callable[..., Exchange],
    send: Callable[..., dict[str, Any]],
    ask: Callable[..., Any],
    tick: Callable[[float], None],
) -> None:
    exchange = begin(limits=True)
    codes = []
    for _ in range(21):
        codes.append(send(exchange, BALANCE, "signature=0", key="stale")["code"])
        tick(1)
    assert codes == [100413] * 20 + [100410]
    assert ask(exchange, "alpha", BALANCE)["code"] == 0

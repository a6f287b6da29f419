from __future__ import annotations

from exporter.ledger.zero import ZeroDisplay


def test_a_series_is_ripe_once_it_has_been_shown_long_enough() -> None:
    zero = ZeroDisplay(60)
    zero.show([1], now=100)

    assert zero.ripe([1], now=159.9) == ()
    assert zero.ripe([1], now=160) == (1,)


def test_showing_it_again_does_not_start_it_again() -> None:
    zero = ZeroDisplay(60)
    zero.show([1], now=100)
    zero.show([1, 2], now=150)

    assert zero.ripe([1, 2], now=160) == (1,)


def test_a_series_that_was_not_shown_in_between_starts_again() -> None:
    zero = ZeroDisplay(60)
    zero.show([1], now=100)
    zero.show([], now=110)
    zero.show([1], now=120)

    assert zero.ripe([1], now=160) == ()
    assert zero.due([1], now=160) == 180


def test_due_is_the_earliest_and_at_once_for_what_is_not_shown_yet() -> None:
    zero = ZeroDisplay(60)
    zero.show([1], now=100)
    zero.show([1, 2], now=130)

    assert zero.due([2], now=140) == 190
    assert zero.due([1, 2], now=140) == 160
    assert zero.due([3], now=140) == 140
    assert zero.due([], now=140) is None


def test_without_a_wait_a_series_may_move_at_once() -> None:
    assert ZeroDisplay(0).ripe([1], now=5) == (1,)

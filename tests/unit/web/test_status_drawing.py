"""The small pictures of the status page."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.status import drawing

POINTS = st.lists(
    st.none() | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300), max_size=60
)


def test_a_gap_breaks_the_line() -> None:
    assert drawing.lines([1.0, 2.0, None, 3.0]) == ("M56.5 18.0L57.5 10.0", "M59.5 2.0h.8")


def test_nothing_known_is_nothing_drawn() -> None:
    assert drawing.lines([None, None]) == drawing.lines([]) == ()
    assert drawing.extent([None]) is None


def test_what_hardly_moves_is_drawn_nearly_flat() -> None:
    (line,) = drawing.lines([1000.0, 1000.5])
    heights = [float(height) for height in re.findall(r" ([\d.]+)", line)]
    assert abs(heights[0] - heights[1]) < 2


def test_what_stands_still_or_is_zero_is_a_flat_line_in_the_middle() -> None:
    assert drawing.lines([5.0, 5.0]) == ("M58.5 10.0L59.5 10.0",)
    assert drawing.lines([0.0, 0.0]) == ("M58.5 10.0L59.5 10.0",)


@given(POINTS)
def test_every_line_stays_inside_its_box(points: list[float | None]) -> None:
    for line in drawing.lines(points):
        for x, y in re.findall(r"[ML]([-\d.e+]+) ([-\d.e+]+)", line):
            assert 0 <= float(x) <= 60
            assert 0 <= float(y) <= 20


def test_an_extent_is_the_lowest_and_the_highest() -> None:
    assert drawing.extent([2.0, None, 0.1, 3.0, 2.5, None]) == (Decimal("0.1"), Decimal("3.0"))


@pytest.mark.parametrize(("distance", "length"), [("0", 0), ("0.25", 50), ("0.5", 100), ("7", 100)])
def test_a_bar_is_full_from_a_half_on(distance: str, length: int) -> None:
    assert drawing.bar(Decimal(distance)) == length


@pytest.mark.parametrize(
    ("distance", "word"), [("0.0499", "close"), ("0.05", "near"), ("0.0999", "near"), ("0.1", "far")]
)
def test_nearness_has_a_word(distance: str, word: str) -> None:
    assert drawing.nearness(Decimal(distance)) == word

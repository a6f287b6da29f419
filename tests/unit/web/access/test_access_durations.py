from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.access import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1s", 1),
        ("100ms", 0.1),
        ("1m30s", 90),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("2us", 2e-6),
        ("2µs", 2e-6),
        ("7ns", 7e-9),
        ("1h1m1s1ms", 3661.001),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text: str, seconds: float) -> None:
    assert duration.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "1", "s", "-1s", "+1s", "1 s", "1d", "1s ", "1sx", "x1s", "1..5s", ".s", "1S"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert duration.seconds(text) is None


@given(st.text(alphabet="0123456789.smhnuµ -", max_size=80))
def test_no_text_raises(text: str) -> None:
    seconds = duration.seconds(text)
    assert seconds is None or seconds >= 0

"""How long a scrape may wait to be let in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.entry import seconds_left


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("10", 9.5), ("1", 0.5), ("0.6", 0.3), ("0.1", 0.05), (None, None), ("", None), ("x", None)],
)
def test_a_scrape_waits_until_shortly_before_its_end(header: str | None, seconds: float | None) -> None:
    assert seconds_left(header, offset=0.5) == seconds


@pytest.mark.parametrize("header", ["-1", "0", "nan", "inf", "1e400"])
def test_a_timeout_that_is_none_grants_without_end(header: str) -> None:
    assert seconds_left(header, offset=0.5) is None


@given(st.text())
def test_nonsense_grants_no_negative_time(header: str) -> None:
    left = seconds_left(header, offset=0.5)
    assert left is None or left > 0

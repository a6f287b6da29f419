"""Single values, where a file for each would say less."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.config import values

MILLISECONDS: Final = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
PARSERS: Final = (
    values.parse_duration,
    values.parse_interval,
    values.parse_since,
    values.number(1, 1000),
    values.parse_switch,
    values.one_of("live", "vst"),
    values.parse_name,
    values.parse_label_name,
    values.parse_label_value,
    values.parse_path,
    values.parse_secret,
    values.parse_address,
    values.parse_base_url,
    values.parse_proxy,
    values.parse_ledger_url,
)


@given(st.dictionaries(st.sampled_from(list(MILLISECONDS)), st.integers(0, 99), min_size=1))
def test_a_duration_is_the_sum_of_its_parts(parts: dict[str, int]) -> None:
    text = "".join(f"{parts[unit]}{unit}" for unit in MILLISECONDS if unit in parts)
    expected = sum(count * MILLISECONDS[unit] for unit, count in parts.items())
    assert values.parse_duration(text) == timedelta(milliseconds=expected)


@pytest.mark.parametrize(
    "text", ["", "s", "5S", "5 s", " 5s", "5s ", "5s5s", "1h1d", "५s", "+5s", "5s\n", "1e3s", "5µs"]
)
def test_what_prometheus_takes_for_no_duration_is_none(text: str) -> None:
    with pytest.raises(values.BadValue):
        values.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T12:30:00Z", datetime(2026, 1, 1, 12, 30, tzinfo=UTC)),
        ("2026-01-01t12:30:00z", datetime(2026, 1, 1, 12, 30, tzinfo=UTC)),
        ("2026-01-01 12:30:00.25+02:00", datetime(2026, 1, 1, 10, 30, 0, 250_000, tzinfo=UTC)),
        ("2026-01-01T00:00:00-05:30", datetime(2026, 1, 1, 5, 30, tzinfo=UTC)),
    ],
)
def test_a_date_is_read_as_utc(text: str, moment: datetime) -> None:
    since = values.parse_since(text)
    assert isinstance(since, datetime)
    assert (since, since.tzinfo) == (moment, UTC)


@given(st.text(max_size=40))
@example("http://[")
@example("http://host:port")
@example("sqlite://\x00")
@example("postgresql+psycopg://")
@example("9999-12-31T23:59:59-23:59")
@example("0" * 40)
def test_no_text_gets_anything_but_a_value_or_a_refusal(text: str) -> None:
    for parse in PARSERS:
        with suppress(values.BadValue):
            parse(text)


@given(st.text(min_size=1, max_size=80))
def test_a_secret_is_what_can_travel_in_a_header(text: str) -> None:
    if all("!" <= char <= "~" for char in text):
        long = text * 6
        assert values.parse_secret(long).reveal() == long
    else:
        with pytest.raises(values.BadValue, match=r"^holds white space or characters that no key has$"):
            values.parse_secret(text)


def test_a_secret_of_a_few_characters_is_a_slip_of_the_pen() -> None:
    with pytest.raises(values.BadValue, match=r"^is too short to be one$"):
        values.parse_secret("abcde")
    assert values.parse_secret("abcdef").reveal() == "abcdef"

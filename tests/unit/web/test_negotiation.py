"""What is answered to which Accept header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.negotiation import accepts_gzip, choose

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
OFFERS = (TEXT, OPENMETRICS)

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROTOBUF_FIRST = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, TEXT),
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        (PROTOBUF_FIRST, TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1", TEXT),
        ("application/openmetrics-text;version=2.0.0,text/plain;version=0.0.4;q=0.1", TEXT),
        ("application/openmetrics-text;q=0,*/*", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("text/plain;q=0.5,application/openmetrics-text;q=0.4", TEXT),
        ("text/plain;q=0.4,application/openmetrics-text;q=0.5", OPENMETRICS),
        ("text/plain;version=0.0.4;q=0.1,text/*;q=0.9,application/openmetrics-text;q=0.5", OPENMETRICS),
        ("application/*", OPENMETRICS),
        ('APPLICATION/OPENMETRICS-TEXT; Version="1.0.0"', OPENMETRICS),
        ("text/plain;version=abc", TEXT),
        ("image/png", TEXT),
        (";;;,,,q=", TEXT),
        ("application/openmetrics-text;q=5", OPENMETRICS),
    ],
)
def test_the_best_weighted_offer_is_the_answer(accept: str | None, chosen: str) -> None:
    assert choose(accept, OFFERS) == chosen


@pytest.mark.parametrize(
    ("accept_encoding", "taken"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("GZIP;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0.0,*", False),
        ("identity", False),
        ("identity;q=1,gzip;q=0.5", False),
        ("identity;q=0.5,gzip;q=1.0", True),
        ("br", False),
    ],
)
def test_gzip_is_sent_to_those_who_want_it(accept_encoding: str | None, taken: bool) -> None:
    assert accepts_gzip(accept_encoding) is taken


@given(st.text())
def test_any_header_has_an_answer(header: str) -> None:
    assert choose(header, OFFERS) in OFFERS
    assert accepts_gzip(header) in (True, False)

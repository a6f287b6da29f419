"""Any header of a client: one of the formats on offer, and a word on gzip."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.metrics.render import Format
from exporter.web.negotiation import accepts_gzip, choose

FUZZ = settings.get_profile("fuzz")
OFFERED = tuple(one.value for one in Format)

words = st.sampled_from(
    [
        *OFFERED,
        "text/plain",
        "text/*",
        "*/*",
        "*",
        "gzip",
        "x-gzip",
        "identity",
        "q=0",
        "q=1.000",
        "q=0.5",
        "q=",
        "q=nan",
    ]
)
headers = (
    st.none()
    | st.text()
    | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))
    | st.lists(words | st.text(alphabet=";,=/*q. \t\"'0123456789-e", max_size=8), max_size=12).map("".join)
    | st.lists(words, max_size=6).map(";".join)
    | st.lists(words, max_size=6).map(",".join)
    | st.text(alphabet=",;q=", max_size=40).map(lambda text: text * 1000)
)


@settings(FUZZ, max_examples=FUZZ.max_examples * 3)
@given(headers)
def test_whatever_is_accepted_the_answer_is_on_offer(accept: str | None) -> None:
    assert choose(accept, OFFERED) in OFFERED


@settings(FUZZ, max_examples=FUZZ.max_examples * 3)
@given(headers)
def test_whatever_encoding_is_accepted_there_is_an_answer(accept_encoding: str | None) -> None:
    assert accepts_gzip(accept_encoding) in {True, False}

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.bingx.signing import canonical, sign, signed_query
from exporter.model import Secret

S1 = Secret("mheO6dR8ovSsxZQCOYEFCtelpuxcWGTfHw7te326y6jOwq5WpvFQ9JNljoTwBXZGv5It07m9RXSPpDQEK2w")
S2 = Secret("UuGuyEGt6ZEkpUObCYCmIfh0elYsZVh80jlYwpJuRZEw70t6vomMH7Sjmf94ztSI")
PRINTED_WRONG = "1e63e8cfd1c04919881e60cf369e404b9b7c87d3a09bc300f1abfdcce7da57e8"
VECTORS = [
    (
        S1,
        "symbol=BTC-USDT&timestamp=1667872120843&side=LONG&leverage=6",
        "4f581ecdb1fa09b9d6e57886b6f70cffed17f82b93399722939e49a38edec2bf",
    ),
    (
        S1,
        "symbol=BTC-USDT&timestamp=1668159715051side=LONG&leverage=6",
        "8b756b01e7a30f02e19c58a91ab01b29528694316b08a51ecb8dd072942bd47d",
    ),
    (
        S2,
        "quoteOrderQty=20&side=BUY&symbol=ETHUSDT&timestamp=1649404670162&type=MARKET",
        "428a3c383bde514baff0d10d3c20e5adfaacaf799e324546dafe5ccc480dd827",
    ),
    (
        Secret("test-secret"),
        "symbol=BTC-USDT&timestamp=1702731500000",
        "36f610a8da9e21e9c417413745bcca4dddad81cea81e6d66baa3ef0c2229021c",
    ),
    (S1, "timestamp=1696751141337", "b1206765e9bd1cc8ef850965fc5c1edce909192ac61a811e6616a9930b8bf64c"),
    (S1, "recvWindow=5000&timestamp=1696751141337", "70b4def1f55526ff67fbed5576eb6f974652e8c2553224421fae1d1868ef7000"),
    (
        S1,
        "endTime=1702731787011&limit=1000&startTime=1702713615001&timestamp=1702731787011",
        "a66e4a1d59a5e10389745a4d1920fef75275703b3344721e011c644fb0c05b9e",
    ),
    (
        S1,
        "endTime=&limit=200&recvWindow=10000&startTime=&symbol=BTC-USDT&timestamp=1702449874964",
        "a2c74fc845ef065b29b808968c812f3d79e2ce59145f09765e5d4ae595ecfa95",
    ),
    (
        S1,
        "symbol=MØTH-USDT&timestamp=1696751141337",
        "6f6e1b0c0b581e687033c1f0bf4bcaf8c4fcb661be81d9a73fc2a31f15e8acbc",
    ),
]
WRONG_VECTORS = [
    (
        "recvWindow=0&symbol=BTC-USDT&timestamp=1696751141337",
        "f8d883609dfd31c824feb4de865b071008dedb1d461451fa70847875c8e7a7a2",
    ),
    (
        "recvWindow=0&subAccountString=abc12345&timestamp=1696751141337",
        "8d0d3ea9b592be3678c33332ab13e9102e093e67255921e15a581146c87c272f",
    ),
]


@pytest.mark.parametrize(("secret", "text", "signature"), VECTORS)
def test_the_known_vectors_are_signed_as_known(secret: Secret, text: str, signature: str) -> None:
    assert sign(secret, text) == signature


@pytest.mark.parametrize(("text", "true"), WRONG_VECTORS)
def test_the_two_printed_vectors_that_are_wrong_are_not_followed(text: str, true: str) -> None:
    assert sign(S1, text) == true != PRINTED_WRONG


def test_parameters_are_joined_raw_and_in_the_order_given() -> None:
    assert canonical([("b", "1 2"), ("a", ""), ("c", "Ø&=")]) == "b=1 2&a=&c=Ø&="


def test_raw_values_are_signed_then_encoded_with_the_signature_last() -> None:
    query = signed_query([("symbol", "MØTH-USDT"), ("timestamp", "1696751141337")], S1)
    assert query == (
        "symbol=M%C3%98TH-USDT&timestamp=1696751141337"
        "&signature=6f6e1b0c0b581e687033c1f0bf4bcaf8c4fcb661be81d9a73fc2a31f15e8acbc"
    )


def test_a_space_is_encoded_as_percent_twenty() -> None:
    assert signed_query([("a", "b c+d")], S1).startswith("a=b%20c%2Bd&signature=")


names = st.sampled_from(["symbol", "limit", "timestamp"])
values = st.text(alphabet="aZ09-_.~ +%&=/\xd8\u0663\xb2", max_size=6)


@given(st.lists(st.tuples(names, values), min_size=1, max_size=4))
def test_any_value_arrives_as_it_was_signed(params: list[tuple[str, str]]) -> None:
    query, _, signature = signed_query(params, S1).rpartition("&signature=")
    assert query.isascii()
    assert parse_qsl(query, keep_blank_values=True, strict_parsing=True) == params
    assert "+" not in query
    assert signature == sign(S1, canonical(params))

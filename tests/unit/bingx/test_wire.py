from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.bingx.errors import MalformedResponse
from exporter.bingx.wire import Columns, Drift, Drifts, Row, decode, is_label, moment, number, rows


def row(fields: dict[str, object], *, index: int | None = 3) -> tuple[Row, Drifts]:
    drifts = Drifts()
    return Row(fields, frozenset(fields), drifts, index=index), drifts


def drift(drifts: Drifts) -> tuple[Drift, ...]:
    return drifts.parsed(None).drift


def test_fractions_keep_every_digit() -> None:
    assert decode(b'{"a":294.16914617776246,"b":-0.10}') == {"a": Decimal("294.16914617776246"), "b": Decimal("-0.10")}


def test_nul_bytes_and_a_byte_order_mark_are_passed_over() -> None:
    assert decode(b'\xef\xbb\xbf{"a"\x00:1}\x00\x00') == {"a": 1}


@pytest.mark.parametrize(
    "body",
    [
        b'{"s":"BTC\0-USDT"}', b'{"s":"BTC-USDT\0"}', b'{"s":"\0"}', b'{"s\0":1}', b'{"s":1\x002}', b'{"s":tr\0ue}',
        b'{"s":"a\\\0"}', b'{"s":"\xc3\0\xa4"}', b"1\0002",
    ],
)  # fmt: skip
def test_a_nul_byte_within_a_text_or_a_number_is_malformed_and_never_dropped(body: bytes) -> None:
    with pytest.raises(MalformedResponse):
        decode(body)


@given(st.lists(st.sampled_from([b"{", b'"a"', b":", b"[", b'"\xc3\xa4 \\""', b",", b"12", b"]", b"}", b"\0"])))
def test_nul_bytes_change_nothing_where_blanks_would_not(tokens: list[bytes]) -> None:
    body = b"".join(tokens)
    assert outcome(body) == outcome(body.replace(b"\0", b" "))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "is empty"), (b"  \n", "is empty"), (b"<html>", "HTML"), (b'{"a":', "cut short"), (b"hello", "not JSON"),
        (b"\xff\xfe", "not JSON"), (b"[" * 100_000, "cut short"), (b'{"a":NaN}', "cut short"),
        (b'{"a":1e999999999999999999999}', "cut short"), (b'"\\ud800"', "not JSON"), (b"1" * 6000, "not JSON"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_malformed(body: bytes, why: str) -> None:
    with pytest.raises(MalformedResponse, match=why) as raised:
        decode(body)
    assert raised.value.__context__ is None


def outcome(body: bytes) -> object:
    try:
        return decode(body)
    except MalformedResponse as error:
        return error.reason


@given(st.binary() | st.text(alphabet='{}[]":,0123456789.eE-+ntrfalsu\\ud8').map(str.encode))
def test_any_bytes_are_decoded_or_malformed(body: bytes) -> None:
    outcome(body)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("1.50", "1.50"), ("-0.0312", "-0.0312"), ("0", "0"), ("1e-8", "1E-8"), ("0.00000000000000001388", "1.388E-17"),
        (5, "5"), (Decimal("0.0005"), "0.0005"), ("-0.0000", "0.0000"), (Decimal("-0.0"), "0.0"), ("007", "7"),
        (Decimal("1" * 64 + "e-100"), f"1.{'1' * 63}E-37"),
    ],
)  # fmt: skip
def test_numbers_are_read_exactly_from_text_or_json(raw: object, value: str) -> None:
    assert str(number(raw)) == value


@pytest.mark.parametrize(
    "raw",
    [
        "", " 1", "1 ", "NaN", "Infinity", "-inf", "sNaN", "1_0", "\uff11\uff12", "\u0663",
        "1,5", "0x10", "--1", "+1", "1.", ".5", "10X",
        "9" * 65, "1e61", "1e-61", "0e-100", "1e9999", True, False, None, [], {}, 10**60, Decimal("1e61"),
        Decimal("0." + "1" * 70), Decimal("NaN"), Decimal("1" * 64 + "e-101"), "-" + "1" * 59 + "e-101",
    ],
)  # fmt: skip
def test_what_is_no_sane_number_is_none(raw: object) -> None:
    assert number(raw) is None


def by_every_rule(raw: object) -> Decimal | None:
    """Read a number by all rules, one after the other."""
    if type(raw) is str:
        if len(raw) > 64 or not re.fullmatch(r"-?[0-9]{1,64}(\.[0-9]{1,64})?([eE][+-]?[0-9]{1,3})?", raw):
            return None
    elif type(raw) is int:
        if abs(raw) >= 10**60:
            return None
    elif type(raw) is not Decimal or not raw.is_finite():
        return None
    value = Decimal(raw)
    digits, exponent = value.as_tuple()[1:]
    assert isinstance(exponent, int)
    if len(digits) > 64 or not -60 <= value.adjusted() <= 60 or -exponent > 100:
        return None
    return value or value.copy_abs()


texts = st.one_of(
    st.from_regex(r"-?[0-9]{1,5}(\.[0-9]{1,5})?", fullmatch=True),
    st.from_regex(r"-?[0-9]{1,70}(\.[0-9]{1,70})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"-?0{1,3}(\.0{0,40}[0-9]{0,40})?", fullmatch=True),
    st.text(alphabet="0123456789.-+eE;_ \n\uff11NaIf", max_size=40),
)
values: st.SearchStrategy[object] = st.one_of(
    texts,
    st.integers(),
    st.decimals(),
    st.builds(lambda digits, places: Decimal(f"{digits}e{places}"), st.integers(0, 10**70), st.integers(-140, 70)),
    st.sampled_from([None, "", True, 10**60, 10**60 - 1, "-0", "-0.00", "1;2", "1e-60", Decimal("1e-60"), [], {}]),
)


@settings(max_examples=300, deadline=None)
@given(values)
def test_a_number_is_read_as_all_rules_together_would_have_it(raw: object) -> None:
    assert repr(number(raw)) == repr(by_every_rule(raw))


COLUMNS = Columns("a", "b", "c", "d")


@settings(max_examples=300, deadline=None)
@given(st.one_of(*(st.dictionaries(st.sampled_from("abcd"), kind, min_size=3) for kind in (texts, values))))
def test_numbers_are_read_together_as_each_alone(fields: dict[str, object]) -> None:
    (together, its_drift), (alone, their_drift) = row(fields), row(fields)

    assert repr(together.maybe_decimals(COLUMNS)) == repr([alone.maybe_decimal(name) for name in "abcd"])
    assert drift(its_drift) == drift(their_drift)


@pytest.mark.parametrize(
    "odd", ["1;2", "-0.0", "1.", ".5", "1 ", "", None, 5, "9" * 31, "9" * 62, f"0.{1:062}", "1e3", "\uff11"]
)
def test_one_odd_number_changes_nothing_for_the_others(odd: object) -> None:
    fields, _ = row({"a": "1.50", "b": odd, "c": "-0.0312", "d": "0.0000"})
    first, second, *others = fields.maybe_decimals(COLUMNS)

    assert [str(one) for one in (first, *others)] == ["1.50", "-0.0312", "0.0000"]
    assert repr(second) == repr(fields.maybe_decimal("b"))


@pytest.mark.parametrize("raw", [1700000000123, "1700000000123"])
def test_times_are_aware_and_exact(raw: object) -> None:
    assert moment(raw) == datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        0,
        -1,
        1,
        946684799999,
        7258118400000,
        10**30,
        "",
        "now",
        "17e11",
        "\uff11" * 13,
        True,
        Decimal(1700000000123),
    ],
)
def test_what_is_no_sane_time_is_none(raw: object) -> None:
    assert moment(raw) is None


def test_a_necessary_value_that_is_missing_or_bad_fails_with_its_path() -> None:
    fields, _ = row({"amount": "many", "empty": "", "long": "x" * 513, "number": 5})
    for read, name in [
        (fields.decimal, "amount"), (fields.decimal, "gone"), (fields.decimal, "empty"), (fields.time, "amount"),
        (fields.text, "empty"), (fields.text, "gone"), (fields.text, "long"), (fields.text, "number"),
        (fields.text_or_empty, "number"), (fields.identity, "long"),
    ]:  # fmt: skip
        with pytest.raises(MalformedResponse) as raised:
            read(name)
        assert raised.value.path == f"data[3].{name}"


def test_what_the_exchange_does_not_say_is_none_without_a_word() -> None:
    fields, drifts = row({"empty": "", "null": None, "zero": 0})
    for name in ("empty", "null", "gone"):
        assert fields.maybe_decimal(name) is None
        assert fields.maybe_time(name) is None
    assert fields.maybe_time("zero") is None
    assert fields.maybe_bool("null") is None
    assert fields.text_or_empty("null") == fields.identity("gone") == fields.remark("null") == ""
    assert drift(drifts) == ()


def test_an_optional_value_that_is_bad_is_none_and_noted_once() -> None:
    fields, drifts = row({"a": "NaN", "b": "soon", "c": "yes", "d": 7})
    assert [fields.maybe_decimal("a"), fields.maybe_decimal("a"), fields.maybe_time("b"), fields.maybe_bool("c")] == [
        None
    ] * 4
    assert fields.remark("d") == ""
    assert drift(drifts) == tuple(Drift("bad_value", f"data[].{name}") for name in "abcd")


def test_an_unknown_field_is_noted_without_its_index() -> None:
    drifts = Drifts()
    list(rows([{"a": 1, "fooBar": 2}, {"fooBar": 3, "line\nbreak" * 20: 4}], frozenset("a"), drifts))
    assert drift(drifts)[0] == Drift("unknown_field", "data[].fooBar")
    assert drift(drifts)[1].path.isprintable()
    assert len(drift(drifts)) == 2
    assert len(drift(drifts)[1].path) < 80


def test_an_answer_that_has_changed_altogether_does_not_flood() -> None:
    drifts = Drifts()
    Row({f"field{index}": 0 for index in range(1000)}, frozenset(), drifts)
    assert len(drift(drifts)) == 32


def test_texts_come_without_nul_characters_and_ids_may_be_bare_integers() -> None:
    fields, _ = row({"a": "x\0y", "b": 2100000000000000011})
    assert fields.text("a") == fields.remark("a") == "xy"
    assert fields.identity("b") == "2100000000000000011"


def test_an_id_that_is_a_number_longer_than_a_label_is_malformed() -> None:
    fields, _ = row({"most": 10**199, "many": 10**200, "less": -(10**199)})
    assert fields.identity("most") == "1" + "0" * 199
    for name in ("many", "less"):
        with pytest.raises(MalformedResponse, match="number of more than 200 characters") as raised:
            fields.identity(name)
        assert raised.value.path == f"data[3].{name}"


@pytest.mark.parametrize(
    "name",
    ['BTC"USDT', "BTC\\USDT", " BTC ", "币安人生-USDT", "\u200fUSDT\u202e", "\U0001f680", "{}=,", "x" * 200],
)
def test_a_name_that_prints_is_taken_as_it_is(name: str) -> None:
    fields, _ = row({"a": name})
    assert fields.label("a") == fields.label_or_empty("a") == fields.identity("a") == name


@given(st.text())
def test_a_name_prints_if_none_of_its_characters_controls(name: str) -> None:
    assert is_label(name[:200]) == (
        not any(unicodedata.category(character) in {"Cc", "Cs"} for character in name[:200])
    )


@pytest.mark.parametrize(
    "name", ["a\0b", "a\nb", "a\tb", "a\x1fb", "a\x7fb", "a\x85b", "x" * 201, "\ud800", 5.5, [], True]
)
def test_a_name_that_could_not_be_shown_truly_is_malformed_and_never_mended(name: object) -> None:
    fields, _ = row({"a": name})
    for read in (fields.label, fields.label_or_empty, fields.identity):
        with pytest.raises(MalformedResponse) as raised:
            read("a")
        assert raised.value.path == "data[3].a"


def test_a_name_that_many_rows_have_is_held_once() -> None:
    names = [row({"symbol": sent.decode()})[0].label("symbol") for sent in [b"SOLANA-USDT"] * 2]
    assert names == ["SOLANA-USDT"] * 2
    assert names[0] is names[1]


def test_a_name_may_be_missing_only_where_it_need_not_be_there() -> None:
    fields, _ = row({"empty": "", "null": None})
    for name in ("empty", "null", "gone"):
        assert fields.label_or_empty(name) == ""
        with pytest.raises(MalformedResponse, match="empty or missing"):
            fields.label(name)


def test_a_remark_that_is_too_long_is_cut_and_noted() -> None:
    fields, drifts = row({"info": "x" * 600})
    assert fields.remark("info") == "x" * 512
    assert drift(drifts) == (Drift("bad_value", "data[].info"),)


@pytest.mark.parametrize("data", [None, {}, "x", 1])
def test_what_is_no_list_of_objects_is_malformed(data: object) -> None:
    with pytest.raises(MalformedResponse):
        list(rows(data, frozenset(), Drifts()))
    with pytest.raises(MalformedResponse, match=r"data\[0\]"):
        list(rows([data if not isinstance(data, dict) else []], frozenset(), Drifts()))

"""The lines of an exposition, read back by another parser."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.exposition import families_of_openmetrics, families_of_text

from exporter.metrics.family import Family, Kind, Subject
from exporter.metrics.render import END_OF_OPENMETRICS, Format, header, label_block, number, render

Rows = tuple[tuple[tuple[str, ...], Decimal | None], ...]


def rows(data: Rows) -> Iterable[tuple[tuple[str, ...], Decimal | None]]:
    return data


SUBJECT: Subject[Rows, Decimal | None] = Subject(
    name="test",
    labels=("symbol",),
    rows=rows,
    families=(
        Family(name="test_amount", help="An amount.", value=lambda value: value),
        Family(name="test_paid_total", help='Says "\\" and\nmore.', kind=Kind.COUNTER, value=lambda value: value),
    ),
)


def page(data: Rows, account: str, exposition: Format) -> str:
    fragment = render(SUBJECT, data, (account,)).of(exposition)
    parts = [
        header(family, exposition) + lines for family, lines in zip(SUBJECT.families, fragment, strict=True) if lines
    ]
    end = END_OF_OPENMETRICS if exposition is Format.OPENMETRICS else b""
    return (b"".join(parts) + end).decode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1520.4410"), "1520.441"),
        (Decimal("0.0000"), "0.0"),
        (Decimal("-0.0000"), "0.0"),
        (Decimal("0.00000000000000001388"), "1.388e-17"),
        (Decimal("294.16914617776246"), "294.16914617776246"),
        (7, "7.0"),
    ],
)
def test_a_number_is_the_shortest_text_of_its_nearest_float(value: Decimal | int, text: str) -> None:
    assert number(value) == text


def test_an_empty_label_is_left_out() -> None:
    assert label_block([("a", ""), ("b", "x")]) == '{b="x"}'
    assert label_block([("a", "")]) == ""


def test_an_absent_value_leaves_no_line_and_a_zero_leaves_one() -> None:
    text = page(((("BTC-USDT",), None), (("ETH-USDT",), Decimal(0))), "main", Format.TEXT)

    assert 'test_amount{account="main",symbol="ETH-USDT"} 0.0\n' in text
    assert "BTC-USDT" not in text


amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)
labels = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(st.dictionaries(labels, amounts.map(abs), max_size=5), labels)
def test_any_model_gives_a_page_that_reads_back_to_the_same_numbers(values: dict[str, Decimal], account: str) -> None:
    data = tuple(((symbol,), value) for symbol, value in values.items())
    wanted = {(account, symbol): float(value) for symbol, value in values.items()}

    for exposition, parse in ((Format.TEXT, families_of_text), (Format.OPENMETRICS, families_of_openmetrics)):
        families = parse(page(data, account, exposition))
        for name in ("test_amount", "test_paid") if values else ():
            read = {
                (sample.labels["account"], sample.labels["symbol"]): sample.value for sample in families[name].samples
            }
            assert read == wanted


@given(amounts)
def test_a_number_reads_back_as_the_nearest_float(value: Decimal) -> None:
    assert float(number(value)) == float(value)
    assert math.isfinite(float(number(value)))

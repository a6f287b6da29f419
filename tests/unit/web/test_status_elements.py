"""The elements of numbers: what is read, what a machine reads, and what there is instead of a number."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from exporter.web.status import drawing, elements, wording

Write = Callable[[Decimal], str]
NUMBERS = st.decimals(min_value=Decimal("-1e12"), max_value=Decimal("1e12"), allow_nan=False, places=8)
PAIRS = [
    (elements.money, wording.money),
    (elements.change, wording.change),
    (elements.quantity, wording.quantity),
    (elements.multiple, wording.multiple),
]


@pytest.mark.parametrize(("element", "write"), PAIRS)
@given(number=NUMBERS)
def test_a_number_is_there_as_it_reads_and_with_all_its_digits(
    element: Callable[[Decimal | None], Markup], write: Write, number: Decimal
) -> None:
    assert element(number) == f'<data value="{wording.exact(number)}">{write(number)}</data>'


@pytest.mark.parametrize(("element", "write"), PAIRS)
def test_what_is_not_known_is_a_dash_and_never_a_number(
    element: Callable[[Decimal | None], Markup], write: Write
) -> None:
    assert element(None) == elements.unknown()
    assert "<data" not in elements.unknown()
    assert element(Decimal(0)) == f'<data value="0.0">{write(Decimal(0))}</data>'


def test_why_something_is_not_known_stays_text() -> None:
    shown = elements.unknown('<i>" onclick="x')
    assert shown.count("&lt;i&gt;&#34; onclick=&#34;x") == 2
    assert "<i>" not in shown


@given(st.decimals(min_value=0, max_value=10, allow_nan=False, places=8))
def test_a_distance_is_a_number_and_a_bar_as_long_as_it_is(ratio: Decimal) -> None:
    shown = elements.distance(ratio)
    assert elements.percent(ratio) in shown
    assert f'd="M0 0H{drawing.bar(ratio)}V6H0z"' in shown
    assert f'aria-label="{wording.percent(ratio)} away, {drawing.nearness(ratio)}"' in shown

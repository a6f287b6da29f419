"""Reading our own page back: all of it or nothing, and nothing that is not ours."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.cli.top.reading import PageError, read_page
from exporter.metrics.render import label_block, number

NAMES = frozenset({"bingx_up", "bingx_position_amount"})
VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def page(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in (*lines, "# EOF")).encode()


@given(
    st.dictionaries(st.sampled_from(["account", "symbol", "side", "x_1"]), VALUES),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_what_the_exporter_writes_is_read_as_it_was(labels: dict[str, str], value: float) -> None:
    line = f"bingx_up{label_block(labels.items())} {number(value)}"

    (sample,) = read_page(page("# TYPE bingx_up gauge", line), NAMES)["bingx_up"]

    assert sample.labels == labels
    assert float(sample.value) == value


def test_families_that_nobody_asks_for_are_passed_over() -> None:
    content = page('bingx_up{account="a"} 1.0', "process_cpu_seconds_total 12.5", 'bingx_up{account="b"} 0.0')

    assert [(one.label("account"), one.value) for one in read_page(content, NAMES)["bingx_up"]] == [
        ("a", Decimal(1)),
        ("b", Decimal(0)),
    ]
    assert list(read_page(content, NAMES)) == ["bingx_up"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>login</html>",
        b"bingx_up 1.0\n",
        page("bingx_up 1.0")[:-3],
        b"bingx_up 1.0\n# EOF",
        b"\xff\n# EOF\n",
    ],
)
def test_a_page_without_its_end_is_refused(content: bytes) -> None:
    with pytest.raises(PageError, match=r"whole page|UTF-8"):
        read_page(content, NAMES)


@pytest.mark.parametrize(
    "line",
    [
        "bingx_up",
        "bingx_up one",
        "bingx_up NaN",
        "bingx_up +Inf",
        "bingx_up 1.0 1795371475",
        "bingx_up{account=} 1.0",
        'bingx_up{account="a" 1.0',
        'bingx_up{account="a",} 1.0',
        'bingx_up{account="a",account="b"} 1.0',
        r'bingx_up{account="\x"} 1.0',
        'bingx_up{account="a"}1.0',
    ],
)
def test_a_line_that_is_no_sample_of_ours_is_refused(line: str) -> None:
    with pytest.raises(PageError, match="line 2 of the answer is no sample"):
        read_page(page("# TYPE bingx_up gauge", line), NAMES)

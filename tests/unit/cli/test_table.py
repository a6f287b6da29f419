"""Tables: what stands where, and what gives way in a narrow terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from exporter.cli.table import Column, lay_out, plain

COLUMNS = (
    Column(head="account", elastic=True),
    Column(head="sum", number=True),
    Column(head="unit", rank=2),
    Column(head="count", number=True, rank=1),
)


def rows(*cells: tuple[str, ...]) -> list[list[Text]]:
    return [[Text(cell) for cell in row] for row in cells]


def test_points_are_below_points_and_numbers_flush_right() -> None:
    lines = lay_out(COLUMNS, rows(("alpha", "1.5", "USDT", "7"), ("b", "-10.25", "USDC", "-"), ("c", "3", "", "12")))

    assert plain(lines) == (
        "account     sum  unit  count\n"
        "alpha      1.5   USDT      7\n"
        "b        -10.25  USDC      -\n"
        "c          3              12"
    )


def test_names_are_cut_before_columns_go_by_their_rank_and_numbers_stay_whole() -> None:
    table = rows(("a-long-account-name", "1234.5", "USDT", "7"))
    lines = {width: plain(lay_out(COLUMNS, table, width=width)).splitlines()[1] for width in (40, 37, 32, 26, 12, 5)}

    assert lines == {
        40: "a-long-account-name  1234.5  USDT      7",
        37: "a-long-account-…  1234.5  USDT      7",
        32: "a-long-account-n…  1234.5      7",
        26: "a-long-account-na…  1234.5",
        12: "a-l…  1234.5",
        5: "…  1234.5",
    }


@given(
    st.lists(st.tuples(st.text("aW\N{FULLWIDTH LATIN SMALL LETTER A}", max_size=20), st.integers()), max_size=4),
    st.integers(30, 80),
)
def test_no_line_is_wider_than_the_terminal(cells: list[tuple[str, int]], width: int) -> None:
    table = rows(*((name, str(number % 10**9), "USDT", "1") for name, number in cells))

    assert all(line.cell_len <= width for line in lay_out(COLUMNS, table, width=width))


def test_a_cell_that_folds_goes_on_in_the_next_line() -> None:
    columns = (Column(head="a"), Column(head="detail", elastic=True, folds=True))

    assert plain(lay_out(columns, rows(("x", "some words too many"), ("y", "few")), width=13)) == (
        "a  detail\nx  some words\n   too many\ny  few"
    )


def test_a_table_without_rows_is_its_heads() -> None:
    assert plain(lay_out(COLUMNS, [], width=80)) == "account  sum  unit  count"

"""The lines of a screen: whole where there is room, and never a number where nothing is known."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from unit.cli.watched import NOW, account, failures, position, seen

from exporter.cli.table import plain
from exporter.cli.top.drawing import Scene, draw
from exporter.cli.top.view import Overview


def scene(overview: Overview | None, *, failure: str = "", silent: float = 1.0) -> Scene:
    return Scene(url="http://host:1", overview=overview, now=NOW, silent=silent, failure=failure, blocks=False)


@pytest.fixture
def overview() -> Overview:
    return seen(
        *account("alpha"),
        *account("beta", success="0.0", asked=NOW - 90, equity=False),
        *failures("beta", "balance", timeout=3),
        *failures("beta", "positions", timeout=3),
        *position("alpha", "BTC-USDT", "0.3333"),
        *position("alpha", "SOL-USDT", "0.04", side="short"),
    )


def test_the_plain_page(overview: Overview) -> None:
    assert plain(draw(scene(overview))) == (
        "bingx-exporter 1.2.3  http://host:1  18:18:00 UTC\n"
        "2 accounts, 2 positions and those of 1 account not known, 1 account with failures\n"
        "\n"
        "account  asset    equity  margin  unrealised  open  nearest  age  state\n"
        "alpha    USDT   1,234.50    0.00       -7.25     2     4.0%  3 s  ok\n"
        "beta     -          -       -           -        -     -       -  no numbers\n"
        "\n"
        "beta: positions, balance: timeout, no numbers; failed 3x, last good 1 min 30 s ago\n"
        "\n"
        "account  symbol    side   mode   distance                mark  liquidation  entry  amount  value  unrealised"
        "  asset  leverage\n"
        "alpha    SOL-USDT  short  cross      4.0%  ............   100            -      -       2      -           -"
        "  USDT          -\n"
        "alpha    BTC-USDT  long   cross     33.3%  #######.....   100            -      -       2      -           -"
        "  USDT          -"
    )


def test_the_first_line_says_in_how_many_rows_the_positions_are(overview: Overview) -> None:
    merged = replace(overview, accounts=(replace(overview.accounts[0], positions=3), overview.accounts[1]))
    alone = replace(merged, positions=merged.positions[:1])

    assert "\n2 accounts, 3 positions in 2 rows and those of 1 account not known, " in plain(draw(scene(merged)))
    assert "\n2 accounts, 3 positions in 1 row and those of 1 account not known, " in plain(draw(scene(alone)))


def test_where_samples_are_cut_the_first_line_does_not_say_that_the_rows_have_all_positions(overview: Overview) -> None:
    alpha, beta = overview.accounts
    cut = replace(overview, accounts=(replace(alpha, positions=5, cut=30), beta))
    other = replace(overview, accounts=(replace(alpha, positions=5), replace(beta, cut=1)))

    for one in (cut, other):
        text = plain(draw(scene(one)))
        assert "\n2 accounts, 5 positions (2 rows of them on the page) and those of 1 account not known, " in text
    none = replace(cut, positions=())
    assert "5 positions (0 rows of them on the page) and" in plain(draw(scene(none)))


def test_what_is_left_off_are_rows_and_not_positions() -> None:
    far = [line for number in range(30) for line in position("a", f"X{number}", f"0.{number + 20}")]
    overview = seen(*account("a"), *far)

    assert "more rows of positions farther away" in plain(draw(scene(overview), width=80, height=24))
    assert "30 rows of positions not shown" in plain(draw(scene(overview), width=80, height=7))


def test_an_exporter_that_does_not_answer_has_no_numbers(overview: Overview) -> None:
    text = plain(draw(scene(overview, failure="Connection refused", silent=42)))

    assert text == (
        "bingx-exporter 1.2.3  http://host:1\n"
        "NO ANSWER for 42 s: Connection refused\n"
        "Nothing is known of now. Last heard 2026-11-22 18:17:18 UTC.\n"
        "\n"
        "account  asset  equity  margin  unrealised  open  nearest  age  state\n"
        "alpha    -           -       -           -     -        -    -  unknown\n"
        "beta     -           -       -           -     -        -    -  unknown"
    )


def test_an_exporter_that_never_answered_is_told() -> None:
    text = plain(draw(scene(None, failure="Connection refused", silent=2)))

    assert text == "bingx-exporter  http://host:1\nNO ANSWER for 2 s: Connection refused"


@pytest.mark.parametrize("width", [0, 1, 20, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("height", [3, 8, 12, 24, 60])
def test_nothing_is_larger_than_the_screen(overview: Overview, width: int, height: int) -> None:
    lines = draw(scene(overview), width=width, height=height)

    assert len(lines) <= height
    assert all(line.cell_len <= width for line in lines)


def test_a_low_screen_keeps_the_nearest_and_the_sick_and_counts_the_rest() -> None:
    names = [f"a{number:02d}" for number in range(30)]
    sick = [*account("sick", success="0.0"), *failures("sick", "balance", dns=3)]
    far = [line for number, name in enumerate(names) for line in position(name, "X", f"0.{number + 20}")]
    overview = seen(*(line for name in names for line in account(name)), *sick, *far)

    text = plain(draw(scene(overview), width=80, height=24))

    assert "\nsick  " in text
    assert "sick: balance: dns" in text
    assert "a00      X       long     20.0%" in text
    assert "and 27 more accounts and assets" in text
    assert "positions farther away" in text
    left_off = int(text.rpartition("and ")[2].partition(" ")[0])
    assert left_off + text.count("  X  ") == 30


def test_hostile_names_do_not_steer_the_terminal() -> None:
    lines = draw(scene(seen(*account("a"), *position("a", "\x1b[2J\u202e", "0.3"))), width=120, height=30)

    assert r"\x1b[2J\u202e" in plain(lines)
    assert all(line.plain.isprintable() for line in lines)


def test_closeness_has_a_colour(overview: Overview) -> None:
    styles = {str(span.style) for line in draw(scene(overview)) for span in line.spans}

    assert {"bold red", "green"} <= styles


def test_an_id_is_shown_where_there_is_one(overview: Overview) -> None:
    told = replace(overview, positions=tuple(replace(one, position_id="77") for one in overview.positions))

    assert " id " in plain(draw(scene(told)))
    assert " id " not in plain(draw(scene(overview)))

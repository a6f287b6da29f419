"""What a page shows of the accounts, and what it leaves unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest
from unit.cli.watched import NOW, account, failures, position, seen

from exporter.cli.top.reading import PageError
from exporter.cli.top.seeing import FAMILIES, see
from exporter.cli.top.view import Trouble
from exporter.metrics.catalogue import SUBJECTS
from exporter.metrics.own import OwnMetrics


def test_every_family_that_is_read_is_one_that_the_exporter_has() -> None:
    own = OwnMetrics(version="", revision="", endpoints=(), process=False).catalogue()
    there = {family.name for subject in SUBJECTS for family in subject.families} | set(own)

    assert FAMILIES - there == {"process_start_time_seconds"}


def test_an_account_has_its_numbers_and_the_age_of_the_oldest() -> None:
    (one,) = seen(*account("alpha"), *position("alpha", "A", "0.3"), *position("alpha", "B", "0.2")).accounts

    assert (one.name, one.environment, one.positions, one.nearest) == ("alpha", "live", 2, Decimal("0.2"))
    assert (one.asked, one.troubles) == (NOW - 3, ())
    (funds,) = one.funds
    assert (funds.asset, funds.equity, funds.used_margin, funds.unrealized_pnl) == (
        "USDT",
        Decimal("1234.5"),
        Decimal(0),
        Decimal("-7.25"),
    )


def test_positions_come_nearest_to_liquidation_first_and_unknown_ones_last() -> None:
    overview = seen(
        *account("a"),
        *account("b"),
        *position("a", "FAR", "0.5"),
        *position("a", "NONE", None),
        *position("b", "NEAR", "0.01"),
    )

    assert [one.symbol for one in overview.positions] == ["NEAR", "FAR", "NONE"]
    assert overview.positions[2].distance is None


def test_numbers_that_have_left_the_page_are_unknown_and_said_to_be_withdrawn() -> None:
    lines = account("alpha", success="0.0", asked=NOW - 60, equity=False)
    (one,) = seen(*lines, *failures("alpha", "positions", timeout=3)).accounts

    assert (one.funds, one.positions, one.nearest, one.asked) == ((), None, None, None)
    assert one.troubles == (
        Trouble(collector="positions", reasons=("timeout",), failures=3, last_success=NOW - 60, withdrawn=True),
        Trouble(collector="balance", reasons=(), failures=3, last_success=NOW - 60, withdrawn=True),
    )


def test_a_collector_that_hangs_after_a_success_is_told_once_its_numbers_are_gone() -> None:
    (one,) = seen(*account("alpha", asked=NOW - 60, equity=False)).accounts

    assert [(trouble.collector, trouble.withdrawn) for trouble in one.troubles] == [
        ("positions", True),
        ("balance", True),
    ]


def test_the_reason_is_the_one_that_grew_since_the_last_page() -> None:
    lines = account("alpha", success="0.0")
    first = seen(*lines, *failures("alpha", "balance", timeout=1, dns=4))
    second = seen(*lines, *failures("alpha", "balance", timeout=2, dns=4), before=first)
    third = seen(*lines, *failures("alpha", "balance", timeout=2, dns=4), before=second)
    anew = seen(*lines, *failures("alpha", "balance", dns=1), before=third)

    found = [one.accounts[0].troubles[1].reasons for one in (first, second, third, anew)]
    assert found == [("timeout", "dns"), ("timeout",), ("timeout",), ("dns",)]


def test_what_is_blanked_keeps_the_names_and_no_number() -> None:
    blank = seen(*account("alpha"), *position("alpha", "A", "0.3")).blanked()

    (one,) = blank.accounts
    assert (one.name, one.funds, one.positions, one.nearest, one.asked) == ("alpha", (), None, None, None)
    assert blank.positions == ()


def test_a_page_of_something_else_is_refused() -> None:
    with pytest.raises(PageError, match="not of a bingx-exporter"):
        see({}, now=NOW)

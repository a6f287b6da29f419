"""What a key could do beyond what an exporter needs, and what to do about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.app.rights import mend, powers
from exporter.model import CollectorName, KeyPermissions

SAFE = KeyPermissions(read=True, trade=False, withdraw=False, transfer=False, spot=False, ip_restricted=True)
OPEN = KeyPermissions(read=True, trade=True, withdraw=True, transfer=True, spot=True, ip_restricted=False)


def test_a_key_that_only_reads_needs_nothing() -> None:
    assert powers(SAFE) == "only reads"
    assert mend(SAFE, tuple(CollectorName)) == ""


def test_all_that_a_key_could_do_is_said() -> None:
    assert powers(OPEN) == "could trade, could withdraw, could transfer, could trade spot, not bound to addresses"


def test_the_right_that_income_needs_is_no_reproach_where_income_is_read() -> None:
    trading = replace(SAFE, trade=True)

    assert powers(trading) == "could trade"
    assert mend(trading, {CollectorName.INCOME}) == ""
    assert "no use for `Perpetual Futures Trading`" in mend(trading, {CollectorName.BALANCE, CollectorName.POSITIONS})


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (replace(SAFE, withdraw=True), "Withdraw"),
        (replace(SAFE, transfer=True), "Transfer"),
        (replace(SAFE, spot=True), "Spot Trading"),
    ],
)
def test_a_right_without_a_use_is_named(key: KeyPermissions, name: str) -> None:
    assert mend(key, tuple(CollectorName)) == f"the exporter has no use for `{name}`: make a key without"


def test_a_key_that_works_everywhere_is_to_be_bound_and_one_that_nobody_knows_of_is_not() -> None:
    assert "bind the key to the address" in mend(replace(SAFE, ip_restricted=False), tuple(CollectorName))
    assert mend(replace(SAFE, ip_restricted=None), tuple(CollectorName)) == ""
    assert powers(replace(SAFE, ip_restricted=None)) == "only reads"

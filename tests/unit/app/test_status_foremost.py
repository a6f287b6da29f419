"""Which assets of an account are on the status page."""

from __future__ import annotations

from decimal import Decimal

from exporter.app.status.foremost import MOST_ASSETS, foremost
from exporter.model import Balance


def asset(name: str, *, equity: str | None = "0", used: str | None = "0") -> Balance:
    return Balance(
        asset=name,
        balance=None,
        equity=None if equity is None else Decimal(equity),
        unrealized_pnl=None,
        realized_pnl=None,
        available_margin=None,
        used_margin=None if used is None else Decimal(used),
        frozen_margin=None,
    )


def names(*assets: Balance) -> list[str]:
    return [one.asset for one in foremost(assets)]


def test_a_few_assets_are_all_shown_in_their_order() -> None:
    assert names(asset("A"), asset("B", equity="1"), asset("C", used=None)) == ["A", "B", "C"]


def test_of_many_assets_those_in_use_are_shown() -> None:
    empty = [asset(f"E{number}", equity=None) for number in range(MOST_ASSETS)]
    assert names(*empty, asset("HELD", equity="5"), asset("USED", used="1")) == [
        *(one.asset for one in empty[: MOST_ASSETS - 2]),
        "HELD",
        "USED",
    ]

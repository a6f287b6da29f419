"""Names that nobody would choose, on a page that every reader still reads as they were."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import ManualClock
from support.exposition import families_of_openmetrics, families_of_text, samples

from exporter.metrics import account, position
from exporter.metrics.catalogue import ACCOUNT_SUBJECTS
from exporter.metrics.page import Page
from exporter.metrics.position import OpenPositions
from exporter.metrics.render import END_OF_OPENMETRICS, Format, label_block
from exporter.model import Account, Position, Side

NAMES = (
    'quote"d',
    'ends in "',
    "back\\slash",
    "ends in \\",
    "\\n",
    "\\\\n",
    "line\nfeed",
    "carriage\rreturn",
    "tab\there",
    "nul\0",
    "unit\x1fseparator",
    "delete\x7f",
    "next\x85line",
    "\u2028line\u2029s",
    " leading",
    "trailing ",
    " ",
    "\u200fright to left\u202e",
    "no\u00adbreak\u200d\ufeff",
    "币安人生-USDT",
    "\U0001f680\U0010ffff",
    '{a="b"} 1 # EOF',
    "# EOF",
    "a,b=c",
    "x" * 10_000,
)


def page_of(names: Iterable[str], *, accounts: Iterable[str] = ("main",), exposition: Format) -> bytes:
    page = Page(ACCOUNT_SUBJECTS, clock=ManualClock())
    page.arrange(tuple(accounts))
    for name in accounts:
        page.put(account.INFO, name, Account(name=name, labels={"desk": name}))
        page.put(position.POSITION, name, OpenPositions(positions=tuple(map(one, names))))
    return page.body(exposition) + (END_OF_OPENMETRICS if exposition is Format.OPENMETRICS else b"")


def one(symbol: str) -> Position:
    return Position(
        position_id="1", symbol=symbol, asset=symbol, side=Side.LONG, margin_mode=None, amount=Decimal(len(symbol))
    )


def read(page: bytes, exposition: Format) -> dict[str, float]:
    """Read the page strictly (a series that stands there twice fails): the amount by the symbol."""
    parse = families_of_text if exposition is Format.TEXT else families_of_openmetrics
    found = samples(parse(page.decode("utf-8")))
    return {
        labels_of["symbol"]: value
        for (name, labels), value in found.items()
        if name == "bingx_position_amount" and (labels_of := dict(labels))["asset"] == labels_of["symbol"]
    }


@pytest.mark.parametrize("exposition", Format)
def test_every_name_is_read_back_as_it_was(exposition: Format) -> None:
    page = page_of(NAMES, exposition=exposition)

    assert read(page, exposition) == {name: len(name) for name in NAMES}


@pytest.mark.parametrize("exposition", Format)
def test_an_account_and_its_labels_are_read_back_as_they_were(exposition: Format) -> None:
    parse = families_of_text if exposition is Format.TEXT else families_of_openmetrics
    found = samples(parse(page_of([], accounts=NAMES, exposition=exposition).decode("utf-8")))

    infos = {frozenset(dict(labels).items()) for name, labels in found if name == "bingx_account_info"}
    assert infos == {frozenset({"account": name, "environment": "live", "desk": name}.items()) for name in NAMES}


@given(st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=8))
def test_any_names_stay_apart_and_whole(names: set[str]) -> None:
    for exposition in Format:
        assert read(page_of(names, exposition=exposition), exposition) == {name: len(name) for name in names}


def test_half_a_character_does_not_break_the_page_nor_make_two_names_one() -> None:
    """It is refused wherever a text comes in; this is what lies behind that."""
    blocks = {label_block([("a", name)]) for name in ("\ud800", "\ud801", "?")}

    assert len(blocks) == 3
    assert read(page_of(["\ud800", "\ud801", "?"], exposition=Format.TEXT), Format.TEXT) == {
        "\\ud800": 1,
        "\\ud801": 1,
        "?": 1,
    }


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_the_reader_of_prometheus_takes_the_page_without_a_word() -> None:
    page = page_of(NAMES, accounts=("main", *NAMES), exposition=Format.TEXT)
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

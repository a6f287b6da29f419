"""Work during which the collector of cyclic garbage is held, and nothing beyond it."""

from __future__ import annotations

import asyncio
import gc

import pytest

from exporter.web.kept import Kept
from exporter.web.site import Document
from exporter.web.uncollected import uncollected


def test_the_collector_is_held_in_the_block_and_goes_on_after_it() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_a_mistake_as_well() -> None:
    with pytest.raises(LookupError), uncollected():
        raise LookupError
    assert gc.isenabled()


def test_who_has_switched_it_off_finds_it_so() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_who_switches_it_on_meanwhile_finds_it_so() -> None:
    gc.disable()
    with uncollected():
        gc.enable()
    assert gc.isenabled()


def test_a_document_is_made_while_it_is_held_and_by_then_it_goes_on_again() -> None:
    held = []

    def make() -> Document:
        held.append(not gc.isenabled())
        return Document(html="page")

    asyncio.run(Kept(make).get())
    assert held == [True]
    assert gc.isenabled()

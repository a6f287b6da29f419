"""A document that is made on a thread and kept for a moment."""

from __future__ import annotations

import asyncio
import gzip
import threading

import pytest

from exporter.web.kept import Kept
from exporter.web.site import Document


class Maker:
    """Counts, and makes as many mistakes as it is told to."""

    def __init__(self, mistakes: int = 0) -> None:
        self.made = 0
        self.mistakes = mistakes
        self.threads: set[str] = set()

    def __call__(self) -> Document:
        self.made += 1
        self.threads.add(threading.current_thread().name)
        if self.made <= self.mistakes:
            raise LookupError
        return Document(html=f"höhe {self.made}", security_policy="p")


def test_all_who_ask_at_once_share_one_document_made_elsewhere() -> None:
    maker = Maker()

    async def ask() -> None:
        kept = Kept(maker)
        ready = await asyncio.gather(*(kept.get() for _ in range(5)))
        assert {one.plain.decode() for one in ready} == {gzip.decompress(ready[0].compressed).decode()} == {"höhe 1"}
        assert (await kept.get()) is ready[0]

    asyncio.run(ask())
    assert maker.made == 1
    assert maker.threads == {"document"}


def test_after_a_second_it_is_made_anew() -> None:
    maker = Maker()

    async def ask() -> None:
        kept = Kept(maker)
        await kept.get()
        kept._good_until -= 1.0
        assert (await kept.get()).plain.decode() == "höhe 2"

    asyncio.run(ask())


def test_a_mistake_is_told_and_not_kept() -> None:
    async def ask() -> None:
        kept = Kept(Maker(mistakes=1))
        with pytest.raises(LookupError):
            await kept.get()
        assert (await kept.get()).plain.decode() == "höhe 2"

    asyncio.run(ask())


def test_one_who_goes_away_does_not_take_it_from_the_others() -> None:
    maker = Maker()

    async def ask() -> None:
        kept = Kept(maker)
        impatient = asyncio.create_task(kept.get())
        patient = asyncio.create_task(kept.get())
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await patient).plain.decode() == "höhe 1"

    asyncio.run(ask())
    assert maker.made == 1

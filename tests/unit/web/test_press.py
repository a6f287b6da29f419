"""A page put together from pieces that were compressed at different times is one member that everybody reads."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib

from exporter.web.pieces import Parts
from exporter.web.press import Press

Page = list[list[bytes]]
LINE = b'bingx_up{account="main"} 1.0\n'
lines = st.one_of(st.binary(max_size=300), st.builds(lambda times: LINE * times, st.integers(0, 6000)))
pages: st.SearchStrategy[Page] = st.lists(st.lists(lines, max_size=4), max_size=6)


def blocks(page: Page) -> list[Parts]:
    return [Parts(*parts) for parts in page]


def plain(page: Sequence[Parts]) -> bytes:
    return b"".join(part for block in page for part in block.parts)


def read(packed: bytes) -> bytes:
    """Read as a client does that knows of one member only, and goes no further."""
    one = zlib.decompressobj(wbits=31)
    text = one.decompress(packed)
    assert one.eof
    assert one.unused_data == b""
    return text


@given(pages)
def test_any_page_is_one_member_for_every_reader(page: Page) -> None:
    packed = plain(Press().gzip("text", blocks(page)))

    assert read(packed) == plain(blocks(page))
    assert gzip.decompress(packed) == plain(blocks(page))
    assert isal_zlib.decompress(packed, wbits=31) == plain(blocks(page))


@given(st.lists(st.tuples(st.sampled_from(["text", "openmetrics"]), pages), max_size=12))
def test_what_is_kept_never_shows_in_another_page(asked: list[tuple[str, Page]]) -> None:
    press = Press()
    for content_type, page in asked:
        assert read(plain(press.gzip(content_type, blocks(page)))) == plain(blocks(page))


@given(pages, st.integers(0, 5), lines)
def test_a_page_after_a_change_is_that_of_a_press_that_knew_nothing(page: Page, at: int, new: bytes) -> None:
    press = Press()
    press.gzip("text", blocks(page))
    changed = [*page[:at], [new], *page[at + 1 :]]

    assert plain(press.gzip("text", blocks(changed))) == plain(Press().gzip("text", blocks(changed)))


def test_a_block_that_looks_like_the_one_before_does_not_refer_to_it() -> None:
    press = Press()
    press.gzip("text", blocks([[LINE * 2000], [LINE * 2000]]))

    assert read(plain(press.gzip("text", blocks([[b"x" * 10], [LINE * 2000]])))) == b"x" * 10 + LINE * 2000


def test_equal_blocks_are_not_compressed_again() -> None:
    press = Press()
    same = [LINE] * 5000
    first = press.gzip("text", blocks([same, [b"now 1\n"]]))
    second = press.gzip("text", blocks([list(same), [b"now 2\n"]]))

    assert first[0].parts[1] is second[0].parts[1]
    assert first[0].parts[2] is not second[0].parts[2]


@pytest.mark.parametrize(("others", "kept"), [(7, True), (8, False)])
def test_a_content_type_that_nobody_asks_for_any_more_is_let_go(others: int, kept: bool) -> None:
    press, page = Press(), [[LINE] * 5000]
    first = press.gzip("text", blocks(page))
    for _ in range(others):
        press.gzip("openmetrics", blocks(page))

    assert (press.gzip("text", blocks(page))[0].parts[1] is first[0].parts[1]) is kept


def test_a_page_is_handed_out_in_blocks_of_some_size() -> None:
    noise = [[zlib.crc32(str(number).encode()).to_bytes(4, "little") * 1 for number in range(30_000)]] * 8
    handed = Press().gzip("text", blocks(noise))

    assert len(handed) > 3
    assert all(1 << 17 <= block.size < 1 << 19 for block in handed[:-1])
    assert all(block.size == sum(map(len, block.parts)) for block in handed)


def test_a_page_that_nobody_wants_compressed_any_more_is_let_go() -> None:
    press = Press()
    press.gzip("text", blocks([[LINE * 6000]]))
    for _ in range(8):
        press.passed()

    assert not press._editions

"""How a page is divided, and that nothing is lost or moved by it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics.blocks import Block, blocks_of, run_of

families = st.lists(
    st.tuples(st.binary(max_size=40), st.lists(st.binary(max_size=1500), min_size=1, max_size=60)), max_size=8
)
Families = list[tuple[bytes, list[bytes]]]


def divided(page: Families, least: int = 4000) -> list[Block]:
    return list(blocks_of((run_of(header, list(lines)) for header, lines in page), least=least))


def text(blocks: list[Block]) -> bytes:
    return b"".join(part for block in blocks for part in block.parts)


@given(families)
def test_blocks_are_the_page_in_its_order(page: Families) -> None:
    assert text(divided(page)) == b"".join(header + b"".join(lines) for header, lines in page)


@given(families)
def test_a_block_knows_its_size(page: Families) -> None:
    assert all(block.size == sum(map(len, block.parts)) for block in divided(page))


def test_a_number_that_gets_longer_changes_only_its_own_block() -> None:
    def page(changed: bytes) -> list[Block]:
        lines = [b"%4d " % number + b"x" * 900 for number in range(100)]
        lines[7] = changed
        return divided([(b"first", lines), (b"second", list(lines[10:]))])

    before, after = page(b"x" * 900), page(b"x" * 930)

    assert len(before) >= 40
    assert [old == new for old, new in zip(before, after, strict=True)].count(False) == 1


def test_a_small_page_is_one_block() -> None:
    assert len(divided([(b"header", [b"x" * 90] * 3)] * 10)) == 1

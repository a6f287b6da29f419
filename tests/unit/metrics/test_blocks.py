"""How a page is divided, and that nothing is lost or moved by it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics.blocks import Block, amended, blocks_of, run_of

families = st.lists(
    st.tuples(st.binary(max_size=40), st.lists(st.binary(max_size=1500), min_size=1, max_size=60)), max_size=8
)
Families = list[tuple[bytes, list[bytes]]]


def divided(page: Families, least: int = 4000) -> list[Block]:
    return list(blocks_of((run_of(header, lines, least=least) for header, lines in page), least=least))


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


@given(families)
def test_a_block_is_not_small_beside_another_small_one(page: Families) -> None:
    sizes = [block.size for block in divided(page)]

    assert all(one >= 2000 or other >= 2000 for one, other in pairwise(sizes))


parts = st.binary(min_size=300, max_size=1500)


@given(st.binary(max_size=40), st.lists(parts, min_size=1, max_size=60), st.data())
def test_an_amended_run_is_the_one_that_would_be_made_and_has_the_other_blocks_of_before(
    header: bytes, lines: list[bytes], data: st.DataObject
) -> None:
    before = run_of(header, lines, least=4000)
    others = data.draw(st.dictionaries(st.integers(0, len(lines) - 1), parts, max_size=3))

    after = amended(before, others, least=4000)

    anew = run_of(header, [others.get(place, line) for place, line in enumerate(lines)], least=4000)
    assert after in {None, anew}
    if after is None:
        assert 0 in {before.step, anew.step} or before.step != anew.step
        return
    touched = {(place + 1) // before.step for place in others}
    untouched = [at for at in range(len(before.blocks)) if at not in touched]
    assert all(after.blocks[at] is before.blocks[at] for at in untouched)


def test_lines_that_grow_are_divided_anew_once_there_is_enough_for_another_block() -> None:
    lines = [b"x" * 700] * 11
    run = run_of(b"", lines, least=4000)

    assert amended(run, {0: b"x" * 900}, least=4000) == run_of(b"", [b"x" * 900, *lines[1:]], least=4000)
    assert amended(run, {0: b"x" * 1100}, least=4000) is None


def test_many_small_families_are_no_large_block() -> None:
    assert {block.size for block in divided([(b"header ", [b"x" * 993])] * 18)} == {4000, 2000}


def test_a_small_page_is_one_block() -> None:
    assert len(divided([(b"header", [b"x" * 90] * 3)] * 10)) == 1

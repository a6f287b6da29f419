from __future__ import annotations

from typing import TYPE_CHECKING

from unit.ledger.exchange import row

from exporter.ledger.matching import Amendment, NewRow, Row, compare, content_of, storable

if TYPE_CHECKING:
    from exporter.ledger.matching import Content
    from exporter.model import IncomeEntry


def shown(*rows: IncomeEntry) -> list[tuple[Content, str]]:
    return [(content_of(item), item.info) for item in rows]


def known(*rows: IncomeEntry) -> list[Row]:
    return [new.row for new in compare([], shown(*rows)).new]


def test_identical_rows_are_told_apart_by_their_ordinal() -> None:
    match = compare([], shown(row(), row(), row(amount="2")))

    assert [new.row.ordinal for new in match.new] == [0, 1, 0]


def test_a_reread_enters_only_the_ordinals_that_are_missing() -> None:
    match = compare(known(row(), row()), shown(row(), row(), row(info="other")))

    assert match.new == (NewRow(Row(content_of(row()), 2), "other"),)
    assert match.known == 2


def test_the_text_and_the_trailing_zeros_of_a_row_do_not_make_it_another() -> None:
    match = compare(known(row(amount="1.50", info="old")), shown(row(amount="1.5", info="new")))

    assert (match.new, match.missing, match.known) == ((), (), 1)


def test_a_row_with_the_same_ids_in_place_of_a_known_one_is_an_amendment() -> None:
    match = compare(known(row(amount="1")), shown(row(amount="2")))

    assert match.amended == (Amendment(Row(content_of(row(amount="1")), 0), content_of(row(amount="2"))),)
    assert (match.new, match.missing) == ((), ())


def test_an_amendment_needs_a_transaction_id() -> None:
    match = compare(known(row(amount="1", tran_id="")), shown(row(amount="2", tran_id="")))

    assert (len(match.new), len(match.missing), match.amended) == (1, 1, ())


def test_an_amendment_keeps_ids_type_and_time() -> None:
    others = [
        row(amount="2", trade_id="other"),
        row(amount="2", income_type="ADL"),
        row(1, amount="2"),
        row(amount="2", tran_id="other"),
    ]

    assert all(not compare(known(row()), shown(other)).amended for other in others)


def test_an_amended_asset_or_symbol_is_an_amendment_too() -> None:
    assert compare(known(row()), shown(row(asset="USDC"))).amended
    assert compare(known(row()), shown(row(symbol="ETH-USDT"))).amended


def test_a_row_that_comes_beside_a_known_one_is_new_whatever_its_ids() -> None:
    match = compare(known(row(amount="1")), shown(row(amount="1"), row(amount="2")))

    assert (len(match.new), match.amended) == (1, ())


def test_a_remembered_amendment_is_recognised_before_another_is_looked_for() -> None:
    remembered = compare(known(row(amount="1")), shown(row(amount="5"))).amended

    match = compare(known(row(amount="1")), shown(row(amount="5"), row(amount="3")), remembered=remembered)

    assert match.amended == remembered
    assert [new.row.content.amount for new in match.new] == ["3"]


def test_a_missing_row_without_a_partner_is_missing() -> None:
    assert compare(known(row(), row()), shown(row())).missing == (Row(content_of(row()), 1),)


def test_what_not_every_database_can_hold_is_replaced() -> None:
    assert storable("a\0b\ud800MØTH") == "a\ufffdb\ufffdMØTH"
    assert storable("MØTH-USDT") == "MØTH-USDT"


def test_in_a_truncated_window_only_a_remembered_amendment_is_recognised() -> None:
    remembered = compare(known(row(amount="1")), shown(row(amount="5"))).amended

    match = compare(
        known(row(amount="1")), shown(row(amount="5"), row(amount="6")), remembered=remembered, truncated=True
    )
    first_seen = compare(known(row(amount="1")), shown(row(amount="6")), truncated=True)

    assert (match.amended, [new.row.content.amount for new in match.new]) == (remembered, ["6"])
    assert (first_seen.amended, first_seen.missing, len(first_seen.new)) == ((), (), 1)

"""What a window shows against what the ledger knows of it: new rows, amended ones, and rows that are no longer there.

Pure. Two rows are the same if their content is, all but the free text; rows of equal content are told apart by their
ordinal, counted from 0 in a window that was read completely. An amendment is a known row that is gone while another
with the same ids, type and time has come in its place.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from exporter.ledger.amounts import amount_text
from exporter.model import to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from exporter.model import IncomeEntry

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


class Label(NamedTuple):
    """The label set of a series."""

    income_type: str
    symbol: str
    asset: str


class Content(NamedTuple):
    """All of an income row that tells it from others; `amount` in its normal form."""

    label: Label
    time_ms: int
    amount: str
    tran_id: str
    trade_id: str


class Row(NamedTuple):
    """An income row in the ledger: its content, and which of the rows with that content it is."""

    content: Content
    ordinal: int


class NewRow(NamedTuple):
    """A row to enter, with its free text."""

    row: Row
    info: str


class Amendment(NamedTuple):
    """A row that the exchange has replaced, and the content that stands there now."""

    row: Row
    now: Content


class Match(Struct, frozen=True, kw_only=True):
    """The outcome of a comparison; `known` counts the shown rows that are in the ledger."""

    new: tuple[NewRow, ...]
    amended: tuple[Amendment, ...]
    missing: tuple[Row, ...]
    known: int


def content_of(entry: IncomeEntry) -> Content:
    """Return what identifies `entry`; raises `ValueError` if its amount is none."""
    return Content(
        label=label_of(entry.income_type, entry.symbol, entry.asset),
        time_ms=to_milliseconds(entry.time),
        amount=amount_text(entry.amount),
        tran_id=storable(entry.tran_id),
        trade_id=storable(entry.trade_id),
    )


def label_of(income_type: str, symbol: str, asset: str) -> Label:
    """Return the label set, in the form in which it is stored."""
    return Label(storable(income_type), storable(symbol), storable(asset))


def storable(text: str) -> str:
    """Return `text` with a replacement mark for what not every database can hold: NUL and lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return "".join(
        _REPLACEMENT if character == "\0" or "\ud800" <= character <= "\udfff" else character for character in text
    )


def compare(
    known: Iterable[Row],
    shown: Iterable[tuple[Content, str]],
    *,
    remembered: Collection[Amendment] = (),
    truncated: bool = False,
) -> Match:
    """Compare all rows that are `known` of a window with those that were `shown` (content and free text).

    An amendment that is `remembered` is recognised again before new ones are looked for. In a window that is
    `truncated` a row may merely be out of sight, so that nothing is missing and nothing can be seen to be replaced.
    """
    present: defaultdict[Content, list[str]] = defaultdict(list)
    for content, info in shown:
        present[content].append(info)
    recorded: defaultdict[Content, list[int]] = defaultdict(list)
    for content, ordinal in known:
        recorded[content].append(ordinal)
    surplus = {content: infos[len(recorded.get(content, ())) :] for content, infos in present.items()}
    missing = [
        Row(content, ordinal)
        for content, ordinals in recorded.items()
        for ordinal in sorted(ordinals)[len(present.get(content, ())) :]
    ]
    amended = tuple(_repeated(missing, surplus, remembered))
    missing = [] if truncated else _without(missing, amended)
    amended += tuple(_replaced(sorted(missing), surplus))
    new = tuple(
        NewRow(Row(content, ordinal), info)
        for content, infos in surplus.items()
        for ordinal, info in enumerate(infos, start=len(recorded.get(content, ())))
    )
    return Match(
        new=new,
        amended=amended,
        missing=tuple(_without(missing, amended)),
        known=sum(map(len, present.values())) - len(new) - len(amended),
    )


def _repeated(
    missing: Iterable[Row], surplus: dict[Content, list[str]], remembered: Iterable[Amendment]
) -> Iterator[Amendment]:
    """Find the remembered amendments that still stand, taking their rows out of `surplus`."""
    gone = set(missing)
    for amendment in remembered:
        if amendment.row in gone and surplus.get(amendment.now):
            surplus[amendment.now].pop()
            gone.remove(amendment.row)
            yield amendment


def _replaced(missing: Iterable[Row], surplus: dict[Content, list[str]]) -> Iterator[Amendment]:
    """Pair missing rows with surplus ones of the same ids, taking the latter out of `surplus`."""
    candidates: defaultdict[tuple[object, ...], list[Content]] = defaultdict(list)
    for content in sorted(content for content, infos in surplus.items() if infos and content.tran_id):
        candidates[_ids(content)].append(content)
    for row in missing:
        now = next((content for content in candidates[_ids(row.content)] if surplus[content]), None)
        if now is not None:
            surplus[now].pop()
            yield Amendment(row, now)


def _without(rows: Iterable[Row], amended: Iterable[Amendment]) -> list[Row]:
    replaced = {amendment.row for amendment in amended}
    return [row for row in rows if row not in replaced]


def _ids(content: Content) -> tuple[object, ...]:
    return content.tran_id, content.trade_id, content.label.income_type, content.time_ms

"""The statements on the tables, one function each; every one runs inside a transaction of the caller.

Nothing here decides anything: what to enter is worked out in `recording`. What the tables mean is told in `migrations`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

from exporter.ledger.amounts import Sums, plain
from exporter.ledger.matching import Amendment, Content, Label, NewRow, Row
from exporter.ledger.mirror import Mirror, Series, State, Tally
from exporter.model import shared, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exporter.ledger.connection import Connection
    from exporter.ledger.opening import Opening

AMENDED = "amended"
VANISHED = "vanished"

FOREVER_MS: Final = 2**62
"""A moment after all others."""

_NOTHING: Final = Sums()

_NAMES: Final = "SELECT name FROM account ORDER BY id"
_ACCOUNTS: Final = """
SELECT id, name, user_id, since, epoch_ms, cursor_ms, compacted_until_ms, baseline_complete, revision,
       late, amended, vanished
FROM account WHERE name IN :names"""
_ADD_ACCOUNT: Final = """
INSERT INTO account (name, since, epoch_ms, cursor_ms, baseline_complete, late, amended, vanished, revision, created_ms)
VALUES (:name, :since, :epoch_ms, :epoch_ms, :baseline_complete, 0, 0, 0, 0, :now_ms)"""
_STATE: Final = """
SELECT revision, cursor_ms, (SELECT CAST(coalesce(sum(entries), 0) AS BIGINT) FROM series WHERE account_id = :id)
FROM account WHERE id = :id"""
_TOUCH: Final = """
UPDATE account SET
       revision = revision + 1,
       user_id = coalesce(:user_id, user_id),
       cursor_ms = coalesce(:cursor_ms, cursor_ms),
       compacted_until_ms = coalesce(:compacted_until_ms, compacted_until_ms),
       baseline_complete = coalesce(:baseline_complete, baseline_complete),
       late = coalesce(:late, late),
       amended = coalesce(:amended, amended),
       vanished = coalesce(:vanished, vanished)
WHERE id = :id"""

_SERIES: Final = """
SELECT account_id, id, income_type, symbol, asset, credited, debited, entries,
       compacted_credited, compacted_debited, compacted_entries, moved, created_ms
FROM series WHERE account_id IN :accounts ORDER BY income_type, symbol, asset"""
_ADD_SERIES: Final = """
INSERT INTO series (account_id, income_type, symbol, asset, credited, debited, entries, moved, created_ms)
VALUES (:account_id, :income_type, :symbol, :asset, '0', '0', 0, :moved, :now_ms)"""
_SET_SUMS: Final = "UPDATE series SET credited = :credited, debited = :debited, entries = :entries WHERE id = :id"
_SET_COMPACTED: Final = """
UPDATE series SET compacted_credited = :credited, compacted_debited = :debited, compacted_entries = :entries
WHERE id = :id"""
_SET_MOVED: Final = "UPDATE series SET moved = :moved WHERE id = :id"

_ENTRIES: Final = """
SELECT income_type, symbol, asset, time_ms, amount, tran_id, trade_id, ordinal
FROM entry JOIN series ON entry.series_id = series.id
WHERE account_id = :account_id AND time_ms >= :start_ms AND time_ms < :end_ms"""
_ENTRIES_IN_FULL: Final = """
SELECT income_type, symbol, asset, time_ms, amount, tran_id, trade_id, ordinal, info
FROM entry JOIN series ON entry.series_id = series.id
WHERE account_id = :account_id AND time_ms >= :start_ms AND time_ms < :end_ms
ORDER BY time_ms, series_id, tran_id"""
_DEVIATIONS: Final = """
SELECT income_type, symbol, asset, time_ms, amount, tran_id, trade_id, ordinal, now_symbol, now_asset, now_amount
FROM deviation JOIN series ON deviation.series_id = series.id
WHERE account_id = :account_id AND time_ms >= :start_ms AND time_ms < :end_ms AND kind = :kind"""
_AMOUNTS: Final = "SELECT amount FROM entry WHERE series_id = :series_id AND time_ms < :before_ms"
_ADD_ENTRY: Final = """
INSERT INTO entry (series_id, time_ms, amount, tran_id, trade_id, ordinal, info, late, recorded_ms)
VALUES (:series_id, :time_ms, :amount, :tran_id, :trade_id, :ordinal, :info, :late, :now_ms)"""
_ADD_DEVIATION: Final = """
INSERT INTO deviation (series_id, time_ms, amount, tran_id, trade_id, ordinal,
                       kind, now_symbol, now_asset, now_amount, noticed_ms)
VALUES (:series_id, :time_ms, :amount, :tran_id, :trade_id, :ordinal,
        :kind, :now_symbol, :now_asset, :now_amount, :now_ms)"""
_REMOVE_ENTRIES: Final = "DELETE FROM entry WHERE series_id = :series_id AND time_ms < :before_ms"
_REMOVE_DEVIATIONS: Final = "DELETE FROM deviation WHERE series_id = :series_id AND time_ms < :before_ms"

_OPEN_GAPS: Final = """
SELECT account_id, start_ms, end_ms FROM gap WHERE account_id IN :accounts AND closed_ms IS NULL
ORDER BY start_ms, end_ms"""
_ADD_GAP: Final = """
INSERT INTO gap (account_id, start_ms, end_ms, reason, noticed_ms)
VALUES (:account_id, :start_ms, :end_ms, :reason, :now_ms)
ON CONFLICT (account_id, start_ms, end_ms) DO UPDATE SET closed_ms = NULL"""
_CLOSE_GAPS: Final = """
UPDATE gap SET closed_ms = :now_ms
WHERE account_id = :account_id AND start_ms >= :start_ms AND end_ms <= :end_ms AND closed_ms IS NULL"""


class Changed(TypedDict, total=False):
    """What of an account may change."""

    user_id: str
    cursor_ms: int
    compacted_until_ms: int
    baseline_complete: bool
    late: int
    amended: int
    vanished: int


_UNCHANGED: Final[dict[str, object]] = dict.fromkeys(Changed.__annotations__)


def account_names(connection: Connection) -> tuple[str, ...]:
    """Return the names of all accounts, in the order of their creation."""
    return tuple(name for (name,) in connection.rows(_NAMES))


def state(connection: Connection, account_id: int) -> State | None:
    """Return by what it can be told whether anybody has written, `None` if the account is not there.

    The revision alone would do, were it not for a backup or a standby that others have written to since: theirs may
    have come to the same number.
    """
    row = connection.one(_STATE, id=account_id)
    return None if row is None else State(*row)


def load(connection: Connection, name: str, *, lock: bool = False) -> Mirror | None:
    """Return the account called `name`, `None` if there is none; `lock` keeps other writers out until the end."""
    return load_all(connection, [name], lock=lock).get(name)


def load_all(connection: Connection, names: Iterable[str], *, lock: bool = False) -> dict[str, Mirror]:
    """Return those of the accounts that are there, by name."""
    ask = connection.rows_for_update if lock else connection.rows
    rows = ask(_ACCOUNTS, names=tuple(names))
    keys = tuple(key for key, *_ in rows)
    gaps, known = _open_gaps(connection, keys), _series(connection, keys)
    return {name: _mirror((key, name, *rest), gaps[key], known[key]) for key, name, *rest in rows}


def add_accounts(connection: Connection, openings: Iterable[Opening], *, now_ms: int) -> None:
    """Create accounts with nothing read yet, none of which may exist."""
    connection.change_all(
        _ADD_ACCOUNT,
        [
            {
                "name": opening.name,
                "since": opening.spelled,
                "epoch_ms": to_milliseconds(opening.since),
                "baseline_complete": False,
                "now_ms": now_ms,
            }
            for opening in openings
        ],
    )


def touch(connection: Connection, account_id: int, **changed: Unpack[Changed]) -> None:
    """Change the account, and tell other processes that it has changed."""
    connection.change(_TOUCH, id=account_id, **{**_UNCHANGED, **changed})


def known_rows(connection: Connection, account_id: int, start_ms: int, end_ms: int) -> list[Row]:
    """Return every entry of the account in the window."""
    return [_row(row) for row in connection.rows(_ENTRIES, **_span(account_id, start_ms, end_ms))]


def known_entries(connection: Connection, account_id: int, start_ms: int, end_ms: int) -> Iterator[tuple[Content, str]]:
    """Yield every entry of the account in the window with its free text, in ascending order of time."""
    for *row, info in connection.stream(_ENTRIES_IN_FULL, **_span(account_id, start_ms, end_ms)):
        yield _row(row).content, info


def amendments(connection: Connection, account_id: int, start_ms: int, end_ms: int) -> list[Amendment]:
    """Return the amendments noticed so far in the window, in a fixed order."""
    rows = connection.rows(_DEVIATIONS, kind=AMENDED, **_span(account_id, start_ms, end_ms))
    return sorted(_amendment(row) for row in rows)


def vanished_rows(connection: Connection, account_id: int, start_ms: int, end_ms: int) -> set[Row]:
    """Return the entries in the window that a re-read has missed before."""
    rows = connection.rows(_DEVIATIONS, kind=VANISHED, **_span(account_id, start_ms, end_ms))
    return {_row(before) for *before, _symbol, _asset, _amount in rows}


def add_series(connection: Connection, account_id: int, labels: Iterable[Label], *, now_ms: int) -> None:
    """Create series at 0 for `labels`, none of which may exist."""
    new = {"account_id": account_id, "moved": False, "now_ms": now_ms}
    connection.change_all(_ADD_SERIES, [label._asdict() | new for label in labels])


def series_of(connection: Connection, account_id: int) -> dict[Label, Series]:
    """Return every series of the account, in the order of their labels."""
    return _series(connection, (account_id,))[account_id]


def add_entries(
    connection: Connection, known: Mapping[Label, Series], rows: Iterable[NewRow], *, cursor_ms: int, now_ms: int
) -> None:
    """Enter `rows` into their series; those before `cursor_ms` are marked late."""
    connection.change_all(
        _ADD_ENTRY,
        [
            _values(known, new.row) | {"info": new.info, "late": new.row.content.time_ms < cursor_ms, "now_ms": now_ms}
            for new in rows
        ],
    )


def set_sums(connection: Connection, sums: Mapping[int, Sums]) -> None:
    """Set the totals of series by their ids."""
    connection.change_all(_SET_SUMS, [{"id": key, **_texts(total)} for key, total in sums.items()])


def set_moved(connection: Connection, ids: Iterable[int]) -> None:
    """Allow series to appear at their totals."""
    connection.change_all(_SET_MOVED, [{"id": key, "moved": True} for key in ids])


def add_deviations(
    connection: Connection,
    known: Mapping[Label, Series],
    *,
    amended: Iterable[Amendment],
    vanished: Iterable[Row],
    now_ms: int,
) -> None:
    """Remember where a re-read disagreed, so that the next one does not count it again."""
    noticed = [(AMENDED, row, (now.label.symbol, now.label.asset, now.amount)) for row, now in amended]
    noticed += [(VANISHED, row, ("", "", "")) for row in vanished]
    connection.change_all(
        _ADD_DEVIATION,
        [
            _values(known, row)
            | {"kind": kind, "now_symbol": symbol, "now_asset": asset, "now_amount": amount, "now_ms": now_ms}
            for kind, row, (symbol, asset, amount) in noticed
        ],
    )


def open_gaps(connection: Connection, account_id: int) -> list[tuple[int, int]]:
    """Return the windows, in milliseconds, that could not be read completely, in ascending order."""
    return _open_gaps(connection, (account_id,))[account_id]


def add_gap(connection: Connection, account_id: int, start_ms: int, end_ms: int, *, reason: str, now_ms: int) -> None:
    """Note a window that could not be read completely, or note it again."""
    connection.change(_ADD_GAP, reason=reason, now_ms=now_ms, **_span(account_id, start_ms, end_ms))


def close_gaps(connection: Connection, account_id: int, start_ms: int, end_ms: int, *, now_ms: int) -> None:
    """Note that everything between the two moments has now been read completely."""
    connection.change(_CLOSE_GAPS, now_ms=now_ms, **_span(account_id, start_ms, end_ms))


def amounts(connection: Connection, series_id: int, *, before_ms: int = FOREVER_MS) -> Iterator[Decimal]:
    """Yield the amount of every entry of a series before a moment, by default of every one."""
    for (amount,) in connection.stream(_AMOUNTS, series_id=series_id, before_ms=before_ms):
        yield Decimal(amount)


def remove_compacted(connection: Connection, item: Series, compacted: Sums, *, before_ms: int) -> None:
    """Put `compacted` in the place of all entries of a series before a moment, and of what was noticed of them."""
    for statement in (_REMOVE_DEVIATIONS, _REMOVE_ENTRIES):
        connection.change(statement, series_id=item.id, before_ms=before_ms)
    connection.change(_SET_COMPACTED, id=item.id, **_texts(compacted))


def _span(account_id: int, start_ms: int, end_ms: int) -> dict[str, int]:
    return {"account_id": account_id, "start_ms": start_ms, "end_ms": end_ms}


def _series(connection: Connection, accounts: tuple[int, ...]) -> dict[int, dict[Label, Series]]:
    loaded: dict[int, dict[Label, Series]] = {account_id: {} for account_id in accounts}
    for account_id, *row in connection.rows(_SERIES, accounts=accounts) if accounts else ():
        key, income_type, symbol, asset, credited, debited, entries, *compacted, moved, created_ms = row
        label = Label(shared(income_type), shared(symbol), shared(asset))
        loaded[account_id][label] = Series(
            id=key,
            label=label,
            sums=_sums(credited, debited, entries),
            compacted=_sums(*compacted),
            moved=bool(moved),
            created_ms=created_ms,
        )
    return loaded


def _open_gaps(connection: Connection, accounts: tuple[int, ...]) -> dict[int, list[tuple[int, int]]]:
    loaded: dict[int, list[tuple[int, int]]] = {account_id: [] for account_id in accounts}
    for account_id, start_ms, end_ms in connection.rows(_OPEN_GAPS, accounts=accounts) if accounts else ():
        loaded[account_id].append((start_ms, end_ms))
    return loaded


def _mirror(row: tuple[Any, ...], gaps: list[tuple[int, int]], known: dict[Label, Series]) -> Mirror:
    key, name, user_id, since, epoch_ms, cursor_ms, compacted_until_ms, baseline_complete, revision, *counted = row
    late, amended, vanished = counted
    return Mirror(
        id=key,
        name=name,
        user_id=user_id,
        since=since,
        epoch_ms=epoch_ms,
        cursor_ms=cursor_ms,
        saved_cursor_ms=cursor_ms,
        compacted_until_ms=compacted_until_ms,
        baseline_complete=bool(baseline_complete),
        revision=revision,
        tally=Tally(late=late, amended=amended, vanished=vanished, gaps=len(gaps)),
        gaps=tuple(gaps),
        series=known,
        entries=sum(item.sums.entries for item in known.values()),
        income_types=tuple(dict.fromkeys(label.income_type for label in known)),
        symbols=tuple(dict.fromkeys(label.symbol for label in known if label.symbol)),
    )


def _sums(credited: str, debited: str, entries: int) -> Sums:
    if not entries and credited == debited == "0":
        return _NOTHING
    return Sums(credited=Decimal(credited), debited=Decimal(debited), entries=entries)


def _texts(sums: Sums) -> dict[str, str | int]:
    return {"credited": plain(sums.credited), "debited": plain(sums.debited), "entries": sums.entries}


def _row(found: Sequence[Any]) -> Row:
    income_type, symbol, asset, time_ms, amount, tran_id, trade_id, ordinal = found
    return Row(Content(Label(income_type, symbol, asset), time_ms, amount, tran_id, trade_id), ordinal)


def _amendment(found: Sequence[Any]) -> Amendment:
    *before, symbol, asset, amount = found
    row = _row(before)
    label = Label(row.content.label.income_type, symbol, asset)
    return Amendment(row, row.content._replace(label=label, amount=amount))


def _values(known: Mapping[Label, Series], row: Row) -> dict[str, Any]:
    content = row.content
    return {
        "series_id": known[content.label].id,
        "time_ms": content.time_ms,
        "amount": content.amount,
        "tran_id": content.tran_id,
        "trade_id": content.trade_id,
        "ordinal": row.ordinal,
    }

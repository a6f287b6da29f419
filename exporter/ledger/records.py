"""The statements on the tables, one function each; every one runs inside a transaction of the caller.

Nothing here decides anything: what to enter is worked out in `recording`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, select, text, update

from exporter.ledger.amounts import Sums, plain
from exporter.ledger.matching import Amendment, Content, Label, NewRow, Row
from exporter.ledger.mirror import Mirror, Series, State, Tally
from exporter.ledger.schema import account, deviation, entry, gap, series
from exporter.model import shared, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, RowMapping, Select
    from sqlalchemy import Row as RowOf

    from exporter.ledger.opening import Opening

AMENDED = "amended"
VANISHED = "vanished"

STATE: Final = text(
    "SELECT revision, cursor_ms, (SELECT CAST(coalesce(sum(entries), 0) AS BIGINT) FROM series WHERE account_id = :id)"
    " FROM account WHERE id = :id"
)
"""The question that `state` asks, for a poll that asks nothing else.

The revision alone would do, were it not for a backup or a standby that others have written to since: theirs may have
come to the same number.
"""

_AT_ONCE = 10_000  # rows in memory at a time; a ledger may hold millions
_NOTHING: Final = Sums()
_LABEL = (series.c.income_type, series.c.symbol, series.c.asset)
_KEY = ("time_ms", "amount", "tran_id", "trade_id", "ordinal")
_ROW_COLUMNS = len(_LABEL) + len(_KEY)


def _within(table: Any) -> Select[Any]:  # noqa: ANN401 - either table
    query = select(*_LABEL, *(table.c[name] for name in _KEY)).join_from(
        table, series, table.c.series_id == series.c.id
    )
    return query.where(
        series.c.account_id == bindparam("account"),
        table.c.time_ms >= bindparam("start"),
        table.c.time_ms < bindparam("end"),
    )


# Composed once: that takes longer than SQLite needs to answer.
_NEW_ACCOUNTS: Final = account.insert()
_ACCOUNTS: Final = select(account).where(account.c.name.in_(bindparam("names", expanding=True)))
_ACCOUNTS_LOCKED: Final = _ACCOUNTS.with_for_update()
_OPEN_GAPS: Final = (
    select(gap.c.account_id, gap.c.start_ms, gap.c.end_ms)
    .where(gap.c.account_id.in_(bindparam("accounts", expanding=True)), gap.c.closed_ms.is_(None))
    .order_by(gap.c.start_ms, gap.c.end_ms)
)
_SERIES: Final = (
    select(
        *(series.c.account_id, series.c.id, *_LABEL, series.c.credited, series.c.debited, series.c.entries),
        *(series.c.compacted_credited, series.c.compacted_debited, series.c.compacted_entries),
        *(series.c.moved, series.c.created_ms),
    )
    .where(series.c.account_id.in_(bindparam("accounts", expanding=True)))
    .order_by(*_LABEL)
)
_TOUCH: Final = update(account).where(account.c.id == bindparam("key")).values(revision=account.c.revision + 1)
_ADD_SERIES: Final = series.insert()
_SET_SUMS: Final = update(series).where(series.c.id == bindparam("key"))
_ADD_ENTRIES: Final = entry.insert()
_ENTRIES: Final = _within(entry)
_ENTRIES_IN_FULL: Final = _ENTRIES.add_columns(entry.c.info).order_by(
    entry.c.time_ms, entry.c.series_id, entry.c.tran_id
)
_AMENDMENTS: Final = (
    _within(deviation)
    .add_columns(deviation.c.now_symbol, deviation.c.now_asset, deviation.c.now_amount)
    .where(deviation.c.kind == AMENDED)
)
_VANISHED: Final = _within(deviation).where(deviation.c.kind == VANISHED)


def account_names(connection: Connection) -> tuple[str, ...]:
    """Return the names of all accounts, in the order of their creation."""
    return tuple(connection.execute(select(account.c.name).order_by(account.c.id)).scalars())


def state(connection: Connection, account_id: int) -> State | None:
    """Return what `STATE` finds, `None` if the account is not there."""
    row = connection.execute(STATE, {"id": account_id}).one_or_none()
    return None if row is None else State(*row)


def load(connection: Connection, name: str, *, lock: bool = False) -> Mirror | None:
    """Return the account called `name`, `None` if there is none; `lock` keeps other writers out until the end."""
    return load_all(connection, [name], lock=lock).get(name)


def load_all(connection: Connection, names: Sequence[str], *, lock: bool = False) -> dict[str, Mirror]:
    """Return those of the accounts that are there, by name."""
    rows = connection.execute(_ACCOUNTS_LOCKED if lock else _ACCOUNTS, {"names": names}).mappings().all()
    keys = [row["id"] for row in rows]
    gaps, known = _open_gaps(connection, keys), _series(connection, keys)
    return {row["name"]: _mirror(row, gaps[row["id"]], known[row["id"]]) for row in rows}


def add_accounts(connection: Connection, openings: Iterable[Opening], *, now_ms: int) -> None:
    """Create accounts with nothing read yet, none of which may exist."""
    new = {
        "baseline_complete": False,
        "late": 0,
        "amended": 0,
        "vanished": 0,
        "revision": 0,
        "created_ms": now_ms,
    }
    rows = []
    for opening in openings:
        epoch_ms = to_milliseconds(opening.since)
        row = {"name": opening.name, "since": opening.spelled, "epoch_ms": epoch_ms, "cursor_ms": epoch_ms}
        rows.append(row | new)
    if rows:
        connection.execute(_NEW_ACCOUNTS, rows)


def touch(connection: Connection, account_id: int, **values: Any) -> None:  # noqa: ANN401 - columns of every type
    """Change columns of the account, and tell other processes that it has changed."""
    connection.execute(_TOUCH, {"key": account_id, **values})


def known_rows(connection: Connection, account_id: int, start_ms: int, end_ms: int) -> list[Row]:
    """Return every entry of the account in the window."""
    return [_row(row) for row in connection.execute(_ENTRIES, _span(account_id, start_ms, end_ms))]


def known_entries(connection: Connection, account_id: int, start_ms: int, end_ms: int) -> Iterator[tuple[Content, str]]:
    """Yield every entry of the account in the window with its free text, in ascending order of time."""
    for row in connection.execute(_ENTRIES_IN_FULL, _span(account_id, start_ms, end_ms)):
        yield _row(row).content, row.info


def amendments(connection: Connection, account_id: int, start_ms: int, end_ms: int) -> list[Amendment]:
    """Return the amendments noticed so far in the window, in a fixed order."""
    rows = connection.execute(_AMENDMENTS, _span(account_id, start_ms, end_ms))
    return sorted(Amendment(_row(row), _content_now(row)) for row in rows)


def vanished_rows(connection: Connection, account_id: int, start_ms: int, end_ms: int) -> set[Row]:
    """Return the entries in the window that a re-read has missed before."""
    return {_row(row) for row in connection.execute(_VANISHED, _span(account_id, start_ms, end_ms))}


def add_series(connection: Connection, account_id: int, labels: Iterable[Label], *, now_ms: int) -> None:
    """Create series at 0 for `labels`, none of which may exist."""
    new = {
        "account_id": account_id,
        "credited": "0",
        "debited": "0",
        "entries": 0,
        "moved": False,
        "created_ms": now_ms,
    }
    rows = [label._asdict() | new for label in labels]
    if rows:
        connection.execute(_ADD_SERIES, rows)


def series_of(connection: Connection, account_id: int) -> dict[Label, Series]:
    """Return every series of the account, in the order of their labels."""
    return _series(connection, [account_id])[account_id]


def add_entries(
    connection: Connection, known: Mapping[Label, Series], rows: Iterable[NewRow], *, cursor_ms: int, now_ms: int
) -> None:
    """Enter `rows` into their series; those before `cursor_ms` are marked late."""
    values = [
        _values(known, new.row) | {"info": new.info, "late": new.row.content.time_ms < cursor_ms, "recorded_ms": now_ms}
        for new in rows
    ]
    if values:
        connection.execute(_ADD_ENTRIES, values)


def set_sums(connection: Connection, sums: Mapping[int, Sums]) -> None:
    """Set the totals of series by their ids."""
    values = [
        {"key": key, "credited": plain(total.credited), "debited": plain(total.debited), "entries": total.entries}
        for key, total in sums.items()
    ]
    if values:
        connection.execute(_SET_SUMS, values)


def set_moved(connection: Connection, which: ColumnElement[bool]) -> None:
    """Allow the series chosen by `which` to appear at their totals."""
    connection.execute(update(series).where(which).values(moved=True))


def add_deviations(
    connection: Connection,
    known: Mapping[Label, Series],
    *,
    amended: Iterable[Amendment],
    vanished: Iterable[Row],
    now_ms: int,
) -> None:
    """Remember where a re-read disagreed, so that the next one does not count it again."""
    values = [
        _values(known, row)
        | {"kind": AMENDED, "now_symbol": now.label.symbol, "now_asset": now.label.asset, "now_amount": now.amount}
        for row, now in amended
    ] + [
        _values(known, row) | {"kind": VANISHED, "now_symbol": "", "now_asset": "", "now_amount": ""}
        for row in vanished
    ]
    if values:
        connection.execute(deviation.insert().values(noticed_ms=now_ms), values)


def open_gaps(connection: Connection, account_id: int) -> list[tuple[int, int]]:
    """Return the windows, in milliseconds, that could not be read completely, in ascending order."""
    return _open_gaps(connection, [account_id])[account_id]


def add_gap(connection: Connection, account_id: int, start_ms: int, end_ms: int, *, reason: str, now_ms: int) -> None:
    """Note a window that could not be read completely, or note it again."""
    key = {"account_id": account_id, "start_ms": start_ms, "end_ms": end_ms}
    same = (gap.c.account_id == account_id, gap.c.start_ms == start_ms, gap.c.end_ms == end_ms)
    if not connection.execute(update(gap).where(*same).values(closed_ms=None)).rowcount:
        connection.execute(gap.insert().values(**key, reason=reason, noticed_ms=now_ms))


def close_gaps(connection: Connection, account_id: int, start_ms: int, end_ms: int, *, now_ms: int) -> None:
    """Note that everything between the two moments has now been read completely."""
    inside = (gap.c.account_id == account_id, gap.c.start_ms >= start_ms, gap.c.end_ms <= end_ms)
    connection.execute(update(gap).where(*inside, gap.c.closed_ms.is_(None)).values(closed_ms=now_ms))


def amounts(connection: Connection, series_id: int, *, before_ms: int | None = None) -> Iterator[Decimal]:
    """Yield the amount of every entry of a series, or of those before a moment."""
    query = select(entry.c.amount).where(entry.c.series_id == series_id)
    if before_ms is not None:
        query = query.where(entry.c.time_ms < before_ms)
    rows = connection.execute(query, execution_options={"yield_per": _AT_ONCE})
    return (Decimal(amount) for amount in rows.scalars())


def remove_compacted(connection: Connection, item: Series, compacted: Sums, *, before_ms: int) -> None:
    """Put `compacted` in the place of all entries of a series before a moment, and of what was noticed of them."""
    for table in (deviation, entry):
        connection.execute(delete(table).where(table.c.series_id == item.id, table.c.time_ms < before_ms))
    connection.execute(
        update(series)
        .where(series.c.id == item.id)
        .values(
            compacted_credited=plain(compacted.credited),
            compacted_debited=plain(compacted.debited),
            compacted_entries=compacted.entries,
        )
    )


def _span(account_id: int, start_ms: int, end_ms: int) -> dict[str, int]:
    return {"account": account_id, "start": start_ms, "end": end_ms}


def _series(connection: Connection, accounts: Sequence[int]) -> dict[int, dict[Label, Series]]:
    loaded: dict[int, dict[Label, Series]] = {account_id: {} for account_id in accounts}
    for row in connection.execute(_SERIES, {"accounts": accounts}) if accounts else ():
        account_id, key, income_type, symbol, asset, credited, debited, entries, *compacted, moved, created_ms = row
        label = Label(shared(income_type), shared(symbol), shared(asset))
        loaded[account_id][label] = Series(
            id=key,
            label=label,
            sums=_sums(credited, debited, entries),
            compacted=_sums(*compacted),
            moved=moved,
            created_ms=created_ms,
        )
    return loaded


def _open_gaps(connection: Connection, accounts: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    loaded: dict[int, list[tuple[int, int]]] = {account_id: [] for account_id in accounts}
    for account_id, start_ms, end_ms in connection.execute(_OPEN_GAPS, {"accounts": accounts}) if accounts else ():
        loaded[account_id].append((start_ms, end_ms))
    return loaded


def _mirror(row: RowMapping, gaps: list[tuple[int, int]], known: dict[Label, Series]) -> Mirror:
    return Mirror(
        id=row["id"],
        name=row["name"],
        user_id=row["user_id"],
        since=row["since"],
        epoch_ms=row["epoch_ms"],
        cursor_ms=row["cursor_ms"],
        saved_cursor_ms=row["cursor_ms"],
        compacted_until_ms=row["compacted_until_ms"],
        baseline_complete=row["baseline_complete"],
        revision=row["revision"],
        tally=Tally(late=row["late"], amended=row["amended"], vanished=row["vanished"], gaps=len(gaps)),
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


def _row(found: RowOf[Any]) -> Row:
    income_type, symbol, asset, time_ms, amount, tran_id, trade_id, ordinal = found[:_ROW_COLUMNS]
    return Row(Content(Label(income_type, symbol, asset), time_ms, amount, tran_id, trade_id), ordinal)


def _content_now(found: RowOf[Any]) -> Content:
    label = Label(found.income_type, found.now_symbol, found.now_asset)
    return Content(label, found.time_ms, found.now_amount, found.tran_id, found.trade_id)


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

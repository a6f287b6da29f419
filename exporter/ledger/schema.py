"""The tables of the ledger as the code sees them; what made them so is in `migrations`.

    account    one row per configured name: the pinned epoch and user, how far it has been read, counters
    series     one row per label set: its totals, changed in the same transaction as the entries they sum up
    entry      every income row since the epoch, never changed; deleted only by compaction, into its series
    deviation  where a re-read disagreed with an entry: it was amended, or it vanished
    gap        windows that the exchange could not be made to show completely; open while `closed_ms` is null
    schema_version  the migrations that have been applied

Times are milliseconds since 1970, amounts exact decimal texts in their normal form. `revision` of an account grows
with every transaction that touches it, so that a process can tell whether another one has written. Entries before
`compacted_until_ms` of an account live on in the `compacted_` sums of its series, which are part of the totals.

For people and their SQL there are the views `income_total`, one row a series, and `income`, one row an entry:

    account      the configured name
    time         text such as 2026-01-31T08:00:00.000Z on SQLite, timestamptz on PostgreSQL
    income_type, symbol, asset
    amount       exact text on SQLite (a sum of it is a float there), numeric on PostgreSQL
    tran_id, trade_id, info

    select income_type, asset, sum(amount) from income where account = 'main' and time >= '2026-01-01' group by 1, 2
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table, Text

METADATA: Final = MetaData()

# SQLite counts up by itself only in a column that is declared INTEGER.
_Identity: Final = BigInteger().with_variant(Integer, "sqlite")

schema_version: Final = Table(
    "schema_version",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("title", Text, nullable=False),
    Column("applied_ms", BigInteger, nullable=False),
)

account: Final = Table(
    "account",
    METADATA,
    Column("id", _Identity, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("user_id", Text),
    Column("since", Text, nullable=False),
    Column("epoch_ms", BigInteger, nullable=False),
    Column("cursor_ms", BigInteger, nullable=False),
    Column("baseline_complete", Boolean, nullable=False),
    Column("late", BigInteger, nullable=False),
    Column("amended", BigInteger, nullable=False),
    Column("vanished", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("compacted_until_ms", BigInteger),
)

series: Final = Table(
    "series",
    METADATA,
    Column("id", _Identity, primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    Column("income_type", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("credited", Text, nullable=False),
    Column("debited", Text, nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("moved", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("compacted_credited", Text, nullable=False, server_default="0"),
    Column("compacted_debited", Text, nullable=False, server_default="0"),
    Column("compacted_entries", BigInteger, nullable=False, server_default="0"),
)

entry: Final = Table(
    "entry",
    METADATA,
    Column("series_id", BigInteger, primary_key=True),
    Column("time_ms", BigInteger, primary_key=True),
    Column("amount", Text, primary_key=True),
    Column("tran_id", Text, primary_key=True),
    Column("trade_id", Text, primary_key=True),
    Column("ordinal", BigInteger, primary_key=True),
    Column("info", Text, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("recorded_ms", BigInteger, nullable=False),
)

deviation: Final = Table(
    "deviation",
    METADATA,
    Column("series_id", BigInteger, primary_key=True),
    Column("time_ms", BigInteger, primary_key=True),
    Column("amount", Text, primary_key=True),
    Column("tran_id", Text, primary_key=True),
    Column("trade_id", Text, primary_key=True),
    Column("ordinal", BigInteger, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("now_symbol", Text, primary_key=True),
    Column("now_asset", Text, primary_key=True),
    Column("now_amount", Text, primary_key=True),
    Column("noticed_ms", BigInteger, nullable=False),
)

gap: Final = Table(
    "gap",
    METADATA,
    Column("account_id", BigInteger, primary_key=True),
    Column("start_ms", BigInteger, primary_key=True),
    Column("end_ms", BigInteger, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("noticed_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger),
)

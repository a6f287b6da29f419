"""The ledger: every account's income in one database, opened, migrated, checked and closed here."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self

import structlog
from msgspec import Struct

from exporter.ledger import records
from exporter.ledger.book import AccountBook
from exporter.ledger.database import Database
from exporter.ledger.errors import LedgerError
from exporter.ledger.migrations import migrate, require_current
from exporter.ledger.opening import INITIAL_ZERO, Opening
from exporter.model import to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from types import TracebackType

    from exporter.clock import Clock
    from exporter.ledger.amounts import Sums
    from exporter.ledger.compaction import Compacted
    from exporter.ledger.mirror import Mirror

_AT_ONCE: Final = 100
"""So many new accounts keep other processes out of the ledger for a moment, and not until those give up."""

_log: Final[Any] = structlog.get_logger(__name__)


class Difference(Struct, frozen=True, kw_only=True):
    """A series whose recorded totals are not what its entries add up to."""

    account: str
    income_type: str
    symbol: str
    asset: str
    recorded: Sums
    entered: Sums


def open_ledger(url: str, clock: Clock, *, lock_seconds: float = 5.0, migrates: bool = True) -> Ledger:
    """Open the ledger at `url`, create it (file mode 0600) or migrate it as needed.

    A writer waits up to `lock_seconds` for another process. Who only asks must not migrate what another version is
    using: with `migrates` off an older ledger is refused. Raises `LedgerError`.
    """
    database = Database(url, lock_seconds=lock_seconds)
    try:
        if migrates:
            migrate(database, now=clock.now())
        else:
            require_current(database)
    except LedgerError:
        database.abandon()
        raise
    return Ledger(database, clock)


class Ledger:
    """An open ledger; thread-safe, a context manager, every method raises `LedgerError`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._books: dict[str, AccountBook] = {}
        self._opening = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def account(
        self,
        name: str,
        *,
        since: datetime,
        setting: str | None = None,
        initial_zero: float = INITIAL_ZERO,
        retention: timedelta | None = None,
    ) -> AccountBook:
        """Return the book of the account called `name`; its epoch is pinned to `since` the first time.

        `setting` is how the operator said it ("90d"), so that a duration is not taken for changed with every start;
        by default the date itself. Asked again for the same name, returns the same book with the new settings:
        `initial_zero` seconds that a new series shows 0, and the `retention` of single entries (`None`: for ever).
        """
        opening = Opening(name=name, since=since, setting=setting, initial_zero=initial_zero, retention=retention)
        return self.accounts([opening])[0]

    def accounts(self, openings: Sequence[Opening]) -> tuple[AccountBook, ...]:
        """Return a book for each of them, as `account` does for one; many that are new are added in one transaction."""
        with self._opening:
            strange = list({opening.name: opening for opening in openings if opening.name not in self._books}.values())
            batches = [strange[begin : begin + _AT_ONCE] for begin in range(0, len(strange), _AT_ONCE)]
            mirrors = [mirror for batch in batches for mirror in self._find_or_add(batch)]
            for mirror, opening in zip(mirrors, strange, strict=True):
                self._books[opening.name] = AccountBook(
                    self._database, self._clock, mirror, initial_zero=opening.initial_zero
                )
            for opening in openings:
                self._books[opening.name].configure(
                    since=opening.spelled, initial_zero=opening.initial_zero, retention=opening.retention
                )
            return tuple(self._books[opening.name] for opening in openings)

    def books(self) -> tuple[AccountBook, ...]:
        """Return a book of every account in the ledger, for reading: those in use, the others as they were left."""
        with self._opening, self._database.reading() as connection:
            mirrors = [records.load(connection, name) for name in records.account_names(connection)]
            return tuple(
                self._books.get(mirror.name)
                or AccountBook(self._database, self._clock, mirror, initial_zero=INITIAL_ZERO)
                for mirror in mirrors
                if mirror is not None
            )

    def verify(self) -> list[Difference]:
        """Add up every entry, those that were compacted included, and return the series whose totals say otherwise.

        All of it is as of one moment.
        """
        found = []
        with self._database.reading() as connection:
            for name in records.account_names(connection):
                mirror = records.load(connection, name)
                for item in mirror.series.values() if mirror else ():
                    entered = item.compacted.plus(records.amounts(connection, item.id))
                    if entered != item.sums:
                        difference = Difference(
                            account=name, **item.label._asdict(), recorded=item.sums, entered=entered
                        )
                        found.append(difference)
        return found

    def compact(self, before: datetime) -> tuple[Compacted, ...]:
        """Move the entries before `before` into sums, an account at a time; see `AccountBook.compact`."""
        return tuple(book.compact(before) for book in self.books())

    def close(self) -> None:
        """Save the cursors, fold the log into the file, and close; again does nothing."""
        if self._database.closed:
            return
        for book in self._books.values():
            try:
                book.save_cursor()
            except LedgerError as error:  # costs a re-read at the next start, no entry
                _log.warning("The income cursor could not be saved", account=book.name, error=str(error))
        self._database.close()

    def _find_or_add(self, openings: Sequence[Opening]) -> list[Mirror]:
        names = [opening.name for opening in openings]
        with self._database.reading() as connection:
            found = records.load_all(connection, names)
        if len(found) < len(names):
            with self._database.writing() as connection:
                connection.keep_others_from_migrating()
                found = records.load_all(connection, names)
                missing = [opening for opening in openings if opening.name not in found]
                records.add_accounts(connection, missing, now_ms=to_milliseconds(self._clock.now()))
                found |= records.load_all(connection, [opening.name for opening in missing])
        return [found[name] for name in names]

"""What only a file can do, or suffer: SQLite's side of the ledger; the rest is tested on both engines."""

from __future__ import annotations

import errno
import gc
import shutil
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.statements import looked_up, only
from unit.ledger.exchange import START, row

from exporter.ledger import (
    LedgerCorruptError,
    LedgerError,
    LedgerFullError,
    LedgerLockedError,
    LedgerReadOnlyError,
    LedgerUnavailableError,
    Window,
    open_ledger,
)
from exporter.ledger import sqlite as module
from exporter.ledger.database import Database
from exporter.ledger.sqlite import SQLite, SQLiteConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.clock import ManualClock

    from exporter.ledger import Ledger

TWENTY_DAYS = Window(START, START + timedelta(days=20))
TWENTY_DAYS_SECONDS = 20 * 86400
FIRST = Window(START, START + timedelta(hours=1))


VERSION_1 = Path(__file__).parents[2] / "fixtures" / "ledger" / "version_1.db"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


def test_a_ledger_of_the_first_version_keeps_its_entries_and_totals(
    tmp_path: Path, reopen: Callable[[], Ledger]
) -> None:
    shutil.copyfile(VERSION_1, tmp_path / "ledger.db")

    ledger = reopen()
    main, hedge = ledger.books()

    assert [(str(one.credited), str(one.debited), one.entries) for one in main.totals()] == [
        ("3", "0", 2),
        ("2", "0", 1),
        ("0", "0.25", 1),
        ("100", "0", 1),
    ]
    assert [str(one.amount) for one in main.entries(TWENTY_DAYS)] == ["1.5", "1.5", "-0.25", "2", "100"]
    assert (main.epoch, main.cursor, main.compacted_until) == (START, TWENTY_DAYS.end, None)
    assert (main.pinned_user, main.baseline_complete) == ("1200000000000000001", True)
    assert (main.tally.amended, hedge.tally.gaps) == (1, 1)
    assert ledger.verify() == []


def test_a_ledger_of_the_first_version_is_read_on_from_where_it_stood(
    tmp_path: Path, reopen: Callable[[], Ledger]
) -> None:
    shutil.copyfile(VERSION_1, tmp_path / "ledger.db")
    book = reopen().account("main", since=START, setting="90d")
    shown = [*book.entries(TWENTY_DAYS), row(TWENTY_DAYS_SECONDS - 1, "5")]

    recorded = book.record_window(TWENTY_DAYS, shown, cursor=TWENTY_DAYS.end)

    assert (recorded.new, recorded.known, book.epoch_changed) == (1, 5, False)
    assert book.compact(START + timedelta(days=12)).entries == 4


def test_a_new_file_can_be_read_by_its_owner_only(ledger: Ledger, tmp_path: Path) -> None:
    ledger.account("main", since=START)

    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_closing_leaves_one_file_with_everything_in_it(ledger: Ledger, tmp_path: Path) -> None:
    ledger.account("main", since=START).record_window(FIRST, [row(1)], cursor=FIRST.end)
    ledger.close()
    ledger.close()

    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]


def test_closing_folds_the_log_into_the_file_also_where_another_process_has_it_open(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.account("main", since=START).record_window(FIRST, [row(1)], cursor=FIRST.end)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
        other.execute("SELECT count(*) FROM entry").fetchall()
        assert (tmp_path / "ledger.db-wal").stat().st_size > 0
        ledger.close()

        assert (tmp_path / "ledger.db-wal").stat().st_size == 0


def test_commits_survive_a_loss_of_power(ledger: Ledger) -> None:
    with ledger._database.reading() as connection:
        pragmas = [only(connection, f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")]
        cache = only(connection, "PRAGMA cache_size")

    assert pragmas == ["wal", 2, 1]
    assert cache == -512  # KiB


def test_a_missing_directory_is_named(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(LedgerUnavailableError) as caught:
        open_ledger(f"sqlite:///{tmp_path}/nowhere/ledger.db", clock)

    assert str(caught.value) == (
        f"ledger {tmp_path}/nowhere/ledger.db: its directory does not exist; create {tmp_path}/nowhere"
    )


def test_a_parameter_that_a_file_has_not_is_named(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(LedgerUnavailableError, match=r"a file has no parameter 'mode'; write sqlite:////path, or"):
        open_ledger(f"sqlite:///{tmp_path}/ledger.db?mode=ro", clock)


def test_a_directory_is_no_ledger(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(LedgerUnavailableError):
        open_ledger(f"sqlite:///{tmp_path}", clock)


def test_a_path_through_a_file_is_unavailable(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(LedgerError) as caught:
        open_ledger(f"sqlite:///{tmp_path}/{'x' * 300}.db", clock)

    assert caught.value.reason == "unavailable"


def test_a_file_that_is_no_database_is_corrupt(tmp_path: Path, clock: ManualClock) -> None:
    Path(tmp_path, "ledger.db").write_bytes(b"this is a letter, not a database" * 100)

    with pytest.raises(LedgerCorruptError) as caught:
        open_ledger(f"sqlite:///{tmp_path}/ledger.db", clock)

    assert caught.value.reason == "corrupt"


def test_a_ledger_without_space_says_so_and_keeps_what_it_has(ledger: Ledger) -> None:
    book = ledger.account("main", since=START)
    with ledger._database.reading() as connection:
        pages = only(connection, "PRAGMA page_count")
        only(connection, f"PRAGMA max_page_count = {pages}")
    many = [row(n, tran_id=f"{n}" * 20) for n in range(1000)]

    with pytest.raises(LedgerFullError, match="make space on the disk"):
        book.record_window(FIRST, many, cursor=FIRST.end)
    assert (book.cursor, book.totals()) == (START, ())

    with ledger._database.reading() as connection:
        only(connection, "PRAGMA max_page_count = 1000000")
    assert book.record_window(FIRST, many, cursor=FIRST.end).new == 1000


def test_a_ledger_that_may_only_be_read_says_so(ledger: Ledger, tmp_path: Path, clock: ManualClock) -> None:
    ledger.close()
    with (
        open_ledger(f"sqlite:///file:{tmp_path}/ledger.db?mode=ro&uri=true", clock) as read_only,
        pytest.raises(LedgerReadOnlyError),
    ):
        read_only.account("main", since=START)


def test_a_ledger_held_by_another_process_says_so_and_goes_on_later(ledger: Ledger, tmp_path: Path) -> None:
    book = ledger.account("main", since=START)
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(LedgerLockedError):
        book.record_window(FIRST, [row(1)], cursor=FIRST.end)
    other.rollback()
    other.close()

    assert book.record_window(FIRST, [row(1)], cursor=FIRST.end).new == 1


def test_a_cursor_that_cannot_be_saved_does_not_keep_the_ledger_open(ledger: Ledger, tmp_path: Path) -> None:
    window = Window(START, START + timedelta(minutes=1))
    ledger.account("main", since=START).record_window(window, [], cursor=window.end)
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    ledger.close()

    other.rollback()
    other.close()
    with pytest.raises(LedgerUnavailableError):
        ledger.verify()


def test_a_ledger_in_memory_serves_all_threads(clock: ManualClock) -> None:
    with open_ledger("sqlite://", clock) as ledger, ThreadPoolExecutor(4) as pool:
        books = list(pool.map(lambda number: ledger.account(f"{number}", since=START), range(8)))
        list(pool.map(lambda book: book.record_window(FIRST, [row(1)], cursor=FIRST.end), books))

        assert [book.totals()[0].entries for book in ledger.books()] == [1] * 8


def test_a_backup_that_takes_the_place_of_the_ledger_is_read_on_from_where_it_ends(
    ledger: Ledger, tmp_path: Path
) -> None:
    book = ledger.account("main", since=START)
    book.record_window(FIRST, [row(1)], cursor=FIRST.end)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as source, closing(sqlite3.connect(tmp_path / "b")) as copy:
        source.backup(copy)
    later = Window(FIRST.end, FIRST.end + timedelta(hours=1))
    book.record_window(later, [row(3601)], cursor=later.end)
    ledger._database._pool.end_era()
    (tmp_path / "b").replace(tmp_path / "ledger.db")
    latest = Window(later.end, later.end + timedelta(hours=1))

    with pytest.raises(LedgerUnavailableError, match="older than it was a moment ago"):
        book.record_window(latest, [row(7201)], cursor=latest.end)

    assert book.cursor == FIRST.end
    for window, found in ((later, row(3601)), (latest, row(7201))):
        assert book.record_window(window, [found], cursor=window.end).new == 1
    assert (book.totals()[0].entries, ledger.verify()) == (3, [])


def test_a_backup_is_noticed_also_when_another_replica_has_written_to_it_as_often_as_was_lost(
    ledger: Ledger, tmp_path: Path
) -> None:
    book = ledger.account("main", since=START)
    book.record_window(FIRST, [row(1)], cursor=FIRST.end)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as source, closing(sqlite3.connect(tmp_path / "b")) as copy:
        source.backup(copy)
    later = Window(FIRST.end, FIRST.end + timedelta(hours=1))
    book.record_window(later, [row(3601)], cursor=later.end)
    ledger._database._pool.end_era()
    with closing(sqlite3.connect(tmp_path / "b")) as other:
        other.execute("UPDATE account SET revision = revision + 5")
        other.commit()
    (tmp_path / "b").replace(tmp_path / "ledger.db")
    latest = Window(later.end, later.end + timedelta(hours=1))

    with pytest.raises(LedgerUnavailableError, match="older than it was a moment ago"):
        book.record_window(latest, [row(7201)], cursor=latest.end)

    assert book.cursor == FIRST.end


def test_a_right_that_is_given_back_is_used_at_once(ledger: Ledger, tmp_path: Path) -> None:
    book = ledger.account("main", since=START)
    with ledger._database.reading() as connection:
        connection.change("PRAGMA query_only = ON")

    with pytest.raises(LedgerReadOnlyError):
        book.record_window(FIRST, [row(1)], cursor=FIRST.end)

    assert book.record_window(FIRST, [row(1)], cursor=FIRST.end).new == 1


def test_a_file_with_another_journal_waits_for_who_writes_it(tmp_path: Path, clock: ManualClock) -> None:
    """As two who open one new file at the same moment do; SQLite would refuse the second one at once."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            opened = pool.submit(open_ledger, f"sqlite:///{path}", clock, lock_seconds=30)
            assert wait([opened], timeout=0.3).not_done
            other.execute("COMMIT")
            opened.result(30).close()


@pytest.mark.parametrize("doing", ["BEGIN IMMEDIATE", "BEGIN; SELECT * FROM sqlite_schema"])
def test_who_uses_it_for_too_long_is_told_of(tmp_path: Path, clock: ManualClock, doing: str) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for statement in ("CREATE TABLE anything (id INTEGER)", *doing.split("; ")):
            other.execute(statement).fetchone()
        with pytest.raises(LedgerLockedError, match="find the other process"):
            open_ledger(f"sqlite:///{path}", clock, lock_seconds=0.1)


def open_files(path: Path) -> list[str]:
    numbers = [entry for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    return [name for entry in numbers if (name := str(entry.readlink())).startswith(str(path))]


def fail(database: Database) -> None:
    """Let a transaction fail as on a disk that may only be read."""
    with pytest.raises(LedgerReadOnlyError), database.reading():
        raise OSError(errno.EROFS, "read-only")


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_after_a_failure_for_good_no_connection_is_left_open_not_even_one_that_was_in_use(tmp_path: Path) -> None:
    """Those of a process share what SQLite knows of a file: with one of them left, new ones stay read-only."""
    path = tmp_path / "ledger.db"
    database = Database(f"sqlite:///{path}", lock_seconds=1.0)
    with database.reading() as connection:
        connection.change("SELECT 1")
        fail(database)
        assert open_files(path) != []
    assert open_files(path) == []
    with database.writing() as connection:
        connection.change("CREATE TABLE anything (id INTEGER)")
    assert open_files(path) != []
    database.close()
    assert open_files(path) == []


@pytest.mark.usefixtures("uncollected")
def test_nor_one_that_is_given_back_in_the_midst_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.db"
    database = Database(f"sqlite:///{path}", lock_seconds=1.0)
    using, idle = ExitStack(), ExitStack()
    using.enter_context(database.reading()).change("SELECT 1")
    idle.enter_context(database.reading()).change("SELECT 1")
    idle.close()
    close = SQLiteConnection.close

    def closing_one(connection: SQLiteConnection) -> None:
        close(connection)
        using.close()

    monkeypatch.setattr(SQLiteConnection, "close", closing_one)
    fail(database)

    assert open_files(path) == []
    monkeypatch.undo()
    database.close()


@pytest.mark.usefixtures("uncollected")
def test_nor_one_that_was_just_being_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.db"
    database = Database(f"sqlite:///{path}", lock_seconds=1.0)
    fail(database)
    prepare = module.write_ahead

    def failing(connection: sqlite3.Connection) -> None:
        prepare(connection)
        monkeypatch.undo()
        fail(database)

    monkeypatch.setattr(module, "write_ahead", failing)
    with database.reading() as connection:
        connection.change("SELECT 1")

    assert open_files(path) == []
    database.close()


@pytest.mark.usefixtures("uncollected")
def test_nor_one_that_could_not_be_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.db"
    database = Database(f"sqlite:///{path}", lock_seconds=1.0)

    def refuse(_connection: sqlite3.Connection) -> None:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(module, "write_ahead", refuse)
    with pytest.raises(LedgerReadOnlyError) as caught, database.reading():
        pass

    assert open_files(path) == []
    assert caught.traceback is not None  # which keeps what was opened in memory
    monkeypatch.undo()
    database.close()


@pytest.mark.parametrize("opening", [True, False])
def test_after_a_failure_for_good_no_connection_from_before_is_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, opening: bool
) -> None:
    """Not even one that was just being opened, or given back: it would write to a file that lies elsewhere by now."""
    path, elsewhere = tmp_path / "ledger.db", tmp_path / "elsewhere"
    elsewhere.mkdir()
    database = Database(f"sqlite:///{path}", lock_seconds=1.0)
    fail(database)

    def fail_and_move(*_: object) -> None:
        if not list(elsewhere.iterdir()):
            for file in tmp_path.glob("ledger.db*"):
                file.rename(elsewhere / file.name)
            fail(database)

    prepare = module.write_ahead

    def prepare_and_fail(connection: sqlite3.Connection) -> None:
        prepare(connection)
        fail_and_move()

    if opening:
        monkeypatch.setattr(module, "write_ahead", prepare_and_fail)
    else:
        rollback = SQLiteConnection.rollback

        def give_back(connection: SQLiteConnection) -> None:
            rollback(connection)
            fail_and_move()

        monkeypatch.setattr(SQLiteConnection, "rollback", give_back)
    for name in ("first", "second"):
        with database.writing() as connection:
            connection.change(f"CREATE TABLE {name} (id INTEGER)")

    database.close()
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT name FROM sqlite_schema").fetchall() == [("second",)]


def first(act: Callable[[], None], then: Callable[..., object]) -> Callable[..., object]:
    def both(*arguments: object, **named: object) -> object:
        act()
        return then(*arguments, **named)

    return both


def test_who_opens_a_connection_while_others_fail_for_good_time_and_again_is_not_turned_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    database = Database(f"sqlite:///{path}", lock_seconds=1.0)
    with database.writing() as connection:
        connection.change("CREATE TABLE anything (id INTEGER)")
    failing = False

    def fail_meanwhile() -> None:
        nonlocal failing
        if not failing:
            failing = True
            fail(database)
            failing = False

    for owner, moment in ((SQLite, "connect"), (SQLiteConnection, "begin"), (SQLiteConnection, "is_alive")):
        monkeypatch.setattr(owner, moment, first(fail_meanwhile, getattr(owner, moment)))
    for _ in range(3):
        with database.reading() as connection:
            assert only(connection, "SELECT count(*) FROM anything") == 0
        assert looked_up(database, "SELECT 7") == 7
    failing = True
    database.close()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("end", [Database.close, Database.abandon])
def test_of_a_database_that_is_closed_nothing_stays_open_not_even_what_is_opened_afterwards(
    tmp_path: Path, end: Callable[[Database], None]
) -> None:
    path = tmp_path / "ledger.db"
    database = Database(f"sqlite:///{path}", lock_seconds=1.0)

    with database._told():  # as `reading` does, and is interrupted there
        end(database)
        with database._pool.connection() as connection:
            connection.change("SELECT 1")

    assert open_files(path) == []

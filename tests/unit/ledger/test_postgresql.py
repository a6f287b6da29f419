"""What only a server can do, or suffer: PostgreSQL's side of the ledger; the rest is tested on both engines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta

import psycopg
import pytest
from support.clock import ManualClock
from support.postgres import Postgres
from support.statements import only
from unit.ledger.exchange import START, row

from exporter.ledger import Ledger, LedgerError, LedgerReadOnlyError, LedgerUnavailableError, Window, open_ledger
from exporter.ledger.database import Database
from exporter.ledger.postgresql import PostgreSQLConnection

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'ledger%'"
FIRST = Window(START, START + timedelta(hours=1))


@pytest.fixture
def url(server: Postgres) -> Iterator[str]:
    with server.database() as url:
        yield url


def test_a_connection_that_the_server_has_cut_is_made_anew(ledger: Ledger, server: Postgres) -> None:
    book = ledger.account("main", since=START)

    server.execute(CUT)

    assert book.record_window(FIRST, [row(1)], cursor=FIRST.end).new == 1


def test_a_transaction_that_the_server_cuts_is_unavailable_and_leaves_nothing(
    ledger: Ledger, server: Postgres, reopen: Callable[[], Ledger]
) -> None:
    book = ledger.account("main", since=START)

    def write_and_be_cut() -> None:
        with ledger._database.writing() as connection:
            connection.change("UPDATE account SET epoch_ms = 0")
            server.execute(CUT)
            connection.change("UPDATE account SET cursor_ms = 0")

    with pytest.raises(LedgerUnavailableError):
        write_and_be_cut()

    assert reopen().account("main", since=START).epoch == START
    assert book.record_window(FIRST, [row(1)], cursor=FIRST.end).new == 1


def test_a_user_who_may_only_read_can_look_and_is_told_what_is_missing(
    ledger: Ledger, server: Postgres, url: str, clock: ManualClock
) -> None:
    ledger.account("main", since=START).record_window(FIRST, [row(1)], cursor=FIRST.end)
    with ledger._database.writing() as connection:
        connection.change("DROP ROLE IF EXISTS grafana")
        connection.change("CREATE ROLE grafana LOGIN")
        connection.change("GRANT SELECT ON ALL TABLES IN SCHEMA public TO grafana")
    try:
        with open_ledger(url.replace("//postgres@", "//grafana@"), clock) as looking:
            book = looking.account("main", since=START)
            assert (book.totals()[0].entries, looking.verify()) == (1, [])
            with pytest.raises(LedgerReadOnlyError, match=r"permission denied .* to write the tables"):
                book.record_window(FIRST, [row(1), row(2)])
    finally:
        with ledger._database.writing() as connection:
            connection.change("DROP OWNED BY grafana")
            connection.change("DROP ROLE grafana")


def test_a_server_that_is_not_there_is_named_without_its_password(clock: ManualClock) -> None:
    with pytest.raises(LedgerError) as caught:
        open_ledger("postgresql://main:hunter2@localhost/ledger?host=/nowhere", clock)

    assert caught.value.reason == "unavailable"
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).startswith("ledger postgresql+psycopg://main:***@localhost/ledger: ")


def test_the_driver_gets_the_parameters_of_the_url(url: str, clock: ManualClock) -> None:
    with (
        open_ledger(f"{url}&application_name=night%20desk", clock) as ledger,
        ledger._database.reading() as connection,
    ):
        assert only(connection, "SHOW application_name") == "night desk"


def test_a_server_that_does_not_answer_is_given_up_and_the_url_may_say_when(url: str) -> None:
    for more, seconds in (("", "5"), ("&connect_timeout=7", "7")):
        database = Database(f"{url}{more}", lock_seconds=1.0)
        with database._pool.connection() as connection:
            assert isinstance(connection, PostgreSQLConnection)
            given = connection._opened.info.get_parameters()
        database.close()

        assert (given["connect_timeout"], given["keepalives_idle"], given["tcp_user_timeout"]) == (
            seconds,
            "30",
            "30000",
        )


@pytest.mark.parametrize("parameter", ["autocommit", "prepare_threshold", "row_factory", "nonsense"])
def test_a_parameter_that_libpq_does_not_know_is_named(url: str, clock: ManualClock, parameter: str) -> None:
    with pytest.raises(LedgerUnavailableError, match=f'invalid connection option "{parameter}"'):
        open_ledger(f"{url}&{parameter}=1", clock)


def test_what_poolers_cannot_keep_is_not_prepared(ledger: Ledger) -> None:
    for _ in range(8):
        with ledger._database.reading():
            pass

    with ledger._database._pool.connection() as connection:
        assert isinstance(connection, PostgreSQLConnection)
        assert "COMMIT" not in str(connection._opened._prepared._names)


def test_what_was_undone_since_a_statement_failed_does_not_pass_for_committed(ledger: Ledger) -> None:
    ledger.account("main", since=START)

    def write_in_spite_of_a_failure() -> None:
        with ledger._database.writing() as connection:
            connection.change("UPDATE account SET epoch_ms = 0")
            with suppress(psycopg.Error):
                connection.change("UPDATE nothing SET epoch_ms = 0")

    with pytest.raises(LedgerUnavailableError, match="had failed, so that nothing of it was kept"):
        write_in_spite_of_a_failure()
    assert [book.epoch for book in ledger.books()] == [START]


def test_a_transaction_is_bounded_and_the_connection_is_not(ledger: Ledger) -> None:
    with ledger._database.reading() as connection:
        limits = [only(connection, f"SHOW {name}") for name in ("lock_timeout", "statement_timeout")]
        modes = [only(connection, f"SHOW transaction_{name}") for name in ("isolation", "read_only")]
    with ledger._database._pool.connection() as connection:
        assert [only(connection, f"SHOW {name}") for name in ("lock_timeout", "statement_timeout")] == ["0", "0"]

    assert limits == ["200ms", "1min"]
    assert modes == ["repeatable read", "on"]


def test_tables_of_the_same_name_in_another_schema_are_somebody_elses(url: str, clock: ManualClock) -> None:
    database = Database(url, lock_seconds=1.0)
    with database.writing() as connection:
        connection.change("CREATE SCHEMA another; CREATE TABLE another.schema_version (number BIGINT)")
    database.close()

    with open_ledger(url, clock) as ledger:
        assert ledger.account("main", since=START).epoch == START


def test_without_its_driver_it_is_said_what_to_install(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "exporter.ledger.postgresql")
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(LedgerUnavailableError, match=r"driver is not installed; install bingx-exporter\[postgresql\]"):
        open_ledger("postgresql://main@localhost/ledger", clock)

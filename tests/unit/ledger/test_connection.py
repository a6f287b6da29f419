"""Statements are written once, for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.statements import looked_up, only

from exporter.ledger.connection import Connection, unfolded
from exporter.ledger.database import Database


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    database = Database(url, lock_seconds=1.0)
    with database.writing() as connection:
        connection.change("CREATE TABLE thing (id BIGINT, name TEXT, good BOOLEAN)")
        rows = [{"id": number, "name": f"n{number}", "good": number % 2 == 0} for number in range(30)]
        connection.change_all("INSERT INTO thing VALUES (:id, :name, :good)", rows)
        yield connection
    database.close()


def test_a_tuple_stands_for_all_that_is_in_it(connection: Connection) -> None:
    query = "SELECT id FROM thing WHERE name IN :names AND id < :below ORDER BY id"

    assert connection.rows(query, names=("n1", "n3", "n20", "x"), below=20) == [(1,), (3,)]
    assert connection.rows(query, names=("n1",), below=20) == [(1,)]
    assert connection.rows(query, names=(), below=20) == []
    assert [*connection.stream(query, names=("n7", "n8"), below=20)] == [(7,), (8,)]
    assert connection.change("UPDATE thing SET name = :to WHERE name IN :names", to="m", names=("n4", "n5")) == 2


def test_names_that_begin_alike_are_told_apart() -> None:
    statement = "SELECT :id, :ids, :id_2 WHERE x IN :id_list"

    assert unfolded(statement, {"id": 1, "ids": 2, "id_2": 3, "id_list": (4, 5)}) == (
        "SELECT :id, :ids, :id_2 WHERE x IN (:id_list_0, :id_list_1)",
        {"id": 1, "ids": 2, "id_2": 3, "id_list_0": 4, "id_list_1": 5},
    )


def test_values_come_back_as_they_went_in(connection: Connection) -> None:
    values = {"id": 2**62, "name": "100 % of 'it' :id \N{BITCOIN SIGN}", "good": None}
    connection.change("INSERT INTO thing VALUES (:id, :name, :good)", **values)

    assert connection.one("SELECT * FROM thing WHERE id = :id", id=2**62) == tuple(values.values())
    assert [bool(good) for (good,) in connection.rows("SELECT good FROM thing WHERE id < 2 ORDER BY id")] == [
        True,
        False,
    ]


def test_nothing_found_is_none_and_nothing_to_do_is_nothing_done(connection: Connection) -> None:
    assert connection.one("SELECT id FROM thing WHERE id = :id", id=77) is None
    connection.change_all("INSERT INTO nowhere VALUES (:id)", [])
    assert connection.change("DELETE FROM thing WHERE id = :id", id=77) == 0


def test_a_stream_that_outlives_its_transaction_is_in_nobodys_way(url: str) -> None:
    database, other = (Database(url, lock_seconds=1.0) for _ in range(2))
    with database.writing() as connection:
        connection.change("CREATE TABLE thing (id BIGINT)")
        connection.change_all("INSERT INTO thing VALUES (:id)", [{"id": number} for number in range(3)])
    with database.reading() as connection:
        left = connection.stream("SELECT id FROM thing")
        assert next(left) == (0,)

    with other.writing() as another:
        another.change("INSERT INTO thing VALUES (:id)", id=3)
    with database.writing() as again:
        assert again is connection
        assert only(again, "SELECT count(*) FROM thing") == 4
        again.change("INSERT INTO thing VALUES (:id)", id=4)
        left.close()
        del left

    assert looked_up(other, "SELECT count(*) FROM thing") == 5
    database.close()
    other.close()


def test_a_stream_that_is_not_read_to_its_end_is_in_nobodys_way(connection: Connection) -> None:
    for _ in range(2):
        rows = connection.stream("SELECT id FROM thing ORDER BY id")
        assert next(rows) == (0,)
        rows.close()

    assert connection.change("DELETE FROM thing") == 30
    assert only(connection, "SELECT count(*) FROM thing") == 0

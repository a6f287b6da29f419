"""What a ledger says to its database: heard before it is said, and the tables that it made."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from exporter.ledger.migrations import STEPS
from exporter.ledger.postgresql import PostgreSQLConnection
from exporter.ledger.sqlite import SQLiteConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.ledger.connection import Connection
    from exporter.ledger.database import Database

TABLES: Final = tuple(
    name for step in STEPS for text in step.statements for name in re.findall(r"CREATE TABLE (\w+)", text)
)


@contextmanager
def before_statements(act: Callable[[str], object]) -> Iterator[None]:
    """Have `act` called before each statement of every ledger, those that begin and end a transaction among them."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in (SQLiteConnection, PostgreSQLConnection):
            for name in ("execute", "execute_many"):
                patch.setattr(kind, name, _after(act, getattr(kind, name)))
        yield


def begins_to_write(statement: str) -> bool:
    """Say whether a statement begins a transaction that is for writing."""
    return statement.startswith(("BEGIN IMMEDIATE", "BEGIN;"))


def found(connection: Connection, query: str) -> list[dict[str, Any]]:
    """Return what a query finds, each row by the names of its columns."""
    cursor: Any = connection.execute(query, {})
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def looked_up(database: Database, query: str) -> Any:  # noqa: ANN401 - a value of any type
    """Return the one value that a query finds in a transaction of its own."""
    with database.reading() as connection:
        return only(connection, query)


def only(connection: Connection, query: str) -> Any:  # noqa: ANN401 - a value of any type
    """Return the one value that a query finds."""
    ((value,),) = connection.rows(query)
    return value


def _after(act: Callable[[str], object], saying: Callable[..., Any]) -> Callable[..., Any]:
    def heard(connection: Connection, statement: str, *arguments: object, **parameters: object) -> Any:  # noqa: ANN401 - as what is heard
        act(statement)
        return saying(connection, statement, *arguments, **parameters)

    return heard

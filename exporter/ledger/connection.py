"""A connection as the statements see it, in a transaction that `database` begins and ends.

Statements are written once, for all databases: a parameter is `:name`, and a tuple stands for all that is in it, as in
`IN :names`. Rows are tuples. SQLite has no booleans: what it says of one is 0 or 1. What fails raises the driver's own
errors, which `database` translates.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

PARAMETER: Final = re.compile(r":([a-z]\w*)")
"""How a parameter is spelled; a statement without parameters may have colons of its own."""


class Cursor(Protocol):
    """What is used of a driver's cursor (PEP 249)."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement has changed."""

    def fetchall(self) -> Sequence[tuple[Any, ...]]:
        """Return all rows that are left."""


class Connection(ABC):
    """An open connection to a database; not thread-safe."""

    kind: ClassVar[str]
    """Under what name the migrations have its words."""

    def rows(self, query: str, **parameters: object) -> Sequence[tuple[Any, ...]]:
        """Return what a query finds."""
        return self.execute(*unfolded(query, parameters)).fetchall()

    def rows_for_update(self, query: str, **parameters: object) -> Sequence[tuple[Any, ...]]:
        """Return what a query finds, which no one else may change before the transaction has ended."""
        return self.rows(self.locking(query), **parameters)

    def one(self, query: str, **parameters: object) -> tuple[Any, ...] | None:
        """Return the only row that a query may find, `None` if it finds none."""
        found = self.rows(query, **parameters)
        return found[0] if found else None

    def change(self, statement: str, **parameters: object) -> int:
        """Run a statement that finds nothing, and return how many rows it has changed."""
        return self.execute(*unfolded(statement, parameters)).rowcount

    def change_all(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement that finds nothing with each of `rows`, of which there may be none."""
        if rows:
            self.execute_many(statement, rows)

    def commit(self) -> None:
        """Keep what the transaction has done, and end it."""
        self.execute("COMMIT", {})

    @abstractmethod
    def begin(self, *, writing: bool) -> None:
        """Begin a transaction; one that is not for writing sees one state of the database."""

    @abstractmethod
    def execute(self, statement: str, parameters: Mapping[str, object]) -> Cursor:
        """Run a statement, none of whose parameters is a tuple."""

    @abstractmethod
    def execute_many(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement that finds nothing with each of `rows`."""

    @abstractmethod
    def stream(self, query: str, **parameters: object) -> Generator[tuple[Any, ...], None, None]:
        """Yield what a query finds, which may be more than fits into memory."""

    @abstractmethod
    def locking(self, query: str) -> str:
        """Return the query that keeps other writers from the rows that it finds."""

    @abstractmethod
    def keep_others_from_migrating(self) -> None:
        """Let other processes wait with that until this transaction, which writes, has ended."""

    @abstractmethod
    def is_alive(self) -> bool:
        """Say whether what has been idle is still connected."""

    @abstractmethod
    def rollback(self) -> None:
        """Undo the transaction, if there is one, and let go of whatever belonged to it or to the last one."""

    @abstractmethod
    def close(self) -> None:
        """End the connection, and with it the transaction."""


class Driver(Protocol):
    """How one database is reached; thread-safe."""

    @property
    def fault(self) -> type[Exception]:
        """What all errors of the driver are."""

    @property
    def connections(self) -> int:
        """How many there may be at a time."""

    @property
    def one_writer(self) -> bool:
        """Whether there is but one writer at a time anyway, so that ours may as well take turns."""

    @property
    def holds_file(self) -> bool:
        """Whether a connection stays with the file, and the rights, that it was opened with."""

    @property
    def farewell(self) -> str:
        """What to say, outside a transaction, before the database is closed; may be empty."""

    def connect(self) -> Connection:
        """Open a connection; it begins no transaction by itself."""


def unfolded(statement: str, parameters: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
    """Return the statement and its parameters with a parameter of its own for everything in a tuple."""
    folded = {name: values for name, values in parameters.items() if isinstance(values, tuple)}
    if not folded:
        return statement, parameters
    single = {name: value for name, value in parameters.items() if name not in folded}
    for name, values in folded.items():
        single |= {f"{name}_{number}": value for number, value in enumerate(values)}

    def spelled(match: re.Match[str]) -> str:
        values = folded.get(match[1])
        if values is None:
            return match[0]
        return f"({', '.join(f':{match[1]}_{number}' for number in range(len(values))) or 'NULL'})"

    return PARAMETER.sub(spelled, statement), single

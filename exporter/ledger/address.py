"""Where a ledger is: the URL of the configuration, taken apart.

    sqlite:///relative/path   sqlite:////absolute/path   sqlite://   in memory
    sqlite:///file:PATH?mode=ro&uri=true                 what SQLite calls a URI
    postgresql+psycopg://user:password@host:port/database?libpq=parameters

User, password and database may be percent-encoded; a host may be missing, for a server on a unix socket.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, unquote

from msgspec import Struct, field

from exporter.ledger.errors import LedgerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"

_FORMS: Final = (
    "write sqlite:////path/to/ledger.db or postgresql+psycopg://user:password@host/database, with %40 for an @ inside"
)
_UNREADABLE: Final = "(url)"
_KINDS: Final[Mapping[str, str]] = {
    "sqlite": SQLITE,
    "sqlite+pysqlite": SQLITE,
    "postgres": POSTGRESQL,
    "postgresql": POSTGRESQL,
    "postgresql+psycopg": POSTGRESQL,
}
_URL: Final = re.compile(
    r"""
    (?P<scheme>[\w+]+)://
    (?:(?P<user>[^:/?@]*)(?::(?!\d*/[^?]*\?)(?P<password>[^@]*))?@)?   # it may hold what separates elsewhere
    (?P<host>\[[^/?@\]]+\]|[^:/?@]+)?
    (?::(?P<port>\d*))?
    (?:/(?P<database>[^?]*))?
    (?:\?(?P<query>.*))?
    """,
    re.VERBOSE | re.DOTALL,
)


class Address(Struct, frozen=True, kw_only=True):
    """A ledger's URL; `kind` is `SQLITE` or `POSTGRESQL`, `database` the path or the name, what is missing is empty.

    `target` names it without password and parameters, for people.
    """

    kind: str
    target: str
    user: str = ""
    password: str = ""
    host: str = ""
    port: str = ""
    database: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Address({self.target})"


def address_of(url: str) -> Address:
    """Take a URL apart; raises `LedgerUnavailableError`, without a word of it that could be a password."""
    match = _URL.fullmatch(url)
    if match is None:
        raise LedgerUnavailableError(_UNREADABLE, "this is no database URL", mend=_FORMS)
    parts = {name: part or "" for name, part in match.groupdict().items()}
    scheme, host = parts["scheme"], parts["host"].strip("[]")
    user, password, database = (unquote(parts[name]) for name in ("user", "password", "database"))
    kind = _KINDS.get(scheme)
    if kind == SQLITE:
        target = database or ":memory:"
        if any(parts[name] for name in ("user", "password", "host", "port")):
            raise LedgerUnavailableError(target, "a file has neither host nor user", mend=_FORMS)
    else:
        scheme = "postgresql+psycopg" if kind else scheme
        target = f"{scheme}://{_credentials(match, user)}{parts['host']}{_port(parts['port'])}/{database}"
    if kind is None:
        raise LedgerUnavailableError(target, f"{scheme} is not supported", mend=_FORMS)
    return Address(
        kind=kind,
        target=target,
        user=user,
        password=password,
        host=host,
        port=parts["port"],
        database=database,
        parameters=_parameters(parts["query"], target),
    )


def _parameters(query: str, target: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query):
        if name in parameters:
            mend = "several hosts are one parameter, host=a,b&port=1,2"
            raise LedgerUnavailableError(target, f"the parameter {name!r} is given more than once", mend=mend)
        parameters[name] = value
    return parameters


def _credentials(match: re.Match[str], user: str) -> str:
    if match["user"] is None:
        return ""
    return quote(user) + ("" if match["password"] is None else ":***") + "@"


def _port(port: str) -> str:
    return f":{port}" if port else ""

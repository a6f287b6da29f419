"""A URL taken apart: what it says is given back, and its password to nobody but the driver."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.ledger import LedgerUnavailableError
from exporter.ledger.address import POSTGRESQL, SQLITE, address_of


@pytest.mark.parametrize(
    ("url", "database", "target"),
    [
        ("sqlite://", "", ":memory:"),
        ("sqlite:///:memory:", ":memory:", ":memory:"),
        ("sqlite:///ledger.db", "ledger.db", "ledger.db"),
        ("sqlite:////var/lib/ledger.db", "/var/lib/ledger.db", "/var/lib/ledger.db"),
        ("sqlite+pysqlite:////a%20b.db", "/a b.db", "/a b.db"),
        ("sqlite:///file:/x.db?mode=ro&uri=true", "file:/x.db", "file:/x.db"),
    ],
)
def test_a_file(url: str, database: str, target: str) -> None:
    address = address_of(url)

    assert (address.kind, address.database, address.target) == (SQLITE, database, target)


@pytest.mark.parametrize(
    ("url", "parts", "target"),
    [
        ("postgresql://h/d", ("", "", "h", "", "d"), "h/d"),
        ("postgres://u@h:5433/d", ("u", "", "h", "5433", "d"), "u@h:5433/d"),
        ("postgresql+psycopg://u:p@/d?host=/run/pg", ("u", "p", "", "", "d"), "u:***@/d"),
        ("postgresql+psycopg://u:p/?#:w@h/d", ("u", "p/?#:w", "h", "", "d"), "u:***@h/d"),
        ("postgresql+psycopg://a%40b:p%40w@[::1]:1/d", ("a@b", "p@w", "::1", "1", "d"), "a%40b:***@[::1]:1/d"),
    ],
)
def test_a_server(url: str, parts: tuple[str, ...], target: str) -> None:
    address = address_of(url)

    assert (address.user, address.password, address.host, address.port, address.database) == parts
    assert (address.kind, address.target) == (POSTGRESQL, f"postgresql+psycopg://{target}")


def test_parameters_are_those_of_the_driver() -> None:
    assert address_of("postgresql://h/d?host=%2Frun%2Fpg&sslmode=verify-full").parameters == {
        "host": "/run/pg",
        "sslmode": "verify-full",
    }


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(user=NAMES, password=NAMES, database=NAMES)
def test_what_is_encoded_comes_out_as_it_went_in(user: str, password: str, database: str) -> None:
    credentials = f"{quote(user, safe='')}:{quote(password, safe='')}"
    address = address_of(f"postgresql+psycopg://{credentials}@host/{quote(database, safe='')}")

    assert (address.user, address.password, address.database) == (user, password, database)


PASSWORD = "Hunter2&Hunter3"


@pytest.mark.parametrize("said", ["u:Hunter@Hunter@h/d", "h?user=me&password=Hunter@Hunter", "h:1/d?password=x@Hunter"])
def test_an_at_sign_in_a_password_does_not_let_it_out(said: str) -> None:
    try:
        target = address_of(f"postgresql+psycopg://{said}").target
    except LedgerUnavailableError as error:
        target = str(error)

    assert "Hunter" not in target


def test_parameters_that_hold_an_at_sign_are_parameters() -> None:
    address = address_of("postgresql://h:1/d?password=x@y")

    assert (address.host, address.port, address.database, address.parameters) == ("h", "1", "d", {"password": "x@y"})


def test_a_parameter_that_is_given_twice_is_named() -> None:
    with pytest.raises(LedgerUnavailableError, match=r"'host' is given more than once; several hosts are .* host=a,b"):
        address_of("postgresql://u@/d?host=a&host=b")


@pytest.mark.parametrize("url", ["sqlite://ledger.db", "sqlite://u@/ledger.db", "sqlite://h:1/ledger.db"])
def test_a_file_has_no_host(url: str) -> None:
    with pytest.raises(LedgerUnavailableError, match="neither host nor user; write sqlite:////path"):
        address_of(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "mysql", "sqlite", "post gresql", ""])
@pytest.mark.parametrize("rest", ["", "h/d", "h:5432/d?sslmode=disable", "h:port/d", "[::1/d", "h/d?password=x"])
def test_a_password_is_told_to_nobody(scheme: str, rest: str) -> None:
    url = f"{scheme}://main:{PASSWORD}@{rest}"
    try:
        address = address_of(url)
    except LedgerUnavailableError as error:
        said = f"{error} {error!r}"
    else:
        said = f"{address} {address!r} {address.target}"

    assert "Hunter" not in said


@pytest.mark.parametrize("url", ["", "nonsense", "://", "postgresql://h:port/d", "sqlite:/x", "sqlite:"])
def test_what_is_no_url_is_told_how_one_looks(url: str) -> None:
    with pytest.raises(LedgerUnavailableError, match="no database URL; write sqlite:////path"):
        address_of(url)


def test_another_database_is_named() -> None:
    with pytest.raises(LedgerUnavailableError, match=r"ledger mysql://u@h/d: mysql is not supported; write sqlite"):
        address_of("mysql://u@h/d")

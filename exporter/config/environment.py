"""The configuration of one account from environment variables, for when there is no file.

Owns the names of the variables. With a file they are not read, unless the file names them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from exporter.config import credentials, keys, reading
from exporter.config.problems import Place
from exporter.config.reading import Given
from exporter.config.values import BadValue
from exporter.yamltext import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.config.problems import Findings
    from exporter.config.reading import Tree
    from exporter.config.shapes import Group, Key

SOURCE: Final = "environment"
"""What stands for the file name in messages about variables."""

ACCOUNT_NAME: Final = "default"
"""The name of the account that the variables make."""

_BOTH_WAYS: Final = (
    "name a file with --config.file, or set BINGX_API_KEY and BINGX_API_SECRET "
    "(or BINGX_API_KEY_FILE and BINGX_API_SECRET_FILE)"
)


class Variable(Struct, frozen=True, kw_only=True):
    """An environment variable and the key that it stands for."""

    name: str
    key: Key
    help: str


VARIABLES: Final = (
    Variable(name="BINGX_API_KEY", key=keys.API_KEY, help="The API key."),
    Variable(name="BINGX_API_KEY_FILE", key=keys.API_KEY_FILE, help="Or a file that holds it."),
    Variable(name="BINGX_API_SECRET", key=keys.API_SECRET, help="The secret that belongs to the key."),
    Variable(name="BINGX_API_SECRET_FILE", key=keys.API_SECRET_FILE, help="Or a file that holds it."),
    Variable(name="BINGX_ENVIRONMENT", key=keys.ENVIRONMENT, help="`live` (default) or `vst`."),
    Variable(name="BINGX_LEDGER_URL", key=keys.LEDGER_URL, help="Where income is kept; the default is `ledger.url`'s."),
)


def read(environ: Mapping[str, str], findings: Findings) -> tuple[Tree, Tree]:
    """Return the values of the ledger and of the account, credentials included, as far as they can be read."""
    ledger = _values(keys.LEDGER, environ, findings)
    account = _values(keys.ACCOUNT, environ, findings)
    missing = [name for name in ("api_key", "api_secret") if not credentials.is_given(account, name)]
    if len(missing) == 2:  # noqa: PLR2004 - neither half of the pair
        findings.refuse(Place(), "no account is configured", _BOTH_WAYS)
    elif missing:
        variable = f"BINGX_{missing[0].upper()}"
        findings.refuse(Place(None, variable), "not set, the other half of the pair is", f"set it or {variable}_FILE")
    for name in ("api_key", "api_secret"):
        credentials.settle(account, name, base=Path(), findings=findings)
    account["name"] = Given(ACCOUNT_NAME, Place())
    return (
        reading.overlay(reading.defaults(keys.LEDGER), ledger),
        reading.overlay(reading.defaults(keys.ACCOUNT), account),
    )


def _values(group: Group, environ: Mapping[str, str], findings: Findings) -> Tree:
    return {
        variable.key.name: _value(variable, environ[variable.name], findings)
        for variable in VARIABLES
        if variable.key in group.members and variable.name in environ
    }


def _value(variable: Variable, text: str, findings: Findings) -> Given:
    place = Place(None, variable.name)
    if not text:
        findings.refuse(place, "is empty", "set it or leave it out")
        return Given(None, place)
    try:
        return Given(variable.key.parse(text), place, quoted(text))
    except BadValue as bad:
        findings.refuse(place, f"{'the value' if variable.key.secret else quoted(text)} {bad.message}", bad.hint)
        return Given(None, place)

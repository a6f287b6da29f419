"""The configuration file: its text, its accounts laid over its defaults, and what ties one account to another.

Owns relative paths and what concerns the file as a whole. Knows single keys only where a rule is about them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from exporter.config import credentials, document, keys
from exporter.config.problems import Place
from exporter.config.reading import Given, Reader, defaults, overlay
from exporter.yamltext import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from exporter.config.problems import Findings
    from exporter.config.reading import Tree

_LARGEST: Final = 1024 * 1024
_SQLITE: Final = "sqlite:///"


def read(path: Path, *, environ: Mapping[str, str], findings: Findings) -> tuple[Tree, list[Tree]]:
    """Return the values of the ledger and of each account, as far as they can be read."""
    text = _contents(path, findings)
    root = None if text is None else document.read(text, findings)
    if root is None:
        return {}, []
    reader = Reader(environ=environ, findings=findings)
    tree = reader.group(keys.ROOT, root, Place())
    if not isinstance(root, document.Table):
        return {}, []
    owns = _accounts(root, reader, findings)
    _check_names(owns, findings)
    for place, own in owns:
        _settle_credentials(own, place, base=path.parent, findings=findings)
    _warn_if_open(path, [own for _, own in owns], findings)
    base = overlay(defaults(keys.ACCOUNT), _group(tree, "defaults"))
    ledger = overlay(defaults(keys.LEDGER), _group(tree, "ledger"))
    return _beside(path, ledger), [overlay(base, own) for _, own in owns]


def _contents(path: Path, findings: Findings) -> str | None:
    findings.sources.opening(path)
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        findings.refuse(Place(), f"cannot be read: {os.strerror(error.errno or 0)}")
        return None
    if len(content) > _LARGEST:
        findings.refuse(Place(), "is longer than 1 MiB", "is it the right file?")
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        findings.refuse(Place(content.count(b"\n", 0, error.start) + 1), "is not UTF-8 text")
        return None


def _accounts(root: document.Table, reader: Reader, findings: Findings) -> list[tuple[Place, Tree]]:
    entry = root.entries.get(keys.ACCOUNTS.name)
    if entry is None:
        findings.refuse(
            Place(None, keys.ACCOUNTS.name), "missing", 'list at least one account, beginning with "- name:"'
        )
        return []
    return reader.listing(keys.ACCOUNTS, entry.node, Place(entry.line, keys.ACCOUNTS.name))


def _check_names(owns: Iterable[tuple[Place, Tree]], findings: Findings) -> None:
    first: dict[str, Place] = {}
    for place, own in owns:
        name = own.get("name")
        if not isinstance(name, Given):
            findings.refuse(place.member("name", line=place.line), "missing", "every account has a name of its own")
        elif isinstance(name.value, str) and name.value in first:
            other = first[name.value]
            message = f"{quoted(name.value)} is already the name of {other.key}, on line {other.line}"
            findings.refuse(name.place, message)
        elif isinstance(name.value, str):
            first[name.value] = Place(name.place.line, place.key)


def _settle_credentials(own: Tree, place: Place, *, base: Path, findings: Findings) -> None:
    for name in ("api_key", "api_secret"):
        if credentials.is_given(own, name):
            credentials.settle(own, name, base=base, findings=findings)
        else:
            findings.refuse(place.member(name, line=place.line), "missing", f"give {name} or {name}_file")


def _warn_if_open(path: Path, owns: Iterable[Tree], findings: Findings) -> None:
    if any(credentials.is_literal(own) for own in owns) and credentials.is_readable_by_everyone(path):
        findings.warn(Place(), "holds keys and is readable by everyone", "chmod 0600 it, or give the keys by file")


def _beside(path: Path, ledger: Tree) -> Tree:
    url = ledger["url"]
    if isinstance(url, Given) and isinstance(url.value, str) and url.value.startswith(_SQLITE):
        file = path.parent / url.value.removeprefix(_SQLITE)
        return {**ledger, "url": Given(f"{_SQLITE}{file}", url.place)}
    return ledger


def _group(tree: Tree, name: str) -> Tree:
    group = tree.get(name, {})
    return group if isinstance(group, dict) else {}

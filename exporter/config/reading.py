"""From the tree of a file to checked values: which keys are known, what they hold, and what lies over what.

Owns unknown keys, variables in values and the overlay of accounts over defaults. Knows no key by name: the names come
from `keys`. Opens no file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import Struct

from exporter.config import document, values
from exporter.config.problems import Place
from exporter.config.shapes import Group, Key, Labels, Listing
from exporter.yamltext import nearest, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.config.problems import Findings

_DOLLAR: Final = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<stray>\{))", re.ASCII)

_TABLE_LIKE: Final = (document.Table, document.Nothing)


class Given(Struct, frozen=True):
    """A value, where it was given, how that reads, and whether it stands there whole, with no variable in it.

    `value` is `None` where it could not be read; then the findings say why.
    """

    value: object
    place: Place
    shown: str = ""
    is_literal: bool = False


Tree: TypeAlias = "dict[str, Given | Tree]"


class Reader:
    """Reads nodes by the declared keys; whatever is wrong goes to the findings, and the value is left out."""

    def __init__(self, *, environ: Mapping[str, str], findings: Findings) -> None:
        self._environ = environ
        self._findings = findings

    def group(self, group: Group, node: document.Node, place: Place) -> Tree:
        """Return the values of a mapping by the keys of `group`, lists aside; no mapping at all is an empty one."""
        tree: Tree = {}
        for name, entry in self.entries(node, place).items():
            inner = place.member(name, line=entry.line)
            member = group.member(name)
            if member is None:
                self._unknown(group, name, inner)
            elif not isinstance(member, Listing):
                self._read(member, entry.node, inner, into=tree)
        return tree

    def entries(self, node: document.Node, place: Place) -> Mapping[str, document.Entry]:
        """Return the entries of a mapping; anything else but nothing is a problem, and empty."""
        if isinstance(node, document.Table):
            return node.entries
        if not isinstance(node, document.Nothing | document.Broken):
            self._findings.refuse(place, f"must be a mapping, not {document.describe(node)}")
        return {}

    def listing(self, listing: Listing, node: document.Node, place: Place) -> list[tuple[Place, Tree]]:
        """Return the place and the values of every item of a list; an empty list is a problem, as is no list."""
        if isinstance(node, document.Nothing) or node == document.Items(node.line, ()):
            self._findings.refuse(place, "is empty", 'list at least one, beginning with "- name:"')
        elif isinstance(node, document.Items):
            places = [place.item(index, line=item.line) for index, item in enumerate(node.items)]
            read = [(at, self.group(listing.item, item, at)) for at, item in zip(places, node.items, strict=True)]
            return [part for part, item in zip(read, node.items, strict=True) if isinstance(item, _TABLE_LIKE)]
        elif not isinstance(node, document.Broken):
            message = f"must be a list, not {document.describe(node)}"
            self._findings.refuse(place, message, 'begin each item with "- name:"')
        return []

    def _text(self, key: Key, text: str, place: Place) -> Given:
        filled = self._fill(text, place)
        if filled is None:
            return Given(None, place)
        subject = "the value" if key.secret else quoted(text)
        try:
            value = key.parse(_not_empty(filled))
        except values.BadValue as bad:
            self._findings.refuse(place, f"{subject} {bad.message}" if filled else bad.message, bad.hint)
            return Given(None, place)
        return Given(value, place, quoted(text), is_literal=not _variables(text))

    def _read(self, member: Key | Labels | Group, node: document.Node, place: Place, *, into: Tree) -> None:
        if isinstance(member, Group):
            into[member.name] = self.group(member, node, place)
        elif isinstance(member, Labels):
            into[member.name] = self._labels(node, place)
        else:
            into[member.name] = self._single(member, node, place)

    def _single(self, key: Key, node: document.Node, place: Place) -> Given:
        if isinstance(node, document.Text):
            return self._text(key, node.text, place)
        if isinstance(node, document.Nothing):
            self._findings.refuse(place, "has no value")
        elif not isinstance(node, document.Broken):
            self._findings.refuse(place, f"must be a single value, not {document.describe(node)}")
        return Given(None, place)

    def _labels(self, node: document.Node, place: Place) -> Tree:
        tree: Tree = {}
        for name, entry in self.entries(node, place).items():
            inner = place.member(name, line=entry.line)
            try:
                values.parse_label_name(name)
            except values.BadValue as bad:
                self._findings.refuse(inner, bad.message, bad.hint)
                continue
            tree[name] = self._single(_label(name), entry.node, inner)
        return tree

    def _unknown(self, group: Group, name: str, place: Place) -> None:
        if name in group.refused:
            self._findings.refuse(place, group.refused[name])
        else:
            self._findings.refuse(place, "unknown key", nearest(name, (member.name for member in group.members)))

    def _fill(self, text: str, place: Place) -> str | None:
        stray = [match for match in _DOLLAR.finditer(text) if match["stray"]]
        if stray:
            self._findings.refuse(
                place, 'holds a "${" that names no variable', 'write ${NAME}, or "$$" for a plain "$"'
            )
            return None
        unset = [name for name in _variables(text) if name not in self._environ]
        for name in unset:
            self._findings.refuse(place, f"the environment variable {name} is not set")
        if unset:
            return None
        return _DOLLAR.sub(lambda match: "$" if match["dollar"] else self._environ[match["name"]], text)


def defaults(group: Group) -> Tree:
    """Return what the program itself says of the keys of `group`."""
    tree: Tree = {}
    for member in group.members:
        if isinstance(member, Group):
            tree[member.name] = defaults(member)
        elif isinstance(member, Labels):
            tree[member.name] = {}
        elif isinstance(member, Key) and member.default is not None:
            tree[member.name] = Given(member.parse(member.default), Place())
    return tree


def overlay(low: Tree, high: Tree) -> Tree:
    """Return `low` with `high` laid over it key by key, at every depth."""
    result = dict(low)
    for name, over in high.items():
        under = low.get(name)
        result[name] = overlay(under, over) if isinstance(under, dict) and isinstance(over, dict) else over
    return result


def plain(tree: Tree) -> dict[str, Any]:
    """Return the values alone, without their places."""
    return {name: plain(part) if isinstance(part, dict) else part.value for name, part in tree.items()}


def _variables(text: str) -> list[str]:
    return [match["name"] for match in _DOLLAR.finditer(text) if match["name"]]


def _label(name: str) -> Key:
    return Key(name=name, kind="text", parse=values.parse_label_value, help="", example="")


def _not_empty(text: str) -> str:
    if not text:
        message = "is empty"
        raise values.BadValue(message)
    return text

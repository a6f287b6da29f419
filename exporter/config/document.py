"""From YAML text to a tree of plain text with line numbers.

Owns what YAML allows here: mappings, lists, single values, anchors, aliases and merge keys. Refuses keys given twice,
tags, aliases inside themselves and deep nesting. Values stay text as written; what they mean is decided elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import yaml
from msgspec import Struct

from exporter import yamltext
from exporter.config.problems import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.config.problems import Findings

_MERGE: Final = "tag:yaml.org,2002:merge"
_NULL: Final = "tag:yaml.org,2002:null"
_PLAIN_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "timestamp", "value")
)


class Nothing(Struct, frozen=True):
    """A key with no value after it."""

    line: int


class Text(Struct, frozen=True):
    """A single value, as written."""

    line: int
    text: str


class Items(Struct, frozen=True):
    """A list."""

    line: int
    items: tuple[Node, ...]


class Entry(Struct, frozen=True):
    """A key's value, and the line of the key."""

    line: int
    node: Node


class Table(Struct, frozen=True):
    """A mapping, with its merge keys already merged."""

    line: int
    entries: Mapping[str, Entry]


class Broken(Struct, frozen=True):
    """What could not be read; the findings say why, and there is no more to say about it."""

    line: int


Node: TypeAlias = Nothing | Text | Items | Table | Broken


def describe(node: Text | Items | Table) -> str:
    """Name what `node` is, for a message about what it should have been."""
    if isinstance(node, Text):
        return "a single value"
    return "a list" if isinstance(node, Items) else "a mapping"


def read(text: str, findings: Findings) -> Node | None:
    """Read one YAML document; `None` if it is not one, or empty, with the reason among the `findings`."""
    try:
        root = yamltext.compose(text)
    except yamltext.NotYamlError as error:
        findings.refuse(Place(error.line), f"not valid YAML: {error}")
        return None
    if root is None or root.tag == "tag:yaml.org,2002:null":
        findings.refuse(Place(), "is empty")
        return None
    return _Builder(findings).build(root, Place())


class _Builder:
    """Turns each YAML node into one of ours exactly once, however often it is aliased: a YAML bomb stays small."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._built: dict[int, Node] = {}
        self._open: set[int] = set()

    def build(self, node: yaml.Node, place: Place) -> Node:
        if id(node) in self._built:
            return self._built[id(node)]
        line = node.start_mark.line + 1
        if id(node) in self._open or len(self._open) > yamltext.DEEPEST:
            self._findings.refuse(Place(line, place.key), "holds itself, or is nested too deeply")
            return Broken(line)
        self._open.add(id(node))
        built = self._convert(node, Place(line, place.key))
        self._open.discard(id(node))
        self._built[id(node)] = built
        return built

    def _convert(self, node: yaml.Node, place: Place) -> Node:
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode) and node.tag.endswith(":map"):
            return Table(line, self._entries(node, place))
        if isinstance(node, yaml.SequenceNode) and node.tag.endswith(":seq"):
            items = enumerate(node.value)
            return Items(line, tuple(self.build(item, place.item(index, line=line)) for index, item in items))
        if node.tag == _NULL:
            return Nothing(line)
        if node.tag not in _PLAIN_TAGS:
            self._findings.refuse(place, "has a YAML tag", "leave out what begins with an exclamation mark")
            return Broken(line)
        return Text(line, str(node.value))

    def _entries(self, node: yaml.MappingNode, place: Place) -> dict[str, Entry]:
        given: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._findings.refuse(Place(line, place.key), "has a key that is not plain text")
                continue
            inner = place.member(key.value, line=line)
            if key.value in lines:
                self._findings.refuse(inner, f"given twice; the first is on line {lines[key.value]}")
                continue
            lines[key.value] = line
            built = self.build(value, inner)
            if key.tag == _MERGE:
                merged = self._merged(built, inner)
            else:
                given[key.value] = Entry(line, built)
        return merged | given

    def _merged(self, node: Node, place: Place) -> dict[str, Entry]:
        sources = node.items if isinstance(node, Items) else (node,)
        merged: dict[str, Entry] = {}
        for source in reversed(sources):
            if isinstance(source, Table):
                merged |= source.entries
            elif not isinstance(source, Broken):
                self._findings.refuse(place, "can merge mappings only")
        return merged

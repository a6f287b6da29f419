"""From YAML text to parts that know where they stand.

Owns what YAML allows here: one mapping of mappings, lists and single values; no key twice, no tag, no deep nesting.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

import yaml

from exporter import yamltext
from exporter.web.access.problems import Place
from exporter.yamltext import nearest, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

_CORE: Final = "tag:yaml.org,2002:"
_PLAIN: Final = frozenset(_CORE + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "value"))
_TRUE: Final = frozenset({"true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Part:
    """One value of the file and its place; each method raises `WebConfigError` if the value is not what it asks for."""

    place: Place
    # The node's own repr would show what it holds, which may be a secret.
    _node: yaml.Node | None = field(repr=False)

    def refuse(self, message: str, mend: str = "") -> NoReturn:
        """Raise the error that says `message` of this part."""
        self.place.refuse(message, mend)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is written here."""
        return self._node is None or self._node.tag == _CORE + "null"

    def members(self, known: Iterable[str] | None = None) -> dict[str, Part]:
        """Return the parts of a mapping by key, all of which must be among `known`, if given."""
        if self.is_nothing:
            return {}
        if not isinstance(self._node, yaml.MappingNode) or self._node.tag != _CORE + "map":
            self.refuse(f"must be a mapping, not {_kind(self._node)}")
        members: dict[str, Part] = {}
        for key, value in self._node.value:
            name, part = self._member(key, value)
            if name in members:
                part.refuse("given twice", f"the first is on line {members[name].place.line}")
            if known is not None and name not in known:
                part.refuse("unknown key", nearest(name, known))
            members[name] = part
        return members

    def text(self) -> str:
        """Return a single value as it is written; nothing is an empty text."""
        if self.is_nothing:
            return ""
        if not isinstance(self._node, yaml.ScalarNode) or self._node.tag not in _PLAIN:
            self.refuse(f"must be a single value, not {_kind(self._node)}")
        return str(self._node.value)

    def texts(self) -> tuple[str, ...]:
        """Return the single values of a list."""
        if not isinstance(self._node, yaml.SequenceNode) or self._node.tag != _CORE + "seq":
            self.refuse(f"must be a list, not {_kind(self._node)}", 'begin each item with "- "')
        items = (Part(self._inside(f"[{index}]", node), node) for index, node in enumerate(self._node.value))
        return tuple(item.text() for item in items)

    def flag(self) -> bool:
        """Return true or false."""
        text = self.text()
        if self._node is None or self._node.tag != _CORE + "bool":
            self.refuse("is neither true nor false")
        return text.lower() in _TRUE

    def choice(self, known: Iterable[str]) -> str:
        """Return a single value that is one of the `known`."""
        text = self.text()
        if text not in known:
            self.refuse(f"{quoted(text)} is unknown", nearest(text, known))
        return text

    def _member(self, key: yaml.Node, value: yaml.Node) -> tuple[str, Part]:
        if not isinstance(key, yaml.ScalarNode):
            self._inside("", key).refuse("has a key that is not plain text")
        name = str(key.value)
        shown = name if re.fullmatch(r"[\w-]+", name, re.ASCII) else quoted(name)
        return name, Part(self._inside(f".{shown}" if self.place.key else shown, key), value)

    def _inside(self, path: str, node: yaml.Node) -> Place:
        return Place(file=self.place.file, line=node.start_mark.line + 1, key=self.place.key + path)


def read(content: bytes, *, file: str) -> Part:
    """Return the whole of the YAML document `content`; raises `WebConfigError`, in which the document is `file`."""
    place = Place(file=file)
    try:
        return Part(place, yamltext.compose(content.decode("utf-8-sig")))
    except UnicodeDecodeError:
        place.refuse("is not text in UTF-8")
    except yamltext.NotYamlError as error:
        Place(file=file, line=error.line).refuse(f"is not valid YAML: {error}")


def _kind(node: yaml.Node | None) -> str:
    if node is not None and not node.tag.startswith(_CORE):
        return "something with a tag"
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a single value"

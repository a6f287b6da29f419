"""YAML as people write it: how far it may go, what is wrong with it, and how it is quoted without a secret.

Owns what both configuration files have in common. Must not know a key of either, nor what a value means.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

DEEPEST: Final = 32
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LONGEST_QUOTE: Final = 60
_LOGIN: Final = re.compile(r"://.*@", re.DOTALL)
_SECRET: Final = re.compile(r"\$2[abxy]?\$|-----(?:BEGIN|END) ")
_HIDDEN: Final = "<secret>"


class NotYamlError(Exception):
    """A text is not YAML; `line` (from 1) says where, if that is known. The message quotes nothing of the text."""

    def __init__(self, message: str, *, line: int | None) -> None:
        self.line = line
        super().__init__(message)


def compose(text: str) -> yaml.Node | None:
    """Return the nodes of one YAML document, `None` if it is empty; raises `NotYamlError`."""
    try:
        return yaml.compose(text, Loader=_BoundedLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotYamlError(_without_quotes(error), line=mark.line + 1 if mark else None) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = "a control character"
        raise NotYamlError(message, line=line) from None
    except (OverflowError, ValueError):
        # The parser's own, for an escape or a version with a number beyond all measure; it does not say where.
        message = "it has an escape or a version that is none"
        raise NotYamlError(message, line=None) from None


def looks_secret(text: str) -> bool:
    """Tell whether there is a bcrypt hash or a key in PEM in `text`, by how the one and the other begin."""
    return bool(_SECRET.search(text))


def quoted(text: str) -> str:
    """Return `text` in double quotes on one line, shortened, with everything escaped that does not print.

    A hash of a password and a private key are not shown, whatever they were written for; nor is what stands before the
    host of a URL, which may be a password, too.
    """
    if looks_secret(text):
        return _HIDDEN
    text = _LOGIN.sub("://…@", text)
    short = text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
    return json.dumps(short, ensure_ascii=not short.isprintable())


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the mend for a `name` that is none of the `known`: the nearest of them, or else all of them."""
    known = tuple(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {quoted(near[0])}?" if near else f"known here: {', '.join(known)}"


class _BoundedLoader(yaml.SafeLoader):
    """Refuses nesting that would exhaust the stack, and text that cannot be written as UTF-8."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.composer.ComposerError(None, None, "nested too deeply", parent.start_mark if parent else None)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def compose_scalar_node(self, anchor: dict[str, yaml.Node]) -> yaml.ScalarNode:
        node = super().compose_scalar_node(anchor)
        if _SURROGATE.search(node.value):
            raise yaml.composer.ComposerError(None, None, "half a character", node.start_mark)
        return node


def _without_quotes(error: yaml.MarkedYAMLError) -> str:
    """Return what the parser says without what it quotes from the file: that may be part of a secret."""
    said = ", ".join(part for part in (error.context, error.problem) if part)
    return re.sub(r"'(?!<[a-z ]+>'|\\?.')[^']*'", "…", said)

"""Keys and secrets: given in place or in a file of their own, never both, and never shown.

Owns the reading of secret files and what makes one unfit. No message holds a key, nor a file name that might be one.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from exporter.config.reading import Given
from exporter.config.values import BadValue, parse_secret

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.config.problems import Findings
    from exporter.config.reading import Tree
    from exporter.model import Secret

_LARGEST_FILE: Final = 4096


def is_given(tree: Tree, name: str) -> bool:
    """Tell whether the credential `name` was given in either way, rightly or wrongly."""
    return name in tree or f"{name}_file" in tree


def is_literal(tree: Tree) -> bool:
    """Tell whether a credential stands in the configuration itself, and not in a file or variable that it names."""
    parts = (tree.get("api_key"), tree.get("api_secret"))
    return any(isinstance(part, Given) and part.is_literal for part in parts)


def settle(tree: Tree, name: str, *, base: Path, findings: Findings) -> None:
    """Put the credential `name` of an account in its place in `tree`, from its file if it was given by file.

    Relative paths begin at the directory `base`. Whatever is wrong with it goes to the findings.
    """
    in_place, by_file = tree.get(name), tree.pop(f"{name}_file", None)
    if not isinstance(by_file, Given):
        return
    if isinstance(in_place, Given):
        findings.refuse(by_file.place, f"{in_place.place.key} is given too", "keep one of the two")
        return
    secret = None if by_file.value is None else _from_file(by_file, base / str(by_file.value), findings)
    tree[name] = replace(by_file, value=secret, is_literal=False)


def is_readable_by_everyone(path: Path) -> bool:
    """Tell whether any user of the machine may read the file; raises `OSError` if it cannot be asked."""
    return bool(path.stat().st_mode & stat.S_IROTH)


def _from_file(given: Given, path: Path, findings: Findings) -> Secret | None:
    # A word without a slash may be the key itself, written after the wrong name.
    subject = given.shown if "/" in given.shown else "the file"
    findings.sources.opening(path)
    try:
        secret = parse_secret(_contents(path))
        if is_readable_by_everyone(path):
            findings.warn(given.place, f"{subject} is readable by everyone", "chmod 0600 it")
    except BadValue as bad:
        findings.refuse(given.place, f"{subject} {bad.message}", bad.hint)
    except OSError as error:
        findings.refuse(given.place, f"{subject} cannot be read: {os.strerror(error.errno or 0)}")
    else:
        return secret
    return None


def _contents(path: Path) -> str:
    if not stat.S_ISREG(path.stat().st_mode):
        message = "is not a regular file"
        raise BadValue(message)
    with path.open("rb") as file:
        content = file.read(_LARGEST_FILE + 1)
    if len(content) > _LARGEST_FILE:
        message = f"is longer than {_LARGEST_FILE} bytes"
        raise BadValue(message, "is it the right file?")
    return content.decode("ascii", errors="replace").rstrip("\r\n")

"""What is wrong with a configuration, where, and how to mend it.

Owns the form of the messages; the words come from whoever found the fault. A message never holds a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from exporter.config.sources import Sources
from exporter.yamltext import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from exporter.config.sources import Stamp


class Problem(Struct, frozen=True, kw_only=True):
    """One fault: the file, the line (from 1) and the key path where they are known, what is wrong, and a mend."""

    file: str
    line: int | None = None
    key: str = ""
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """Say it on one line: `config.yaml:12: accounts[0].timout: unknown key; did you mean "timeout"?`."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        said = f"{self.message}; {self.hint}" if self.hint else self.message
        return ": ".join(part for part in (place, self.key, said) if part)


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds every fault that was found, in the order of the file.

    `stamps` are the files that were read for it: it may be worth another look when one of them changes.
    """

    def __init__(self, problems: Iterable[Problem], stamps: Mapping[Path, Stamp | None] | None = None) -> None:
        self.problems = tuple(problems)
        self.stamps = stamps or {}
        super().__init__("\n".join(map(str, self.problems)))


class Place(Struct, frozen=True):
    """A spot in the configuration: a line of the file, if it has one, and the path of a key."""

    line: int | None = None
    key: str = ""

    def member(self, name: str, *, line: int | None) -> Place:
        """Return the place of the key `name` inside this one."""
        shown = name if name.replace("_", "").isalnum() and name.isascii() else quoted(name)
        return Place(line, f"{self.key}.{shown}" if self.key else shown)

    def item(self, index: int, *, line: int | None) -> Place:
        """Return the place of the list item `index` (from 0) inside this one."""
        return Place(line, f"{self.key}[{index}]")


class Findings:
    """The problems and warnings about one file, collected while it is read, so that all are told at once.

    `sources` takes note of every file that is opened on the way.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.sources = Sources()
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []

    def refuse(self, place: Place, message: str, hint: str = "") -> None:
        """Note a fault that makes the configuration unusable."""
        self._problems.append(self._at(place, message, hint))

    def warn(self, place: Place, message: str, hint: str = "") -> None:
        """Note something that works but that the operator should know."""
        self._warnings.append(self._at(place, message, hint))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the warnings as lines of text, in the order of the file."""
        return tuple(str(warning) for warning in sorted(self._warnings, key=_line))

    def raise_if_any(self) -> None:
        """Raise `ConfigError` with all problems in the order of the file, if there is one."""
        if self._problems:
            raise ConfigError(sorted(self._problems, key=_line), self.sources.stamps)

    def _at(self, place: Place, message: str, hint: str) -> Problem:
        return Problem(file=self.file, line=place.line, key=place.key, message=message, hint=hint)


def _line(problem: Problem) -> int:
    return problem.line or 0

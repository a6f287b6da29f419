"""What is wrong with a web configuration, where, and how to mend it; a message never holds a hash or a key."""

from __future__ import annotations

from typing import NoReturn

from msgspec import Struct


class WebConfigError(Exception):
    """The web configuration cannot be used; the message names the file, the line, the key, the fault and a mend."""


class Place(Struct, frozen=True, kw_only=True):
    """A spot in the file: its line (from 1) and the path of a key, as far as there is one."""

    file: str
    line: int | None = None
    key: str = ""

    def refuse(self, message: str, mend: str = "") -> NoReturn:
        """Raise the error that says `message` of this place, on one line, and nothing of what it came from."""
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        said = f"{message}; {mend}" if mend else message
        raise WebConfigError(": ".join(part for part in (where, self.key, said) if part)) from None

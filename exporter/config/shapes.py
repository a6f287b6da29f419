"""What a declaration of keys is made of: single keys, labels, groups and lists.

Owns the shapes only; the keys themselves are in `keys`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Key(Struct, frozen=True, kw_only=True):
    """A key with one value.

    `default` is written as in the file and read by the same `parse`; without one, `absent` says what holds instead.
    The value of a `secret` key is, or may turn out to be, a secret and is never shown. An `own` key is an account's own
    and cannot be said in the defaults.
    """

    name: str
    kind: str
    parse: Callable[[str], object]
    help: str
    example: str
    default: str | None = None
    absent: str = ""
    secret: bool = False
    own: bool = False


class Labels(Struct, frozen=True, kw_only=True):
    """A key whose own keys are the operator's: names and values of labels."""

    name: str
    help: str
    example: str


class Group(Struct, frozen=True, kw_only=True):
    """A key that holds keys; `refused` are keys that are known but out of place here, with what to say about them."""

    name: str
    help: str
    members: tuple[Member, ...]
    refused: Mapping[str, str] = field(default_factory=dict)

    def member(self, name: str) -> Member | None:
        """Return the member `name`, or `None` if there is no such key."""
        return next((member for member in self.members if member.name == name), None)


class Listing(Struct, frozen=True, kw_only=True):
    """A key that holds a list of groups."""

    name: str
    help: str
    item: Group


Member: TypeAlias = Key | Labels | Group | Listing


def walk(member: Member, path: str = "") -> Iterator[tuple[str, Member]]:
    """Yield every key below `member` with its path (`collectors.income.since`), groups before their members."""
    if isinstance(member, Group):
        for inner in member.members:
            inner_path = f"{path}.{inner.name}" if path else inner.name
            yield inner_path, inner
            yield from walk(inner, inner_path)
    elif isinstance(member, Listing):
        yield from walk(member.item, f"{path}[]")

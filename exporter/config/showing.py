"""A configuration as text that anybody may see, and what differs between two of them.

Owns which values are hidden. What is written here is complete: every key with the value in force, defaults included.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

from exporter.model import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.config.settings import Config

HIDDEN: Final = "<secret>"
_USER: Final = re.compile(r"(?<=://)[^?]*@")
_PARAMETERS: Final = re.compile(r"\?.*", re.DOTALL)
_URLS: Final = frozenset({"url", "proxy", "base_url", "fallback_url"})
_DURATIONS: Final = frozenset({"interval", "initial_zero", "tail", "period", "timeout", "recv_window"})
_FINGERPRINT_BYTES: Final = 6
_QUICK: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


class _Leaf(NamedTuple):
    """A value, and how it reads."""

    value: object
    shown: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between two configurations: of which account, of which key, from what to what.

    `account` is "" for what concerns all. `key` is "" for an account that was added (`old` is `None`) or removed
    (`new` is `None`). Secrets read `<secret>` before and after.
    """

    account: str
    key: str
    old: str | None
    new: str | None


def as_yaml(config: Config) -> str:
    """Return the whole configuration as it is in force, as YAML, every secret hidden."""
    tree = {"ledger": _nested(config.ledger), "accounts": [_nested(account) for account in config.accounts]}
    text = _written(tree, _QUICK)
    # Where nothing had to be escaped, libyaml writes what PyYAML writes; elsewhere the words of the latter hold.
    return text if text.isascii() and "\\" not in text else _written(tree, yaml.SafeDumper)


def _written(tree: object, dumper: type[yaml.SafeDumper]) -> str:
    text: str = yaml.dump(tree, Dumper=dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def fingerprint(config: Config) -> int:
    """Return 48 bits that are the same for configurations which read the same; secrets are not in it."""
    digest = hashlib.sha256()
    for settings in (config.ledger, *config.accounts):
        digest.update(repr([(key, leaf.shown) for key, leaf in _leaves(settings).items()]).encode())
    return int.from_bytes(digest.digest()[:_FINGERPRINT_BYTES], "big")


def changes(old: Config, new: Config) -> tuple[Change, ...]:
    """Return what `new` says otherwise than `old`, account by account, free of secrets."""
    before = {account.name: account for account in old.accounts}
    after = {account.name: account for account in new.accounts}
    found = [*_differences("", _leaves(old.ledger, "ledger"), _leaves(new.ledger, "ledger"))]
    for name in [*before, *(name for name in after if name not in before)]:
        if name in before and name in after:
            found += _differences(name, _leaves(before[name]), _leaves(after[name]))
        else:
            there = {True: name, False: None}
            found.append(Change(account=name, key="", old=there[name in before], new=there[name in after]))
    return tuple(found)


def _differences(account: str, old: Mapping[str, _Leaf], new: Mapping[str, _Leaf]) -> Iterator[Change]:
    nothing = _Leaf(None, None)
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key, nothing), new.get(key, nothing)
        if before.value != after.value:
            yield Change(account=account, key=key, old=before.shown, new=after.shown)


def _leaves(settings: object, path: str = "") -> dict[str, _Leaf]:
    leaves: dict[str, _Leaf] = {}
    for name, value in _members(settings):
        key = f"{path}.{name}" if path else name
        if isinstance(value, Mapping) or (is_dataclass(value) and not isinstance(value, Secret)):
            leaves |= _leaves(value, key)
        elif value is not None:
            leaves[key] = _Leaf(value, _as_text(name, value))
    return leaves


def _members(settings: object) -> Iterator[tuple[str, object]]:
    if isinstance(settings, Mapping):
        yield from settings.items()
    else:
        for field in fields(settings):  # type: ignore[arg-type]  # only ever handed settings, which are dataclasses
            yield field.name, getattr(settings, field.name)


def _nested(settings: object) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, leaf in _leaves(settings).items():
        *above, name = key.split(".")
        inner = tree
        for part in above:
            inner = inner.setdefault(part, {})
        inner[name] = _plain(leaf)
    return tree


def _plain(leaf: _Leaf) -> object:
    as_it_is = isinstance(leaf.value, bool | float) and leaf.shown == str(leaf.value).lower()
    return leaf.value if as_it_is else leaf.shown


def _as_text(name: str, value: object) -> str:
    match value:
        case Secret():
            return HIDDEN
        case timedelta():
            return _duration(value.total_seconds())
        case float() | int() if name in _DURATIONS:
            return _duration(value)
        case str() if name in _URLS:
            return _public(value)
        case bool():
            return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _public(url: str) -> str:
    scheme, _, rest = url.partition("://")
    if 0 <= rest.find("?") < rest.rfind("@"):
        return f"{scheme}://{HIDDEN}"  # whether the password ends at the one or the other cannot be told
    return _PARAMETERS.sub(f"?{HIDDEN}", _USER.sub(f"{HIDDEN}@", url))


def _duration(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    unit, size = next((unit, size) for unit, size in _UNITS if milliseconds % size == 0)
    return f"{milliseconds // size}{unit}"

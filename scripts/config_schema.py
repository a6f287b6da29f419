"""The JSON Schema of the configuration, for editors: deploy/config.schema.json, made from the declared keys.

It tells keys, shapes and kinds of values; what depends on other files, variables or accounts the program alone checks.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from exporter.config import keys
from exporter.config.shapes import Group, Key, Labels, Listing, Member

Schema = dict[str, Any]

VARIABLE: Final[Schema] = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"}
"""What may stand for any value: a text with a variable in it."""

DURATION: Final = (
    r"^(?!$)([0-9]{1,9}y)?([0-9]{1,9}w)?([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?$"
)
DATE: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2}))?$"
)
SWITCH: Final = r"^([Tt][Rr][Uu][Ee]|[Yy][Ee][Ss]|[Oo][Nn]|[Ff][Aa][Ll][Ss][Ee]|[Nn][Oo]|[Oo][Ff][Ff])$"
NUMBER: Final = r"^[0-9]{1,9}(\.[0-9]{1,9})?$"
LABEL_NAME: Final = r"^(?!__)(?!(account|environment)$)[a-zA-Z_][a-zA-Z0-9_]*$"

# A scalar of YAML may look like a number or a switch where a text is meant: `name: 123` names an account.
SCALAR: Final[Schema] = {"type": ["string", "number", "boolean"]}
KINDS: Final[dict[str, list[Schema]]] = {
    "text": [SCALAR],
    "path": [SCALAR],
    "URL": [{"type": "string", "minLength": 1}],
    "IP address": [{"type": "string", "minLength": 1}],
    "true or false": [{"type": "boolean"}, {"type": "string", "pattern": SWITCH}],
    "number": [{"type": "number"}, {"type": "string", "pattern": NUMBER}],
    "duration": [{"type": "string", "pattern": DURATION}],
    "duration or date": [{"type": "string", "pattern": DURATION}, {"type": "string", "pattern": DATE}],
}


def render() -> str:
    """Return the file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> Schema:
    """Return the schema as a document."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": "Written by `make docs`; change exporter/config/keys.py instead.",
        "title": "The configuration of bingx-exporter",
        **_of(keys.ROOT),
        "type": "object",
        "required": [keys.ACCOUNTS.name],
    }


def _of(member: Member) -> Schema:
    if isinstance(member, Key):
        return {"description": member.help, **_default(member), "anyOf": _kind(member)}
    if isinstance(member, Labels):
        names: Schema = {"propertyNames": {"pattern": LABEL_NAME}, "additionalProperties": SCALAR}
        return {"description": member.help, "type": ["object", "null"], **names}
    if isinstance(member, Listing):
        item = {**_of(member.item), "type": "object", **_required(member.item)}
        return {"description": member.help, "type": "array", "minItems": 1, "items": item}
    # A group may be left empty, which YAML reads as null.
    return {
        "description": member.help,
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {inner.name: _of(inner) for inner in member.members},
    }


def _default(key: Key) -> Schema:
    if key.default is None:
        return {}
    return {"default": json.loads(key.default) if key.kind in {"number", "true or false"} else key.default}


def _kind(key: Key) -> list[Schema]:
    words = re.findall(r"`([^`]+)`", key.kind)
    return [*([{"enum": words}] if words else KINDS[key.kind]), VARIABLE]


def _required(group: Group) -> Schema:
    """Read from what holds without a key which ones must be there, alone or one of two."""
    needed = [key for key in group.members if isinstance(key, Key) and key.absent.startswith("required")]
    pairs = {tuple(sorted((key.name, other))) for key in needed for other in re.findall(r"`([^`]+)`", key.absent)}
    either = [{"oneOf": [{"required": [name]} for name in pair]} for pair in sorted(pairs)]
    return {"required": [key.name for key in needed if key.absent == "required"], "allOf": either}

"""What an editor says by the JSON Schema agrees with what the program says, as far as a schema can tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from exporter.config import keys
from exporter.config.shapes import Key, walk
from exporter.config.values import BadValue, parse_duration

ROOT: Final = Path(__file__).resolve().parents[3]
FIXTURES: Final = ROOT / "tests" / "fixtures" / "config"
SCHEMA: Final[dict[str, Any]] = json.loads((ROOT / "deploy" / "config.schema.json").read_text("utf-8"))
OF_SHAPE: Final = (
    "account_nothing",
    "accounts_empty",
    "accounts_mapping",
    "accounts_missing",
    "accounts_nothing",
    "collector_switch",
    "collectors_list",
    "credentials_missing",
    "defaults_credentials",
    "document_list",
    "document_nested",
    "document_null",
    "document_text",
    "duration_bare_number",
    "duration_decimal",
    "duration_order",
    "duration_unit",
    "environment_demo",
    "environment_unknown",
    "interval_negative",
    "key_and_key_file",
    "key_missing",
    "key_unknown",
    "key_unknown_in_ledger",
    "labels_bad_name",
    "name_missing",
    "secret_missing",
    "since_no_offset",
    "since_week_date",
    "since_word",
    "stale_after_text",
    "switch_word",
    "timeout_list",
    "timeout_mapping",
    "value_missing",
)


class Editor(yaml.SafeLoader):
    """Reads YAML as editors do, by its version 1.2: neither a date nor `yes` is more than a text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the loader's own way to be told
        first: [
            (tag, regexp) for tag, regexp in resolvers if tag.rpartition(":")[2] in {"float", "int", "merge", "null"}
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Editor.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


@pytest.fixture(scope="module")
def schema() -> Draft7Validator:
    Draft7Validator.check_schema(SCHEMA)
    return Draft7Validator(SCHEMA)


def complaints(schema: Draft7Validator, path: Path) -> list[str]:
    document = yaml.load(path.read_text("utf-8"), Loader=Editor)
    return [f"{list(error.path)}: {error.message}" for error in schema.iter_errors(document)]


@pytest.mark.parametrize(
    "path", [ROOT / "config.example.yaml", *sorted(FIXTURES.glob("*.good.yaml"))], ids=lambda path: path.name
)
def test_a_good_file_is_good_in_an_editor(path: Path, schema: Draft7Validator) -> None:
    assert complaints(schema, path) == []


@pytest.mark.parametrize("name", OF_SHAPE)
def test_a_file_of_a_bad_shape_is_marked_in_an_editor(name: str, schema: Draft7Validator) -> None:
    assert complaints(schema, FIXTURES / f"{name}.bad.yaml")


def test_the_example_names_its_schema_for_editors() -> None:
    first = (ROOT / "config.example.yaml").read_text("utf-8").partition("\n")[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert named is not None
    assert (ROOT / named[1]).is_file()


def paths(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here
        yield from paths(inner, here)
        yield from paths(inner.get("items", {}), f"{here}[]")


def test_the_schema_has_every_key_and_no_other() -> None:
    assert set(paths(SCHEMA)) == {path for path, _ in walk(keys.ROOT)}


def values_of(name: str) -> Draft7Validator:
    found: dict[str, Any] = SCHEMA["properties"]["accounts"]["items"]["properties"][name]
    return Draft7Validator(found)


def test_the_example_and_the_default_of_each_key_have_the_kind_that_the_schema_tells() -> None:
    for path, member in walk(keys.ACCOUNT):
        if isinstance(member, Key) and "." not in path:
            for text in filter(None, (member.example, member.default)):
                assert values_of(member.name).is_valid(yaml.load(text, Loader=Editor)), (path, text)


@given(st.text("0123456789ywdhms ", max_size=14) | st.from_regex(r"(\d{1,10}(y|w|d|h|m|s|ms)){1,3}", fullmatch=True))
@example("")
@example("1m1m")
@example("999999999y")
def test_the_schema_and_the_program_agree_on_durations(text: str) -> None:
    assert values_of("timeout").is_valid(text) == is_duration(text)


def is_duration(text: str) -> bool:
    try:
        parse_duration(text)
    except BadValue as bad:
        # How long a duration may be, a pattern cannot say.
        return bad.message == "is too long"
    return True

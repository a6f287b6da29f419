"""What Prometheus is told of the accounts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.discovery import target_groups
from exporter.web.place import placed
from exporter.web.target import external_target, target_of


def test_each_account_is_a_group_that_probes_it() -> None:
    place = placed(route_prefix="/exporter")

    groups = json.loads(target_groups(["main", "höhe"], target="x:10066", place=place, scheme="https"))

    assert groups == [
        {
            "targets": ["x:10066"],
            "labels": {
                "__metrics_path__": "/exporter/probe",
                "__param_account": account,
                "instance": f"x:10066/{account}",
                "__scheme__": "https",
            },
        }
        for account in ("main", "höhe")
    ]


def test_no_account_is_an_empty_list() -> None:
    assert target_groups([], target="x:1", place=placed(), scheme=None) == b"[]"


def test_a_scheme_that_is_not_known_is_left_to_the_scrape_configuration() -> None:
    (group,) = json.loads(target_groups(["main"], target="x:1", place=placed(), scheme=None))
    assert "__scheme__" not in group["labels"]


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("exporter", "exporter:80"),
        ("exporter:10066", "exporter:10066"),
        ("10.0.0.1:1", "10.0.0.1:1"),
        ("a-b.example.com.:65535", "a-b.example.com.:65535"),
        ("[::1]", "[::1]:80"),
        ("[2001:db8::1]:10066", "[2001:db8::1]:10066"),
        ("bingx_exporter:1", "bingx_exporter:1"),
    ],
)
def test_a_host_header_names_the_target(host: str, target: str) -> None:
    assert target_of(host, scheme="http") == target


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":1",
        "x:",
        "x:0",
        "x:65536",
        "x:1:2",
        "::1",
        "a b",
        "a,b",
        "u@x",
        "x/y",
        "x?y",
        "[::1",
        "ä",
        "x\n",
        "-x",
        "[]",
    ],
)
def test_nonsense_is_no_target(host: str) -> None:
    with pytest.raises(ValueError, match="names no host"):
        target_of(host, scheme="http")


@given(st.text())
def test_whatever_is_taken_for_a_target_is_a_host_and_a_port(host: str) -> None:
    try:
        target = target_of(host, scheme="https")
    except ValueError:
        return
    name, _, port = target.rpartition(":")
    assert 0 < int(port) < 65536
    assert name.isascii()
    assert not set(name) & set(" /?#@,;\"'<>\\")


def test_the_external_url_names_target_and_scheme() -> None:
    assert external_target("https://x.example/exporter") == ("x.example:443", "https")
    assert external_target("http://[::1]:10066") == ("[::1]:10066", "http")

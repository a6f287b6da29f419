"""The catalogue as a whole: names, words and units that promlint would not complain about."""

from __future__ import annotations

import re
from typing import Any

import pytest

from exporter.metrics.catalogue import SUBJECTS
from exporter.metrics.family import Family, Kind, Subject
from exporter.metrics.own import OwnMetrics

FAMILIES = [(subject, family) for subject in SUBJECTS for family in subject.families]
EVERY = pytest.mark.parametrize(("subject", "family"), FAMILIES, ids=[family.name for _, family in FAMILIES])


@EVERY
def test_a_name_says_its_type_and_its_unit(subject: Subject[Any, Any], family: Family[Any]) -> None:
    assert re.fullmatch(r"bingx_[a-z]+(_[a-z]+)*", family.name)
    assert family.name.endswith("_total") == (family.kind is Kind.COUNTER)
    assert family.name.endswith("_info") == (family.kind is Kind.INFO)
    assert not re.search(r"_(count|sum|bucket|created|gauge|counter|ms|us|ns|sec|b|kb|mb)$", family.name)
    for unit in ("seconds", "ratio"):
        assert (family.unit == unit) == family.name.endswith(f"_{unit}")


@EVERY
def test_the_help_is_one_sentence(subject: Subject[Any, Any], family: Family[Any]) -> None:
    assert family.help[0].isupper()
    assert family.help.endswith((".", ")."))
    assert "\n" not in family.help
    assert len(family.help) < 200


def test_no_name_is_used_twice(own_metrics: OwnMetrics) -> None:
    names = [family.name for _, family in FAMILIES] + list(own_metrics.catalogue())

    assert sorted(names) == sorted(set(names))


def test_labels_are_never_ids_or_reserved_words() -> None:
    labels = {label for subject in SUBJECTS for label in (*subject.common, *subject.labels)}

    assert labels <= {
        "account",
        "asset",
        "collector",
        "endpoint",
        "environment",
        "host",
        "income_type",
        "liquidity",
        "margin_mode",
        "position_id",
        "reason",
        "side",
        "symbol",
    }

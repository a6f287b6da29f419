"""Reading a page with another parser than the one that Prometheus has and another writer than ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prometheus_client.metrics_core import Metric

Series = tuple[str, frozenset[tuple[str, str]]]


def families_of_text(page: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(page)}


def families_of_openmetrics(page: str) -> dict[str, Metric]:
    families = openmetrics.text_string_to_metric_families(page)  # type: ignore[no-untyped-call]  # the library's
    return {family.name: family for family in families}


def samples(families: Mapping[str, Metric]) -> dict[Series, float]:
    """Return every sample by name and labels; a series that stands there twice fails."""
    found: dict[Series, float] = {}
    for family in families.values():
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"twice on the page: {key}"
            found[key] = sample.value
    return found


def series(name: str, **labels: str) -> Series:
    return (name, frozenset(labels.items()))

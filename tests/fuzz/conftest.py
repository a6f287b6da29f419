"""How long it is fuzzed: some seconds in the whole suite, as long as FUZZ_SECONDS says in `make fuzz`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

FOLDER = Path(__file__).parent
_SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
_USUAL_SECONDS = 20  # what all tests of this folder take together with the usual number of examples
_USUAL_EXAMPLES = 100

settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=max(_USUAL_EXAMPLES, round(_USUAL_EXAMPLES * _SECONDS / _USUAL_SECONDS)),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a long run the time that it was given."""
    for item in items:
        if item.path.is_relative_to(FOLDER) and _SECONDS:
            item.add_marker(pytest.mark.timeout(120 + 2 * _SECONDS))

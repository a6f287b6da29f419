"""Prints a bill of materials, CycloneDX 1.5 as JSON, of all that is installed beside the Python that runs it.

`make sbom` runs it where only the exporter is installed. Of an image, which needs no copy of this file:
`docker run --rm --interactive --entrypoint python bingx-exporter - <scripts/sbom.py`. Standard library only.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, distributions
from typing import Any

OURS = "bingx-exporter"


def bill() -> dict[str, Any]:
    """Return the document; the same distributions make the same one."""
    found = {component["name"]: component for component in map(_component, distributions())}
    subject = {**found.pop(OURS), "type": "application"}
    parts = [found[name] for name in sorted(found)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": subject},
        "components": parts,
        "dependencies": [{"ref": subject["bom-ref"], "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def _component(distribution: Distribution) -> dict[str, Any]:
    name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
    address = f"pkg:pypi/{name}@{distribution.version}"
    component = {"type": "library", "bom-ref": address, "name": name, "version": distribution.version, "purl": address}
    return component | _licences(distribution)


def _licences(distribution: Distribution) -> dict[str, Any]:
    metadata = distribution.metadata
    if "License-Expression" in metadata:
        return {"licenses": [{"expression": metadata["License-Expression"]}]}
    named = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or () if line.startswith("License ::")
    ]
    return {"licenses": [{"license": {"name": name}} for name in named]} if named else {}


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=2)
    print()

"""Which build this is, in the form that Prometheus' exporters print."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """The version of the package, and what the one who built it put into the environment of the build."""

    version: str
    revision: str
    branch: str
    user: str
    date: str


def build() -> Build:
    """Return what is known of this build; "unknown" for what the builder did not say."""
    try:
        number = version("bingx-exporter")
    except PackageNotFoundError:
        number = "unknown"
    said = {name: os.environ.get(f"BUILD_{name.upper()}", "unknown") for name in ("revision", "branch", "user", "date")}
    return Build(version=number, **said)


def version_text() -> str:
    """Return the lines of `--version`."""
    this = build()
    return (
        f"bingx-exporter, version {this.version} (branch: {this.branch}, revision: {this.revision})\n"
        f"  build user:       {this.user}\n"
        f"  build date:       {this.date}\n"
        f"  python version:   {platform.python_version()}\n"
        f"  platform:         {platform.system().lower()}/{platform.machine()}\n"
        f"  tags:             {platform.python_implementation().lower()}\n"
    )

"""`bingx-exporter metrics`: the catalogue, for people, for documents, and for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from exporter.bingx.paths import Endpoint
from exporter.metrics.catalogue import SUBJECTS
from exporter.metrics.own import OwnMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One metric as it is told to people."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str
    source: str


def entries() -> tuple[Entry, ...]:
    """Return every metric of this exporter, those of the process and the runtime aside, in the order of the page."""
    rendered = (
        Entry(
            name=family.name,
            type=family.kind,
            labels=(*subject.common, *subject.labels),
            help=family.help,
            source=subject.source,
        )
        for subject in SUBJECTS
        for family in subject.families
    )
    own = OwnMetrics(version="", revision="", endpoints=Endpoint, process=False)
    return (
        *rendered,
        *(
            Entry(name=name, type=kind, labels=labels, help=text, source="the exporter itself")
            for name, (kind, labels, text) in own.catalogue().items()
        ),
    )


def print_catalogue(form: str) -> int:
    """Print the catalogue as a table, as Markdown or as JSON; return 0."""
    shown = entries()
    if form == "json":
        print(json.dumps([asdict(entry) for entry in shown], indent=2))
    elif form == "markdown":
        print(markdown(shown), end="")
    else:
        _print_table(shown)
    return 0


def markdown(shown: tuple[Entry, ...]) -> str:
    """Return the catalogue as Markdown tables, one for each source."""
    lines: list[str] = []
    for source in dict.fromkeys(entry.source for entry in shown):
        lines += [f"## From {source}", "", "| metric | type | labels | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{entry.name}` | {entry.type} | {_code(entry.labels)} | {entry.help} |"
            for entry in shown
            if entry.source == source
        ]
        lines.append("")
    return "\n".join(lines)


def _code(labels: tuple[str, ...]) -> str:
    return ", ".join(f"`{label}`" for label in labels) or "none"


def _print_table(shown: tuple[Entry, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("metric", "type", "labels", "meaning", box=None, pad_edge=False)
    for entry in shown:
        table.add_row(entry.name, entry.type, ", ".join(entry.labels), entry.help)
    Console(soft_wrap=False).print(table)

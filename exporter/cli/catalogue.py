"""`bingx-exporter metrics`: the catalogue, for people, for documents, and for programs."""

from __future__ import annotations

import json
from textwrap import wrap
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import asdict

from exporter.bingx.paths import Endpoint
from exporter.metrics.catalogue import SUBJECTS
from exporter.metrics.own import OwnMetrics

if TYPE_CHECKING:
    from rich.text import Text


class Entry(Struct, frozen=True, kw_only=True):
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
    from exporter.cli.table import put, width_of_terminal

    put(table(shown, width=width_of_terminal()))


def table(shown: tuple[Entry, ...], *, width: int | None) -> list[Text]:
    """Return a line for each metric, or on a terminal of that width a line and what it means below it."""
    from rich.text import Text

    from exporter.cli.table import HEAD, Column, lay_out

    if width is None:
        rows = [[Text(one.name), Text(one.type), Text(", ".join(one.labels)), Text(one.help)] for one in shown]
        return lay_out([Column(head=head) for head in ("metric", "type", "labels", "meaning")], rows)
    lines = []
    for one in shown:
        lines.append(Text.assemble((one.name, HEAD), f"  {one.type}"))
        for text in filter(None, (", ".join(one.labels), one.help)):
            lines += [Text(part) for part in wrap(text, width, initial_indent="    ", subsequent_indent="    ")]
    return lines

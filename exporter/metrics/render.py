"""From rows to the lines of an exposition, in both formats; pure.

The text format 0.0.4 and OpenMetrics 1.0 agree on the sample lines of gauges and differ in headers and counters.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from exporter.metrics.family import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.metrics.family import Data, Family, Labelled, Number, Row, Subject


class Format(Enum):
    """The expositions that are served; the value is the content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"


END_OF_OPENMETRICS: Final = b"# EOF\n"


@dataclass(frozen=True, slots=True)
class Fragment:
    """The ready sample lines of one subject for one account: a piece per family, in the order of the subject."""

    text: tuple[bytes, ...]
    openmetrics: tuple[bytes, ...]

    def of(self, exposition: Format) -> tuple[bytes, ...]:
        """Return the pieces for that format."""
        return self.text if exposition is Format.TEXT else self.openmetrics

    @property
    def samples(self) -> int:
        """How many samples these are in OpenMetrics, the fuller of the two; each is a line."""
        return sum(piece.count(b"\n") for piece in self.openmetrics)


def number(value: Number) -> str:
    """Write a number as the shortest text that reads back as its nearest float; a negative zero loses its sign."""
    return repr(float(value) + 0.0)


def label_block(labels: Iterable[tuple[str, str]]) -> str:
    r"""Write labels as `{a="b"}`, with `\`, `"` and line feed escaped; nothing for no labels.

    An empty value is the same as no label to Prometheus, and is left out.
    """
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels if value)
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    if not value.isascii():
        # Lone surrogates are refused wherever a text comes in; one that came through would break the whole page.
        value = value.encode("utf-8", "backslashreplace").decode()
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def header(family: Family[Any], exposition: Format) -> bytes:
    """Write the lines that introduce a family."""
    help_text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    if exposition is Format.TEXT:
        kind = Kind.GAUGE if family.kind is Kind.INFO else family.kind
        return f"# HELP {family.name} {help_text}\n# TYPE {family.name} {kind}\n".encode()
    name = family.name.removesuffix("_total") if family.kind is Kind.COUNTER else family.name
    name = name.removesuffix("_info") if family.kind is Kind.INFO else name
    unit = f"# UNIT {name} {family.unit}\n" if family.unit else ""
    return f"# TYPE {name} {family.kind}\n{unit}# HELP {name} {help_text}\n".encode()


def render(subject: Subject[Data, Row], data: Data, common: tuple[str, ...] = ()) -> Fragment:
    """Render one snapshot of a subject; `common` are the values of the labels that the subject has in common."""
    return render_rows(subject, subject.rows(data), common)


def render_rows(subject: Subject[Any, Row], labelled: Iterable[Labelled[Row]], common: tuple[str, ...]) -> Fragment:
    """Render some rows of a subject, in their order."""
    before = tuple(zip(subject.common, common, strict=True))
    rows = [(_block(subject, before, values, row), row) for values, row in labelled]
    text = tuple(_lines(family, rows) for family in subject.families)
    openmetrics = tuple(
        _lines_with_created(family, rows) if family.created is not None else lines
        for family, lines in zip(subject.families, text, strict=True)
    )
    return Fragment(text, openmetrics)


def _block(subject: Subject[Any, Row], before: tuple[tuple[str, str], ...], values: tuple[str, ...], row: Row) -> str:
    free = tuple(subject.free_labels(row)) if subject.free_labels is not None else ()
    return label_block((*before, *zip(subject.labels, values, strict=True), *free))


def _lines(family: Family[Row], rows: list[tuple[str, Row]]) -> bytes:
    name, value_of = family.name, family.value
    lines = [f"{name}{block} {number(value)}\n" for block, row in rows if (value := value_of(row)) is not None]
    return "".join(lines).encode()


def _lines_with_created(family: Family[Row], rows: list[tuple[str, Row]]) -> bytes:
    base = family.name.removesuffix("_total")
    lines = []
    for block, row in rows:
        value = family.value(row)
        if value is not None and family.created is not None:
            born = number(family.created(row).timestamp())
            lines.append(f"{family.name}{block} {number(value)}\n{base}_created{block} {born}\n")
    return "".join(lines).encode()

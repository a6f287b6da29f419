"""From rows to the lines of an exposition, in both formats.

The text format 0.0.4 and OpenMetrics 1.0 agree on the sample lines of gauges and differ in headers and counters. Most
of what a poll brings was there before, so a `Scribe` remembers what it wrote last, and nothing else does.
"""

from __future__ import annotations

import re
from enum import Enum
from itertools import compress
from operator import add
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias

from exporter.metrics.family import Kind, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from exporter.metrics.family import Data, Family, Labelled, Number, Subject


class Format(Enum):
    """The expositions that are served; the value is the content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"


END_OF_OPENMETRICS: Final = b"# EOF\n"

_SHORT: Final = r"-?(?:[1-9][0-9]{0,8}\.[0-9]{1,6}|0\.(?!0000)[0-9]{1,15})"
_SHORTEST: Final = re.compile(_SHORT).fullmatch
_ALL_SHORTEST: Final = re.compile(f"(?:{_SHORT}\n)*").fullmatch

_Pieces: TypeAlias = tuple[bytes, ...]
_Labels: TypeAlias = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]


class Fragment:
    """The ready sample lines of one subject for one account: a piece per family, in the order of the subject.

    They are written for OpenMetrics, the fuller of the two; `samples` is how many these are, each of them a line. The
    text format has no creation times. Prometheus does not ask for it, so what differs there is made and held from when
    somebody does; any thread may.
    """

    __slots__ = ("_dated", "_known", "_text", "openmetrics", "samples")

    def __init__(
        self,
        openmetrics: _Pieces,
        samples: int,
        *,
        dated: tuple[bool, ...],
        known: tuple[_Pieces, _Pieces] | None = None,
    ) -> None:
        """Hold pieces, of which those that are `dated` have a creation time after each sample.

        What is `known` are pieces in OpenMetrics and the same ones as text: where one is here, its text is as well.
        """
        self.openmetrics = openmetrics
        self.samples = samples
        self._dated = dated
        self._known = known if any(dated) else None
        self._text = None if any(dated) else openmetrics

    def followed_by(self, openmetrics: _Pieces, samples: int) -> Fragment:
        """Return the fragment that comes after this one: what is the same object in both stays so as text."""
        known = None if self._text is None else (self.openmetrics, self._text)
        return Fragment(openmetrics, samples, dated=self._dated, known=known)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fragment) and self.openmetrics == other.openmetrics

    __hash__ = None  # type: ignore[assignment]  # nobody looks one up

    @property
    def text(self) -> _Pieces:
        """The pieces for the text format."""
        made = self._text
        if made is None:
            known = self._known or (self.openmetrics, self.openmetrics)
            made = self._text = tuple(map(_plain, self.openmetrics, self._dated, *known))
            self._known = None
        return made

    def of(self, exposition: Format) -> _Pieces:
        """Return the pieces for that format."""
        return self.text if exposition is Format.TEXT else self.openmetrics


def _plain(piece: bytes, dated: bool, old: bytes, old_text: bytes) -> bytes:  # noqa: FBT001 - one of a column
    """Return a piece without its creation times, which is the one of before if the piece is."""
    if not dated:
        return piece
    if piece is old and old_text is not old:
        return old_text
    return b"\n".join(piece.split(b"\n")[::2])


def number(value: Number) -> str:
    """Write a number as the shortest text that reads back as its nearest float; a negative zero loses its sign."""
    return repr(float(value) + 0.0)


def numbers(values: Sequence[Number]) -> list[str]:
    """Write each number as `number` does.

    Of up to 15 digits no two texts are the same float, so without idle zeros they are the shortest one of theirs: such
    a text is taken as it is. It must be one that `repr` would not write with an exponent. Most columns have no other
    numbers, and are looked at as a whole.
    """
    floats = [value for value in values if type(value) is float]
    if len(floats) == len(values):
        return [repr(value + 0.0) for value in floats]
    if set(map(type, values)) == {int}:  # counts, most of which are the same few
        written = {value: number(value) for value in set(values)}
        return [written[value] for value in values]
    texts = [str(value).rstrip("0") for value in values]
    if _ALL_SHORTEST("\n".join(texts) + "\n"):
        return texts
    return [text if _SHORTEST(text) else number(value) for text, value in zip(texts, values, strict=True)]


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
    return Scribe(subject, common).render(subject.rows(data))


class _Passage(Generic[Row]):
    """The lines of one family under some label blocks, and the values of which they were made."""

    __slots__ = ("_born", "_family", "_values", "openmetrics", "samples")

    def __init__(self, family: Family[Row]) -> None:
        self._family = family
        self.openmetrics = b""
        self.samples = 0
        self.forget()

    def forget(self) -> None:
        """Have everything written anew next time."""
        self._values: list[Number | None] | None = None
        self._born: list[datetime] | None = None

    def write(self, rows: list[Row], blocks: list[str]) -> bool:
        """Write one line for each row that has a value, and tell whether that was necessary."""
        family = self._family
        values = list(map(family.value, rows))
        born = None if family.created is None else list(map(family.created, rows))
        if values == self._values and born == self._born:
            self._values, self._born = values, born  # the old ones would be in memory beside the equal ones of the data
            return False
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            there = [value is not None for value in values]
            blocks, births = list(compress(blocks, there)), list(compress(born or (), there))
        else:
            births = born or []
        lines = list(map(add, blocks, numbers(known)))
        self.samples = len(lines)
        if born is not None:
            self.samples *= 2
            lines = _with_births(family.name, lines, blocks, births)
        written = _joined(family.name, lines)
        if written != self.openmetrics:  # a page may still hold the very object of equal ones
            self.openmetrics = written
        self._values, self._born = values, born
        return True


def _joined(name: str, lines: list[str]) -> bytes:
    between = f"\n{name}"
    return f"{name}{between.join(lines)}\n".encode() if lines else b""


def _with_births(name: str, lines: list[str], blocks: list[str], births: list[datetime]) -> list[str]:
    created = f"{name.removesuffix('_total')}_created"
    texts = numbers([birth.timestamp() for birth in births])
    return [f"{line}\n{created}{block}{text}" for line, block, text in zip(lines, blocks, texts, strict=True)]


class Scribe(Generic[Row]):
    """Renders one subject for one account, time and again: what says the same as before is the same object again.

    It remembers the rows of the last time and no others. For one thread at a time.
    """

    __slots__ = ("_before", "_blocks", "_fragment", "_labels", "_passages", "_subject")

    def __init__(self, subject: Subject[Any, Row], common: tuple[str, ...]) -> None:
        """Write for those values of the labels that the subject has in common."""
        self._subject = subject
        self._before = tuple(zip(subject.common, common, strict=True))
        self._passages = [_Passage(family) for family in subject.families]
        self._labels: list[_Labels] = []
        self._blocks: list[str] = []
        dated = tuple(family.created is not None for family in subject.families)
        self._fragment = Fragment((b"",) * len(dated), 0, dated=dated)

    def render(self, labelled: Iterable[Labelled[Row]]) -> Fragment:
        """Render some rows of the subject, in their order."""
        free = self._subject.free_labels
        labels: list[_Labels] = []
        rows: list[Row] = []
        for values, row in labelled:
            labels.append((values, () if free is None else tuple(free(row))))
            rows.append(row)
        if labels != self._labels:
            self._relabel(labels)
        try:
            written = [passage.write(rows, self._blocks) for passage in self._passages]
        except BaseException:
            for passage in self._passages:  # some have written already what nobody has seen
                passage.forget()
            raise
        if any(written):
            self._fragment = self._fragment.followed_by(
                tuple(passage.openmetrics for passage in self._passages),
                sum(passage.samples for passage in self._passages),
            )
        return self._fragment

    def _relabel(self, labels: list[_Labels]) -> None:
        for passage in self._passages:
            passage.forget()
        known = dict(zip(self._labels, self._blocks, strict=True))
        self._blocks = [known.get(one) or self._block(*one) for one in labels]
        self._labels = labels

    def _block(self, values: tuple[str, ...], free: tuple[tuple[str, str], ...]) -> str:
        """Return all labels of a row, and the blank before its number."""
        return label_block((*self._before, *zip(self._subject.labels, values, strict=True), *free)) + " "

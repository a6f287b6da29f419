"""From the bytes of our own metrics page to samples; pure.

Strict on purpose: it reads what `exporter.metrics` writes as OpenMetrics, whose last line proves that the page is
whole, and refuses anything else. Lines of families that nobody asks for are passed over, since a page can be large.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

_END: Final = "# EOF"
_SAMPLE: Final = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)", re.DOTALL)
_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,(?!$)|$)')
_ESCAPED: Final = re.compile(r"\\(.)")


class PageError(Exception):
    """The bytes are no whole page of an exporter; the message says what is wrong with them."""


class Sample(Struct, frozen=True):
    """One line of the page: labels and value."""

    labels: Mapping[str, str]
    value: Decimal

    def label(self, name: str) -> str:
        """Return the value of a label; "" where it is left out."""
        return self.labels.get(name, "")


def read_page(content: bytes, names: Container[str]) -> dict[str, list[Sample]]:
    """Return the samples of the families `names` in the order of the page; raises `PageError`."""
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError as error:
        message = "the answer is no UTF-8 text"
        raise PageError(message) from error
    if lines[-2:] != [_END, ""]:
        message = "the answer is no whole page of metrics in OpenMetrics"
        raise PageError(message)
    samples: dict[str, list[Sample]] = {}
    for name, sample in _samples(lines, names):
        samples.setdefault(name, []).append(sample)
    return samples


def _samples(lines: list[str], names: Container[str]) -> Iterator[tuple[str, Sample]]:
    for number, line in enumerate(lines, start=1):
        name = _NAME.match(line)
        if name is None or name[0] not in names:
            continue
        try:
            yield name[0], _sample(line)
        except (ValueError, InvalidOperation) as error:
            message = f"line {number} of the answer is no sample"
            raise PageError(message) from error


def _sample(line: str) -> Sample:
    found = _SAMPLE.fullmatch(line)
    if found is None:
        raise ValueError
    return Sample(_labels(found["labels"] or ""), _value(found["value"]))


def _labels(text: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    place = 0
    while place < len(text):
        found = _LABEL.match(text, place)
        if found is None or found[1] in labels:
            raise ValueError
        labels[found[1]] = _ESCAPED.sub(lambda one: "\n" if one[1] == "n" else one[1], found[2])
        place = found.end()
    return labels


def _value(text: str) -> Decimal:
    value = Decimal(text.removesuffix(".0"))
    if not value.is_finite():
        raise ValueError
    return value

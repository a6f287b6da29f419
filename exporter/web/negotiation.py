"""Content negotiation as in RFC 9110, section 12.5; pure, and lenient: whatever is asked, some page is the answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_QUALITY: Final = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")
_MAX_HEADER: Final = 4096
_EXACT, _SUBTYPES, _ANY = 2, 1, 0


class _Range(Struct, frozen=True):
    """One element of a list header: what it names, its parameters, and its weight between 0 and 1."""

    name: str
    parameters: Mapping[str, str]
    quality: float


def choose(accept: str | None, content_types: Sequence[str]) -> str:
    """Return the content type to answer with: the best weighted of those offered, the first offered on a tie.

    A version that is asked for must be the version that is offered; other parameters do not matter. If nothing that is
    offered is acceptable, the first is the answer: a page that can be read beats a status that cannot.
    """
    ranges = tuple(_elements(accept or ""))
    weighted = [(_media_quality(_parse(offer), ranges), offer) for offer in content_types]
    quality, best = max(weighted, key=lambda pair: pair[0])
    return best if quality > 0 else content_types[0]


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Return whether the client takes gzip and does not like identity better."""
    weights = {element.name: element.quality for element in _elements(accept_encoding or "")}
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def _elements(header: str) -> Iterator[_Range]:
    for element in header[:_MAX_HEADER].split(","):
        if element.strip():
            yield _parse(element)


def _parse(element: str) -> _Range:
    name, *rest = element.split(";")
    parameters = {}
    for parameter in rest:
        key, _, value = parameter.partition("=")
        parameters[key.strip().lower()] = value.strip().strip('"')
    weight = parameters.pop("q", "1")
    # A weight that is none excludes nothing: the element was named, so it is wanted.
    quality = float(weight) if _QUALITY.match(weight) else 1.0
    return _Range(name.strip().lower(), parameters, quality)


def _media_quality(offer: _Range, ranges: Sequence[_Range]) -> float:
    matches = [(rank, wanted.quality) for wanted in ranges if (rank := _rank(offer, wanted)) is not None]
    if not matches:
        return 0.0
    most_specific = max(rank for rank, _ in matches)
    return max(quality for rank, quality in matches if rank == most_specific)


def _rank(offer: _Range, wanted: _Range) -> tuple[int, bool] | None:
    """Return how specifically `wanted` names the offer, or `None` if it does not."""
    version = wanted.parameters.get("version")
    if version is not None and version != offer.parameters.get("version"):
        return None
    if wanted.name == offer.name:
        return (_EXACT, version is not None)
    if wanted.name == offer.name.partition("/")[0] + "/*":
        return (_SUBTYPES, False)
    return (_ANY, False) if wanted.name == "*/*" else None

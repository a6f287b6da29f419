"""What one account has on the page, within the number of samples that it may put there.

Owns the choice of what is left off: whole rows, of the least important subjects first. What is left off is not
rendered. Knows nothing of other accounts, nor of when a piece leaves the page.
"""

from __future__ import annotations

from itertools import accumulate
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from exporter.logs import get_logger
from exporter.metrics.health import CUT
from exporter.metrics.render import Fragment, Scribe, render

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from exporter.metrics.family import Data, Family, Labelled, Row, Subject

UNLIMITED: Final = 0


class Piece(Struct, frozen=True):
    """A subject as it stands on the page until `expires_at` (elapsed seconds)."""

    fragment: Fragment
    expires_at: float


class _Content(Struct, frozen=True, kw_only=True):
    """The data of a subject, and what of it was rendered when `room` samples were free for it."""

    data: Any
    room: float
    piece: Piece
    samples: int
    cut: int
    shown: frozenset[tuple[str, ...]]

    def fits(self, room: float) -> bool:
        return room == self.room or (not self.cut and self.samples <= room)


class Shelf:
    """The pieces of one account; `limit` is how many samples they may be together, `UNLIMITED` for any number.

    The subjects give way in reverse order, rows by the rank of their subject. What is withdrawn for its age keeps its
    place, so that nothing has to move when it comes back.
    """

    def __init__(self, account: str, subjects: Sequence[Subject[Any, Any]], *, limit: int) -> None:
        self.lock = Lock()
        self._account = account
        self._subjects = tuple(subject for subject in subjects if subject.name != CUT.name)
        self._limit = limit - 1 if limit != UNLIMITED else inf  # one is the count of what is left off
        self._contents: dict[str, _Content] = {}
        self._scribes: dict[str, Scribe[Any]] = {}
        self._cut: int | None = None
        self._logger = get_logger(__name__)

    def put(self, subject: Subject[Data, Row], data: Data, expires_at: float) -> Mapping[str, Piece]:
        """Take new data of a subject, and return the pieces that are new by it; `lock` has to be held."""
        return self._arranged(subject.name, data, expires_at)

    def withdraw(self, subjects: Iterable[Subject[Any, Any]]) -> Mapping[str, Piece]:
        """Forget the data of some subjects, and return the pieces that are new by it; `lock` has to be held."""
        for subject in subjects:
            self._contents.pop(subject.name, None)
            self._scribes.pop(subject.name, None)
        return self._arranged()

    def _arranged(self, fresh: str = "", data: Any = None, expires_at: float = inf) -> dict[str, Piece]:  # noqa: ANN401 - data of any subject
        changed: dict[str, Piece] = {}
        room, cut = self._limit, 0
        for subject in self._subjects:
            content = known = self._contents.get(subject.name)
            if subject.name == fresh:
                content = self._content(subject, data, room, expires_at)
            elif known is not None and not known.fits(room):
                content = self._content(subject, known.data, room, known.piece.expires_at)
            if content is None:
                continue
            if content is not known:
                self._contents[subject.name] = content
                changed[subject.name] = content.piece
            room -= content.samples
            cut += content.cut
        if cut != self._cut:
            self._tell(cut)
            self._cut = cut
            changed[CUT.name] = Piece(render(CUT, cut, (self._account,)), inf)
        return changed

    def _content(self, subject: Subject[Any, Any], data: Any, room: float, expires_at: float) -> _Content:  # noqa: ANN401 - the same
        known = self._contents.get(subject.name)
        rows, cut = _chosen(subject, list(subject.rows(data)), room, before=known.shown if known else frozenset())
        fragment = self._scribe(subject).render(rows)
        is_limited = self._limit != inf
        return _Content(
            data=data if is_limited else None,
            room=room,
            piece=Piece(fragment, expires_at),
            samples=fragment.samples if is_limited else 0,
            cut=cut,
            shown=frozenset(values for values, _ in rows) if is_limited and subject.keeps else frozenset(),
        )

    def _scribe(self, subject: Subject[Any, Row]) -> Scribe[Row]:
        scribe = self._scribes.get(subject.name)
        if scribe is None:
            scribe = self._scribes[subject.name] = Scribe(subject, (self._account,))
        return scribe

    def _tell(self, cut: int) -> None:
        if cut and not self._cut:
            self._logger.warning(
                "Not all samples of an account are on the page: there are more than --limit.series-per-account",
                account=self._account,
                limit=int(self._limit) + 1,
                left_off=cut,
            )
        elif self._cut and not cut:
            self._logger.info("All samples of an account are on the page again", account=self._account)


def _chosen(
    subject: Subject[Any, Row], rows: list[Labelled[Row]], room: float, *, before: Collection[tuple[str, ...]]
) -> tuple[list[Labelled[Row]], int]:
    """Return the rows that `room` samples suffice for, in the order given, and how many samples the others are."""
    if len(rows) * _samples(subject.families) <= room:
        return rows, 0
    weights = [_weight(subject, row) for _, row in rows]
    order = list(range(len(rows)))
    if subject.rank is not None:
        ranks = [subject.rank(row) for _, row in rows]
        order.sort(key=ranks.__getitem__)
    if subject.keeps:
        order.sort(key=lambda at: rows[at][0] not in before)
    filled = accumulate(weights[at] for at in order)
    kept = {at for at, samples in zip(order, filled, strict=True) if samples <= room}
    return [row for at, row in enumerate(rows) if at in kept], sum(weights) - sum(weights[at] for at in kept)


def _weight(subject: Subject[Any, Row], row: Row) -> int:
    return _samples([family for family in subject.families if family.value(row) is not None])


def _samples(families: Iterable[Family[Any]]) -> int:
    """Count the samples of a row in OpenMetrics, where a counter may bring the moment of its birth."""
    return sum(1 if family.created is None else 2 for family in families)

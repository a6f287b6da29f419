"""The page: ready pieces per account and subject, laid out at the scrape, each withdrawn at its own moment.

Writers put a piece when its data changes; readers take what is valid now, piece by piece and without a copy. Writers of
one account take turns, and no reader waits for what is rendered meanwhile.
"""

from __future__ import annotations

from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from exporter.metrics.blocks import Block, Run, blocks_of, run_of
from exporter.metrics.column import Column, runs_of
from exporter.metrics.live import Live
from exporter.metrics.render import END_OF_OPENMETRICS, Format
from exporter.metrics.shelf import UNLIMITED, Piece, Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from exporter.clock import Clock
    from exporter.metrics.family import Data, Row, Subject

_NOTHING: Final = b""


class _Laid(Struct, frozen=True):
    """The page as blocks, and how long it is the truth: until the next change, or until a piece runs out."""

    version: int
    expires_at: float
    blocks: tuple[Block, ...]


class Page:
    """The account families of all accounts; every method may be called from any thread."""

    def __init__(
        self, subjects: Sequence[Subject[Any, Any]], *, clock: Clock, series_per_account: int = UNLIMITED
    ) -> None:
        """Make an empty page of those subjects, in their order, of at most so many samples for each account."""
        self._subjects = tuple(subjects)
        self._clock = clock
        self._lock = Lock()
        self._series_per_account = series_per_account
        self._shelves: dict[str, Shelf] = {}
        self._columns = {subject.name: Column(subject) for subject in self._subjects}
        self._version = 0
        self._laid: dict[Format, _Laid] = {}

    def arrange(self, accounts: Iterable[str]) -> None:
        """Set which accounts stand on the page, and in which order; pieces of others are dropped."""
        names = tuple(dict.fromkeys(accounts))
        with self._lock:
            for column in self._columns.values():
                column.arrange(names)
            self._shelves = {name: self._shelves.get(name) or self._new_shelf(name) for name in names}
            self._version += 1

    def put(self, subject: Subject[Data, Row], account: str, data: Data, *, expires_at: float = inf) -> None:
        """Render `data` and show it until `expires_at`, in elapsed seconds; of an account that left it is ignored."""
        shelf = self._shelves.get(account)
        if shelf is None:
            return
        with shelf.lock:
            self._place(shelf, account, shelf.put(subject, data, expires_at))

    def withdraw(self, subjects: Iterable[Subject[Any, Any]], account: str) -> None:
        """Take those subjects of an account off the page."""
        gone = tuple(subjects)
        shelf = self._shelves.get(account)
        if shelf is None:
            return
        with shelf.lock:
            self._place(shelf, account, {**dict.fromkeys(subject.name for subject in gone), **shelf.withdraw(gone)})

    def _new_shelf(self, account: str) -> Shelf:
        return Shelf(account, self._subjects, limit=self._series_per_account)

    def _place(self, shelf: Shelf, account: str, changed: Mapping[str, Piece | None]) -> None:
        with self._lock:
            if self._shelves.get(account) is not shelf:
                return
            for name, piece in changed.items():
                if (column := self._columns.get(name)) is not None:
                    self._version += column.place(account, piece, now=self._clock.elapsed())

    def body(self, exposition: Format) -> bytes:
        """Return what is valid now as one text."""
        return _joined(self.blocks(exposition))

    def blocks(self, exposition: Format) -> tuple[Block, ...]:
        """Return what is valid now; while that is the same, so are the blocks."""
        now = self._clock.elapsed()
        with self._lock:
            known = self._laid.get(exposition)
            if known is not None and known.version == self._version and now < known.expires_at:
                return known.blocks
            version = self._version
            views = [column.view() for column in self._columns.values()]
        laid = [view.laid(exposition, now) for view in views]
        expires_at = min([column.expires_at for column in laid], default=inf)
        blocks = tuple(blocks_of(run for column in laid for run in column.runs))
        with self._lock:
            # What was laid out in the other format, and is not the truth any more, would only keep old pieces alive.
            self._laid = {name: one for name, one in self._laid.items() if one.version == version}
            self._laid[exposition] = _Laid(version, expires_at, blocks)
        return blocks

    def of(self, exposition: Format, account: str) -> bytes:
        """Return a page of its own with what is valid now of one account."""
        with self._lock:
            pieces = [(column.subject, column.piece(account)) for column in self._columns.values()]
        now = self._clock.elapsed()
        valid = [(subject, piece.fragment) for subject, piece in pieces if piece is not None and piece.expires_at > now]
        runs = [run for subject, fragment in valid for run in runs_of(subject, [fragment], exposition)]
        return _joined(blocks_of((*runs, _end(exposition))))


def _end(exposition: Format) -> Run:
    mark = END_OF_OPENMETRICS if exposition is Format.OPENMETRICS else _NOTHING
    return run_of(mark, ())


def _joined(blocks: Iterable[Block]) -> bytes:
    return b"".join([part for block in blocks for part in block.parts])


class Exposition:
    """The whole of `/metrics`: the accounts' page, what is true only at this moment, and the exporter's own."""

    def __init__(
        self,
        page: Page,
        *,
        live: Sequence[tuple[Subject[Any, Any], Callable[[], Iterable[Any]]]],
        own: Callable[[Format], bytes],
    ) -> None:
        """Put `page`, the `live` subjects with where to read them, and `own` one after the other."""
        self._page = page
        self._live = tuple((Live(subject), read) for subject, read in live)
        self._own = own

    def __call__(self, exposition: Format) -> bytes:
        """Return the bytes of one scrape."""
        return _joined(self.blocks(exposition))

    def blocks(self, exposition: Format) -> tuple[Block, ...]:
        """Return one scrape as blocks; those of the accounts are the same until one of them changes."""
        accounts = self._page.blocks(exposition)
        tail: list[Run] = []
        for live, read in self._live:
            tail.extend(runs_of(live.subject, [live.render(read())], exposition))
        own = self._own(exposition)
        tail += (run_of(own, ()), _end(exposition))
        return (*accounts, *blocks_of(tail))

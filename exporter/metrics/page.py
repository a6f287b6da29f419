"""The page: ready pieces per account and subject, joined at the scrape, each withdrawn at its own moment.

Writers put a piece when its data changes; readers join what is valid now. Writers of one account take turns, and no
reader waits for what is rendered meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from exporter.metrics.render import END_OF_OPENMETRICS, Format, header, render
from exporter.metrics.shelf import UNLIMITED, Piece, Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from exporter.clock import Clock
    from exporter.metrics.family import Data, Row, Subject

_NOTHING: Final = b""


@dataclass(frozen=True, slots=True)
class _Joined:
    """A joined page and how long it is the truth: until the next change, or until a piece runs out."""

    version: int
    expires_at: float
    body: bytes


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
        self._pieces: dict[tuple[str, str], Piece] = {}
        self._accounts: tuple[str, ...] = ()
        self._version = 0
        self._joined: dict[Format, _Joined] = {}

    def arrange(self, accounts: Iterable[str]) -> None:
        """Set which accounts stand on the page, and in which order; pieces of others are dropped."""
        known = dict.fromkeys(accounts)
        with self._lock:
            self._accounts = tuple(known)
            self._pieces = {key: piece for key, piece in self._pieces.items() if key[0] in known}
            self._shelves = {name: self._shelves.get(name) or self._new_shelf(name) for name in self._accounts}
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
            self._place(shelf, account, shelf.withdraw(gone), gone=[subject.name for subject in gone])

    def _new_shelf(self, account: str) -> Shelf:
        return Shelf(account, self._subjects, limit=self._series_per_account)

    def _place(self, shelf: Shelf, account: str, changed: Mapping[str, Piece], gone: Iterable[str] = ()) -> None:
        with self._lock:
            if self._shelves.get(account) is not shelf:
                return
            for name in gone:
                self._version += self._pieces.pop((account, name), None) is not None
            for name, piece in changed.items():
                old = self._pieces.get((account, name))
                self._pieces[account, name] = piece
                self._version += old is None or _differs(old, piece, now=self._clock.elapsed())

    def body(self, exposition: Format) -> bytes:
        """Join what is valid now."""
        now = self._clock.elapsed()
        with self._lock:
            joined = self._joined.get(exposition)
            if joined is not None and joined.version == self._version and now < joined.expires_at:
                return joined.body
            version, accounts, pieces = self._version, self._accounts, dict(self._pieces)
        body = self._join(exposition, accounts, pieces, now)
        expires_at = min((piece.expires_at for piece in pieces.values() if piece.expires_at > now), default=inf)
        with self._lock:
            self._joined[exposition] = _Joined(version, expires_at, body)
        return body

    def of(self, exposition: Format, account: str) -> bytes:
        """Return a page of its own with what is valid now of one account."""
        with self._lock:
            pieces = {key: piece for key, piece in self._pieces.items() if key[0] == account}
        end = END_OF_OPENMETRICS if exposition is Format.OPENMETRICS else _NOTHING
        return self._join(exposition, (account,), pieces, self._clock.elapsed()) + end

    def _join(
        self, exposition: Format, accounts: tuple[str, ...], pieces: dict[tuple[str, str], Piece], now: float
    ) -> bytes:
        parts: list[bytes] = []
        for subject in self._subjects:
            valid = [
                piece.fragment.of(exposition)
                for account in accounts
                if (piece := pieces.get((account, subject.name))) is not None and piece.expires_at > now
            ]
            parts.extend(_families(subject, valid, exposition))
        return b"".join(parts)


def _differs(old: Piece, new: Piece, *, now: float) -> bool:
    # The same bytes for longer: a joined page stays the truth and need not be joined again.
    return old.fragment != new.fragment or old.expires_at <= now or new.expires_at < old.expires_at


def _families(subject: Subject[Any, Any], valid: list[tuple[bytes, ...]], exposition: Format) -> Iterable[bytes]:
    for index, family in enumerate(subject.families):
        lines = b"".join([fragment[index] for fragment in valid])
        if lines:
            yield header(family, exposition)
            yield lines


class Exposition:
    """The whole of `/metrics`: the accounts' page, what is true only at this moment, and the exporter's own."""

    def __init__(
        self,
        page: Page,
        *,
        live: Sequence[tuple[Subject[Any, Any], Callable[[], Any]]],
        own: Callable[[Format], bytes],
    ) -> None:
        """Join `page`, the `live` subjects with where to read them, and `own`."""
        self._page = page
        self._live = tuple(live)
        self._own = own

    def __call__(self, exposition: Format) -> bytes:
        """Return the bytes of one scrape."""
        parts = [self._page.body(exposition)]
        for subject, read in self._live:
            fragment = render(subject, read())
            parts.extend(_families(subject, [fragment.of(exposition)], exposition))
        parts.append(self._own(exposition))
        parts.append(END_OF_OPENMETRICS if exposition is Format.OPENMETRICS else _NOTHING)
        return b"".join(parts)

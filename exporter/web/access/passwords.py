"""Who knows a password: bcrypt on one thread of its own, and what it has said before.

A comparison takes long on purpose, so it never runs on the event loop, never beside another one, and never twice for
the same password. No password outlives its request: what is remembered is a keyed digest.
"""

from __future__ import annotations

import hmac
import queue
import secrets
import threading
from asyncio import Future, get_running_loop, shield
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from exporter.web.access.credentials import Credentials
    from exporter.web.access.settings import Users

_MOST_WAITING: Final = 16
_MOST_REMEMBERED: Final = 1024
_LONGEST_PASSWORD: Final = 72


class TooManyWaitingError(Exception):
    """So many comparisons wait for their turn that another one would wait for too long."""


class Passwords:
    """Compares passwords with hashes, for one event loop at a time."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        # Apart, so that no number of wrong passwords makes the right one be compared again.
        self._right = _Recent()
        self._wrong = _Recent()
        self._under_way: dict[bytes, Future[bool]] = {}
        self._work: queue.SimpleQueue[tuple[Future[bool], bytes, bytes]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def fit(self, users: Users, credentials: Credentials) -> bool:
        """Return whether the password is the user's; an unknown user costs as much. Raises `TooManyWaitingError`."""
        known = users.hashes.get(credentials.user)
        hashed = (known or users.decoy).reveal().encode()
        # bcrypt reads no further; who sends more does not know the password, however it begins.
        if len(credentials.password) > _LONGEST_PASSWORD:
            return False
        digest = self._digest(credentials, hashed)
        if self._right.holds(digest):
            return True
        if self._wrong.holds(digest):
            return False
        self._forget_other_loops()
        future = self._under_way.get(digest)
        if future is None:
            future = self._begin(credentials.password, hashed)
            self._under_way[digest] = future
            future.add_done_callback(lambda _: self._end(digest, future, is_known=known is not None))
        # A client that goes away takes the answer from nobody else who waits for it.
        return await shield(future) and known is not None

    def _digest(self, credentials: Credentials, hashed: bytes) -> bytes:
        parts = (credentials.user, credentials.password, hashed)
        return hmac.digest(self._key, b"".join(len(part).to_bytes(8, "big") + part for part in parts), "sha256")

    def _forget_other_loops(self) -> None:
        """Let go of comparisons that were begun for a loop that has died: their answers reach nobody."""
        loop = get_running_loop()
        self._under_way = {digest: one for digest, one in self._under_way.items() if one.get_loop() is loop}

    def _begin(self, password: bytes, hashed: bytes) -> Future[bool]:
        if len(self._under_way) >= _MOST_WAITING:
            raise TooManyWaitingError
        if self._thread is None:
            self._thread = threading.Thread(target=_compare, args=(self._work,), name="passwords", daemon=True)
            self._thread.start()
        future: Future[bool] = get_running_loop().create_future()
        self._work.put((future, password, hashed))
        return future

    def _end(self, digest: bytes, future: Future[bool], *, is_known: bool) -> None:
        self._under_way.pop(digest, None)
        if future.exception() is None:
            (self._right if is_known and future.result() else self._wrong).add(digest)


class _Recent:
    """A bounded memory of digests; the one not asked for the longest is forgotten first."""

    def __init__(self) -> None:
        self._digests: OrderedDict[bytes, None] = OrderedDict()

    def holds(self, digest: bytes) -> bool:
        if digest not in self._digests:
            return False
        self._digests.move_to_end(digest)
        return True

    def add(self, digest: bytes) -> None:
        self._digests[digest] = None
        if len(self._digests) > _MOST_REMEMBERED:
            self._digests.popitem(last=False)


def _compare(work: queue.SimpleQueue[tuple[Future[bool], bytes, bytes]]) -> None:
    import bcrypt  # noqa: PLC0415 - paid for by who asks for passwords

    while True:
        future, password, hashed = work.get()
        try:
            outcome: bool | Exception = bcrypt.checkpw(password, hashed)
        except Exception as error:  # noqa: BLE001 - the boundary of a thread: whoever waits is told
            outcome = error
        # A loop that has ended takes no call, and nobody waits there.
        with suppress(RuntimeError):
            future.get_loop().call_soon_threadsafe(_settle, future, outcome)
        # The thread now sleeps until the next request, and must not hold the password meanwhile.
        del future, password, hashed, outcome


def _settle(future: Future[bool], outcome: bool | Exception) -> None:  # noqa: FBT001 - the answer itself, not a switch
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import bcrypt
import pytest

from exporter.model import Secret
from exporter.web.access.credentials import Credentials
from exporter.web.access.passwords import Passwords, TooManyWaitingError
from exporter.web.access.reading import parse
from exporter.web.access.settings import Users


def _hash(password: bytes, cost: int = 4) -> Secret:
    return Secret(bcrypt.hashpw(password, bcrypt.gensalt(cost)).decode())


USERS = Users(hashes={b"alice": _hash(b"right"), b"bob": _hash(b"fish", 5)}, decoy=_hash(b"none", 5))


class Bench:
    """Where comparisons are done: counts them, says on which threads, and holds them while it is closed."""

    def __init__(self) -> None:
        self.costs: list[bytes] = []
        self.threads: set[str] = set()
        self.open = threading.Event()
        self.open.set()
        self.compare: Callable[[bytes, bytes], bool] = bcrypt.checkpw

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        assert self.open.wait(10)
        self.costs.append(hashed[4:6])
        self.threads.add(threading.current_thread().name)
        if password == b"break":
            message = "broken"
            raise RuntimeError(message)
        return self.compare(password, hashed)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench()
    monkeypatch.setattr(bcrypt, "checkpw", bench)
    yield bench
    bench.open.set()


async def _fit(passwords: Passwords, user: str, password: str, users: Users = USERS) -> bool:
    return await passwords.fit(users, Credentials(user=user.encode(), password=password.encode()))


def test_what_was_compared_once_is_known_right_or_wrong(bench: Bench) -> None:
    async def ask() -> None:
        passwords = Passwords()
        for _ in range(3):
            assert await _fit(passwords, "alice", "right")
            assert not await _fit(passwords, "alice", "wrong")
            assert not await _fit(passwords, "carol", "right")
        assert len(bench.costs) == 3

    asyncio.run(ask())


def test_an_unknown_user_costs_as_much_as_the_dearest_known_one(bench: Bench) -> None:
    async def ask() -> None:
        await _fit(Passwords(), "carol", "right")

    asyncio.run(ask())
    assert bench.costs == [b"05"]


def test_the_decoy_of_a_file_has_the_highest_cost_in_it_and_fits_no_password() -> None:
    text = "".join(f"  {name.decode()}: {hashed.reveal()}\n" for name, hashed in USERS.hashes.items())
    users = parse(f"basic_auth_users:\n{text}".encode(), path=Path("web.yaml")).users
    assert users is not None
    decoy = users.decoy.reveal().encode()
    assert decoy[:7] == b"$2b$05$"
    assert not bcrypt.checkpw(b"", decoy)


def test_an_unknown_user_does_not_enter_even_if_the_decoy_fits(bench: Bench) -> None:
    assert not asyncio.run(_fit(Passwords(), "carol", "none"))
    assert len(bench.costs) == 1


def test_comparisons_run_on_one_thread_that_is_not_the_loops(bench: Bench) -> None:
    async def ask() -> None:
        passwords = Passwords()
        await asyncio.gather(*(_fit(passwords, "alice", f"wrong {number}") for number in range(8)))

    asyncio.run(ask())
    assert bench.threads == {"passwords"}


def test_the_same_question_asked_at_once_is_answered_by_one_comparison(bench: Bench) -> None:
    async def ask() -> list[bool]:
        passwords = Passwords()
        return await asyncio.gather(*(_fit(passwords, "alice", "right") for _ in range(100)))

    assert asyncio.run(ask()) == [True] * 100
    assert len(bench.costs) == 1


def test_beyond_a_number_of_waiting_comparisons_nobody_waits_but_who_is_known_enters(bench: Bench) -> None:
    async def ask() -> None:
        passwords = Passwords()
        assert await _fit(passwords, "alice", "right")
        bench.open.clear()
        waiting = [asyncio.ensure_future(_fit(passwords, "alice", f"wrong {number}")) for number in range(16)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyWaitingError):
            await _fit(passwords, "alice", "one too many")
        assert await _fit(passwords, "alice", "right")
        bench.open.set()
        assert await asyncio.gather(*waiting) == [False] * 16
        assert not await _fit(passwords, "alice", "one too many")

    asyncio.run(ask())


def test_no_number_of_wrong_passwords_makes_the_right_one_be_compared_again(bench: Bench) -> None:
    async def ask() -> None:
        bench.compare = lambda password, _: password == b"right"  # what it costs is not the question here
        passwords = Passwords()
        assert await _fit(passwords, "alice", "right")
        for number in range(1100):
            assert not await _fit(passwords, "alice", f"wrong {number}")
        before = len(bench.costs)
        assert await _fit(passwords, "alice", "right")
        assert len(bench.costs) == before
        assert not await _fit(passwords, "alice", "wrong 0")
        assert len(bench.costs) == before + 1, "what was asked long ago is forgotten: memory is bounded"

    asyncio.run(ask())


def test_a_client_that_goes_away_takes_the_answer_from_nobody(bench: Bench) -> None:
    async def ask() -> None:
        passwords = Passwords()
        bench.open.clear()
        leaving, staying = (asyncio.ensure_future(_fit(passwords, "alice", "right")) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.sleep(0)
        bench.open.set()
        assert await staying
        assert leaving.cancelled()

    asyncio.run(ask())


def test_a_loop_that_dies_over_a_comparison_shuts_nobody_out(bench: Bench) -> None:
    """As when the thread of the port dies and is started again."""

    async def die() -> None:
        words = ["right", *(f"wrong {number}" for number in range(15))]
        asked.extend(asyncio.ensure_future(_fit(passwords, "alice", word)) for word in words)
        await asyncio.sleep(0)

    async def ask_again() -> bool:
        async with asyncio.timeout(10):
            return await _fit(passwords, "alice", "right")

    passwords = Passwords()
    asked: list[asyncio.Future[bool]] = []
    bench.open.clear()
    asyncio.run(die())
    assert all(one.cancelled() for one in asked)
    bench.open.set()

    assert asyncio.run(ask_again())
    assert asyncio.run(ask_again()), "and it is remembered"
    assert not passwords._under_way


def test_a_comparison_that_breaks_is_told_to_who_asked_and_stops_no_other(bench: Bench) -> None:
    async def ask() -> None:
        passwords = Passwords()
        with pytest.raises(RuntimeError, match="broken"):
            await _fit(passwords, "alice", "break")
        assert await _fit(passwords, "alice", "right")

    asyncio.run(ask())


def test_no_password_is_kept(bench: Bench) -> None:
    passwords = Passwords()
    asyncio.run(_fit(passwords, "alice", "right"))
    kept = [*passwords._right._digests, *passwords._wrong._digests]
    assert len(kept) == 1
    assert all(len(digest) == 32 for digest in kept)
    assert not passwords._under_way
    assert "right" not in repr(Credentials(user=b"alice", password=b"right"))

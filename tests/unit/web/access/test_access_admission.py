from __future__ import annotations

import asyncio
import os
import socket
from io import StringIO
from pathlib import Path

import bcrypt
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.clock import ManualClock
from unit.web.access.guests import Door, basic, fixture, inner, request

from exporter import logs
from exporter.web.access import Access, WebConfigError

ALICE = basic("alice", "open sesame")
USERS = fixture("users")


def test_without_a_file_everybody_may_enter() -> None:
    async def knock() -> object:
        return await access.admit(request())

    access = Access(None, now=ManualClock().elapsed)
    access.load()
    assert asyncio.run(knock()) is None
    assert (access.tls, access.context, access.failing, access.headers()) == (False, None, None, {})


def test_who_knows_a_password_may_enter(door: Door) -> None:
    door.load(USERS)
    assert door.knock(authorization=[ALICE]) is None
    assert door.knock(authorization=[basic("bob", "swordfish")]) is None


@pytest.mark.parametrize(
    "authorization",
    [
        [],
        [basic("alice", "swordfish")],
        [basic("alice", "")],
        [basic("alice", "open sesame ")],
        [basic("alice", "open sesame\0")],
        [basic("bob", "open sesame")],
        [basic("carol", "open sesame")],
        [basic("", "open sesame")],
        [basic("Alice", "open sesame")],
        [ALICE, ALICE],
        [ALICE.replace("Basic", "Bearer")],
        [ALICE.replace("Basic ", "Basic")],
        [ALICE + "!"],
        [ALICE + "="],
        ["Basic"],
        ["Basic " + "=" * 5],
        ["Basic b25seWFuYW1l"],
        ["Basic é"],
        [basic("alice", "x" * 73)],
    ],
)
def test_who_does_not_is_asked_for_one(door: Door, authorization: list[str]) -> None:
    answer = door.load(USERS).knock(authorization=authorization)
    assert answer is not None
    assert (answer.status, answer.headers["WWW-Authenticate"], answer.text) == (401, "Basic", "401 Unauthorized\n")


def test_a_password_of_more_than_72_bytes_is_not_cut(door: Door, folder: Path) -> None:
    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    door.load(f"basic_auth_users: {{alice: {hashed}}}\n")
    assert door.status(authorization=[basic("alice", "x" * 72)]) == 200
    assert door.status(authorization=[basic("alice", "x" * 73)]) == 401


def test_the_scheme_is_basic_in_any_spelling(door: Door) -> None:
    assert door.load(USERS).status(authorization=[ALICE.replace("Basic", "bAsIc")]) == 200


def test_names_are_compared_as_they_are_written(door: Door) -> None:
    door.load(fixture("users_odd_names"))
    for name in ("yes", "1234", "josé maría"):
        assert door.status(authorization=[basic(name, "open sesame")]) == 200


def test_a_password_may_hold_colons(door: Door) -> None:
    hashed = bcrypt.hashpw(b"a:b:c", bcrypt.gensalt(4)).decode()
    assert door.load(f"basic_auth_users: {{alice: {hashed}}}\n").status(authorization=[basic("alice", "a:b:c")]) == 200


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    header=st.one_of(
        st.text(st.characters(exclude_characters="\r\n"), max_size=60),
        st.binary(max_size=40).map(lambda raw: "Basic " + raw.hex()),
        st.builds(
            basic, st.sampled_from(["alice", "bob", "carol", ""]), st.text(st.characters(codec="utf-8"), max_size=30)
        ),
        st.text(max_size=30).map(lambda text: ALICE + text),
        st.integers(0, len(ALICE) - 1).map(lambda cut: ALICE[:cut]),
    )
)
def test_no_header_raises_and_none_enters_without_the_password(door: Door, header: str) -> None:
    if not door.path.exists():
        door.load(USERS)
    expected = 200 if header.rstrip(" ") == ALICE else 401
    assert door.status(authorization=[header]) == expected


def test_more_requests_than_the_rate_are_told_to_wait(door: Door) -> None:
    door.load("rate_limit: {interval: 2s, burst: 3}\n")
    assert [door.status() for _ in range(4)] == [200, 200, 200, 429]
    answer = door.knock()
    assert answer is not None
    assert (answer.headers["Retry-After"], answer.text) == ("2", "429 Too Many Requests\n")
    door.clock.advance(1.9)
    assert door.status() == 429
    door.clock.advance(0.2)
    assert [door.status(), door.status()] == [200, 429]
    door.clock.advance(3600)
    assert [door.status() for _ in range(4)] == [200, 200, 200, 429]


def test_a_rewritten_file_without_a_new_rate_gives_no_new_turns(door: Door) -> None:
    door.load("rate_limit: {interval: 1h, burst: 1}\n")
    assert door.status() == 200
    door.rewrite("# the same\nrate_limit: {interval: 1h, burst: 1}\n")
    assert door.status() == 429
    door.rewrite("rate_limit: {interval: 1h, burst: 2}\n")
    assert door.status() == 200


def test_headers_are_those_of_the_file(door: Door) -> None:
    door.load(fixture("headers"))
    assert door.access.headers() == {
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "sameorigin",
        "X-XSS-Protection": "1; mode=block",
        "Content-Security-Policy": "default-src 'self'",
    }
    door.rewrite(fixture("headers_blank"))
    assert door.access.headers() == {}


NAMES = (("DNS", "prometheus.example"), ("IP Address", "10.0.0.7"), ("IP Address", "0:0:0:0:0:0:0:1"))


@pytest.mark.parametrize(
    ("certificate", "status"),
    [
        *(({"subjectAltName": (name,)}, 200) for name in NAMES),
        ({"subjectAltName": (("email", "ops@example.com"),)}, 200),
        ({"subjectAltName": (("URI", "spiffe://example/prometheus"),)}, 200),
        ({"subjectAltName": (("DNS", "elsewhere.example"), ("DNS", "prometheus.example"))}, 200),
        ({"subjectAltName": (("DNS", "elsewhere.example"),)}, 403),
        ({"subjectAltName": (("DNS", "PROMETHEUS.example"),)}, 403),
        ({"subjectAltName": (("DirName", "prometheus.example"),)}, 403),
        ({"subject": ((("commonName", "prometheus.example"),),)}, 403),
        ({}, 403),
        (None, 403),
    ],
)
def test_only_allowed_names_enter(door: Door, certificate: dict[str, object] | None, status: int) -> None:
    door.load(fixture("auth_sans"))
    assert door.status(certificate=certificate) == status


def test_a_policy_that_begins_to_require_a_certificate_holds_for_open_connections(door: Door) -> None:
    door.load(fixture("tls"))
    assert door.status() == 200
    door.rewrite(fixture("auth_require_and_verify"))
    assert door.status() == 403
    assert door.status(certificate={"subject": ()}) == 200


def test_a_policy_that_is_honoured_more_strictly_is_told(door: Door, log: StringIO) -> None:
    door.load(fixture("auth_require_any"))
    assert "policy=RequireAnyClientCert" in log.getvalue()


def test_no_secret_of_the_file_shows_in_a_log_or_a_repr(door: Door, log: StringIO) -> None:
    door.load(fixture("tls_inline") + USERS)
    key = (door.path.parent / "server.key").read_text()
    hashed = USERS.split("alice: ")[1].splitlines()[0]
    state = door.access._keeper
    assert state is not None
    shown = repr(state.newest()) + repr(door.access.__dict__)
    logs.get_logger("exporter.web").warning("a leak", config=door.path.read_text(), hashed=hashed, key=key)
    for text in (shown, log.getvalue()):
        assert hashed not in text
        assert key.splitlines()[1] not in text


def test_a_bad_file_at_start_is_an_error(door: Door) -> None:
    with pytest.raises(WebConfigError, match="unknown key"):
        door.load("rate_limt:\n")


def test_a_plain_socket_gets_the_newest_pair_too(door: Door) -> None:
    door.load(fixture("tls"))
    assert door.access.context is not None
    ours, theirs = socket.socketpair()
    with theirs, door.access.context.wrap_socket(ours, server_side=True, do_handshake_on_connect=False) as tls:
        assert tls.context is inner(door.access)


def test_a_pair_that_cannot_be_handed_over_is_told(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_descriptor(_: str) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", no_descriptor)
    with pytest.raises(WebConfigError, match="cannot hand the certificate to OpenSSL: Too many open files"):
        door.load(fixture("tls"))


def test_a_pair_is_handed_over_where_there_are_no_files_in_memory(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    assert door.load(fixture("tls")).access.tls


def test_more_comparisons_than_may_wait_are_put_off(door: Door) -> None:
    async def crowd() -> list[web.Response | None]:
        guests = (request(authorization=[basic("alice", f"wrong {number}")]) for number in range(17))
        return await asyncio.gather(*map(door.access.admit, guests))

    door.load(USERS)
    last = asyncio.run(crowd())[-1]
    assert last is not None
    assert (last.status, last.headers["Retry-After"]) == (503, "1")

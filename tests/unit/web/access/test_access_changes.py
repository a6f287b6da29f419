"""What a change of the file, or of one that it names, does while the exporter runs."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

import bcrypt
import pytest
from support.certificates import Mint, write_pair
from unit.web.access.guests import Door, basic, fixture, inner

from exporter.web.access import contexts, reading

ALICE = basic("alice", "open sesame")
USERS = fixture("users")


def test_a_user_who_is_taken_out_is_out(door: Door, log: StringIO) -> None:
    door.load(USERS)
    assert door.status(authorization=[ALICE]) == 200
    door.rewrite("\n".join(line for line in USERS.splitlines() if "alice" not in line))
    assert door.status(authorization=[ALICE]) == 401
    assert 'msg="Read the web configuration anew"' in log.getvalue()


def test_a_changed_password_holds_at_once(door: Door) -> None:
    door.load(USERS)
    assert door.status(authorization=[ALICE]) == 200
    door.rewrite(f"basic_auth_users: {{alice: {bcrypt.hashpw(b'new', bcrypt.gensalt(4)).decode()}}}\n")
    assert door.status(authorization=[ALICE]) == 401
    assert door.status(authorization=[basic("alice", "new")]) == 200


def test_the_file_is_looked_at_ten_times_a_second_at_most(door: Door) -> None:
    door.load("")
    assert door.status() == 200
    door.path.write_text(USERS)
    assert door.status() == 200
    door.clock.advance(0.11)
    assert door.status() == 401


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_seen(door: Door) -> None:
    door.load("rate_limit: {interval: 1h, burst: 1}\n")
    seen = door.path.stat()
    fresh = door.path.with_suffix(".new")
    fresh.write_text("rate_limit: {interval: 1h, burst: 2}\n")
    os.utime(fresh, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    fresh.rename(door.path)
    door.clock.advance(0.2)
    assert [door.status() for _ in range(3)] == [200, 200, 429]


def test_a_bad_file_refuses_everybody_and_shows_no_reason(door: Door, log: StringIO) -> None:
    door.load(USERS)
    door.rewrite("basic_auth_users: {alice: sekret}\n")
    answer = door.knock(authorization=[ALICE])
    assert answer is not None
    assert (answer.status, answer.text) == (500, "the web configuration cannot be used\n")
    assert door.access.failing is not None
    assert "basic_auth_users.alice: is not a bcrypt hash" in door.access.failing
    assert "web.yaml:1: basic_auth_users.alice: is not a bcrypt hash" in log.getvalue()
    assert "sekret" not in log.getvalue()
    door.rewrite(USERS)
    assert door.status(authorization=[ALICE]) == 200
    assert door.access.failing is None


def test_a_bad_file_is_told_once_however_many_ask(door: Door, log: StringIO) -> None:
    door.load(USERS)
    door.rewrite("rate_limt:\n")
    for _ in range(50):
        door.clock.advance(0.5)
        assert door.status() == 500
    assert log.getvalue().count("unknown key") == 2, "once when it is read, and once of the requests in this minute"


@pytest.mark.parametrize("text", ['a: "\\UFFFFFFFF"\n', "%YAML " + "9" * 5000 + "\n---\na: b\n"])
def test_a_file_that_breaks_the_parser_refuses_everybody_until_it_is_mended(door: Door, text: str) -> None:
    door.load(USERS)
    door.rewrite(text)
    for _ in range(3):
        assert door.status(authorization=[ALICE]) == 500
        door.clock.advance(5)
    assert "it has an escape or a version that is none" in str(door.access.failing)
    door.rewrite(USERS)
    assert door.status(authorization=[ALICE]) == 200


def test_an_error_that_nobody_foresaw_refuses_everybody_and_shows_nothing_of_the_file(
    door: Door, log: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(content: bytes, *, path: Path) -> None:
        raise KeyError(content)

    door.load(USERS)
    with monkeypatch.context() as broken:
        broken.setattr(reading, "parse", break_down)
        door.rewrite(USERS + "# sekret\n")
        for _ in range(3):
            assert door.status(authorization=[ALICE]) == 500
            door.clock.advance(5)
        assert "an error that nobody foresaw (KeyError)" in str(door.access.failing)
    assert "sekret" not in log.getvalue()
    door.rewrite(USERS)
    assert door.status(authorization=[ALICE]) == 200


def test_certificates_stay_when_new_ones_break_what_reads_them(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(_: object) -> None:
        raise KeyError

    door.load(fixture("tls"))
    first = inner(door.access)
    monkeypatch.setattr(contexts, "build", break_down)
    (door.path.parent / "server.crt").touch()
    door.clock.advance(0.2)
    for _ in range(3):
        assert inner(door.access) is first
        assert door.status() == 200
        assert "an error that nobody foresaw (KeyError)" in str(door.access.failing)
        door.clock.advance(5)


def test_a_removed_file_refuses(door: Door) -> None:
    door.load(USERS)
    door.path.unlink()
    door.clock.advance(0.2)
    assert door.status(authorization=[ALICE]) == 500
    assert "No such file" in str(door.access.failing)


def test_a_file_that_could_not_be_read_is_tried_again_though_nothing_changed(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.load("")
    with monkeypatch.context() as broken:

        def no_descriptor(*_: object) -> int:
            raise OSError(24, "Too many open files")

        broken.setattr(os, "open", no_descriptor)
        door.rewrite("# changed\n")
        failing = door.access.failing
    assert "Too many open files" in str(failing)
    door.clock.advance(1.1)
    assert door.access.failing is None


@pytest.mark.parametrize(("before", "after", "word"), [("tls", "users", "off"), ("users", "tls", "on")])
def test_tls_is_not_switched_while_running(door: Door, before: str, after: str, word: str) -> None:
    door.load(fixture(before))
    was = door.access.tls
    door.rewrite(fixture(after))
    assert door.status(authorization=[ALICE]) == 500
    assert f"switches TLS {word}, which cannot be done while running; restart the exporter" in str(door.access.failing)
    assert door.access.tls == was
    door.rewrite(fixture(before))
    assert door.access.failing is None


def test_a_new_pair_is_taken_up_and_an_unchanged_one_is_kept(door: Door, minted: Mint) -> None:
    door.load(fixture("tls"))
    first, outer = inner(door.access), door.access.context
    door.clock.advance(10)
    assert inner(door.access) is first
    write_pair(door.path.parent, minted.server())
    door.clock.advance(0.2)
    assert inner(door.access) is not first
    assert door.access.context is outer


def test_a_broken_pair_keeps_the_last_good_one_and_is_told_but_refuses_nobody(
    door: Door, minted: Mint, log: StringIO
) -> None:
    door.load(fixture("users_tls"))
    first = inner(door.access)
    (door.path.parent / "server.crt").write_text("half a certif")
    door.clock.advance(0.2)
    assert inner(door.access) is first
    assert door.status(authorization=[ALICE]) == 200
    assert "holds no certificate in PEM" in str(door.access.failing)
    assert log.getvalue().count("TLS keeps its certificates: the new ones cannot be used") == 1
    write_pair(door.path.parent, minted.server())
    door.clock.advance(0.2)
    assert inner(door.access) is not first
    assert door.access.failing is None


def test_a_bad_file_leaves_handshakes_as_they_were(door: Door) -> None:
    door.load(fixture("tls"))
    first = inner(door.access)
    door.rewrite("tls_server_config: [\n")
    assert inner(door.access) is first

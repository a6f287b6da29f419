"""Every rule about the file, by a file that breaks it, and every key, by a file that uses it.

A `<rule>.bad.yaml` ends with the message that it must get, whole, after `#! `; as a comment at the end it moves no
line. A name between at signs stands for the text of that file.
"""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest
from support.clock import ManualClock
from unit.web.access.guests import FIXTURES, filled, fixture

from exporter.web.access import Access, WebConfigError, reading, reading_tls
from exporter.web.access.vocabulary import CURVES, SUITES, VERSIONS

BAD = sorted(FIXTURES.glob("*.bad.yaml"))
GOOD = sorted(FIXTURES.glob("*.good.yaml"))
PLAIN = ("comment_only", "empty", "headers", "http2", "null", "rate", "users")


def _loaded(text: str, folder: Path) -> Access:
    path = folder / "web.yaml"
    path.write_text(filled(text, folder), encoding="utf-8")
    access = Access(path, now=ManualClock().elapsed)
    access.load()
    return access


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name.removesuffix(".bad.yaml"))
def test_a_broken_rule_gets_its_message_whole(path: Path, minted_folder: Path) -> None:
    text, _, expected = path.read_text(encoding="utf-8").partition("#! ")
    with pytest.raises(WebConfigError) as caught:
        _loaded(text, minted_folder)
    message = str(caught.value).replace(f"{minted_folder}/", "")
    assert message + "\n" == expected
    for secret in ("sekret", "$2b$04$", "PRIVATE"):
        assert secret not in message
    # A traceback shows what an error came from, with what the parser quotes of the file.
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name.removesuffix(".good.yaml"))
def test_what_the_format_knows_is_accepted(path: Path, minted_folder: Path) -> None:
    access = _loaded(path.read_text(encoding="utf-8"), minted_folder)
    assert access.failing is None
    assert access.tls == ("cert" in path.read_text(encoding="utf-8"))
    assert (access.context is not None) == access.tls


@pytest.mark.parametrize("case", PLAIN)
def test_without_a_certificate_no_tls_is_spoken(case: str, minted_folder: Path) -> None:
    assert not _loaded(fixture(case), minted_folder).tls


def test_a_curve_that_this_python_cannot_choose_is_refused_by_name(minted_folder: Path) -> None:
    text = "tls_server_config: {cert_file: server.crt, key_file: server.key, curve_preferences: [X25519]}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ecdh_curve("X25519")
    except (ssl.SSLError, ValueError):
        with pytest.raises(WebConfigError, match="this Python cannot choose the curve X25519; choose another one"):
            _loaded(text, minted_folder)
    else:
        assert _loaded(text, minted_folder).tls


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    access = Access(tmp_path / "web.yaml", now=ManualClock().elapsed)
    with pytest.raises(WebConfigError, match=r"web\.yaml: cannot read .*web\.yaml: No such file or directory"):
        access.load()


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_bytes(b"rate_limit: \xff\n")
    access = Access(tmp_path / "web.yaml", now=ManualClock().elapsed)
    with pytest.raises(WebConfigError, match=r"web\.yaml: is not text in UTF-8"):
        access.load()


def test_a_file_that_never_ends_is_not_read_whole(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_bytes(b"#" * (1 << 20) + b"\n")
    access = Access(tmp_path / "web.yaml", now=ManualClock().elapsed)
    with pytest.raises(WebConfigError, match="is larger than 1048576 bytes"):
        access.load()


def test_paths_begin_beside_the_file_wherever_the_exporter_was_started(
    minted_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _loaded(fixture("tls"), minted_folder).tls


def test_a_ca_file_may_hold_words_beside_its_certificates(folder: Path) -> None:
    ca = folder / "client-ca.crt"
    ca.write_text("# Zertifizierungsstelle für Prüfungen\n" + ca.read_text(), encoding="utf-8")
    assert _loaded(fixture("auth_require_and_verify"), folder).tls


def test_every_key_and_value_is_documented_and_the_examples_load(folder: Path) -> None:
    documented = (Path(__file__).resolve().parents[4] / "docs" / "web-config.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", documented, re.DOTALL)
    assert examples
    for example in examples:
        _loaded(example, folder)
    words = {*reading._KEYS, *reading._HEADERS, *reading_tls._KEYS, *reading_tls._POLICIES}
    words |= {*VERSIONS, *SUITES, *CURVES, "http2", "headers", "interval", "burst"}
    assert {word for word in words if f"`{word}`" not in documented} == set()

"""Any web configuration: settings, or a `WebConfigError` that tells no secret, at the start and while running."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certificates import mint, write_all
from support.clock import ManualClock
from support.mutations import texts

from exporter.web.access import Access, WebConfigError

FUZZ = settings.get_profile("fuzz")
GOOD = tuple(
    text
    for path in sorted((Path(__file__).parents[1] / "fixtures" / "web").glob("*.good.yaml"))
    if "@" not in (text := path.read_text())  # which stands for the text of another file
)

PLANTED = "PLANTED7f3a9c"
HASH = "$2b$04$Zip1p/rgULhgeFB7rjJTMOWVzQiXbjb17q8" + PLANTED + "kE"
PEM = f"-----BEGIN PRIVATE KEY-----\n{PLANTED}\n-----END PRIVATE KEY-----"

PLACES = (
    "<>",
    "<>: {}",
    "rate_limit: {interval: <>, burst: 1}",
    "rate_limit: {interval: 1s, burst: <>}",
    "rate_limit: {<>: 1s}",
    "basic_auth_users: <>",
    "basic_auth_users: {<>: x}",
    "basic_auth_users: {alice: <>}",
    "http_server_config: {http2: <>}",
    "http_server_config: {headers: {<>: x}}",
    "http_server_config: {headers: {X-Frame-Options: <>}}",
    *(
        "tls_server_config: {cert_file: server.crt, key_file: server.key, " + more + "}"
        for more in (
            "min_version: <>",
            "max_version: <>",
            "client_auth_type: <>",
            "client_ca_file: <>, client_auth_type: RequireAndVerifyClientCert",
            "client_ca: <>, client_auth_type: RequireAndVerifyClientCert",
            "client_allowed_sans: <>",
            "cipher_suites: [<>]",
            "curve_preferences: [<>]",
            "prefer_server_cipher_suites: <>",
            "<>: x",
        )
    ),
    "tls_server_config: {cert_file: <>, key_file: server.key}",
    "tls_server_config: {cert_file: server.crt, key_file: <>}",
    "tls_server_config: {cert: <>, key_file: server.key}",
    "tls_server_config: {cert_file: server.crt, key: <>}",
)
"""A whole file each, with the place in it where a secret is put that does not belong there, or is broken."""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        write_all(Path(folder), mint())
        yield Path(folder)


def check(content: bytes, home: Path) -> bool:
    """Load it at a start, and again while another one is in force; tell whether it is good."""
    path, clock = home / "web.yaml", ManualClock()
    path.write_bytes(b"# nothing\n")
    running = Access(path, now=clock.elapsed)
    running.load()
    path.write_bytes(content)
    clock.advance(1)
    told = [str(running.failing), repr(running._keeper)]
    assert "nobody foresaw" not in told[0]
    refused: WebConfigError | None = None
    try:
        Access(path, now=clock.elapsed).load()
    except WebConfigError as error:
        refused = error
    assert PLANTED not in "\n".join([*told, str(refused), repr(refused)])
    assert "\n" not in str(refused)
    assert refused is None or running.failing is not None
    return refused is None


@settings(FUZZ)
@given(st.binary(max_size=200) | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(home: Path, body: bytes) -> None:
    check(body, home)


@settings(FUZZ)
@given(
    st.sampled_from(GOOD),
    st.integers(0, 200),
    texts | st.sampled_from(['"\\UFFFFFFFF"', '"\\ud800"', "[" * 99, "&a [*a]", "!x", "<<: 1", "%YAML 9", "? [a]"]),
)
def test_a_good_file_with_another_line_in_it(home: Path, text: str, at: int, line: str) -> None:
    rows = text.splitlines()
    rows.insert(at % (len(rows) + 1), line)
    check("\n".join(rows).encode("utf-8", "surrogatepass"), home)


@settings(FUZZ)
@given(
    st.sampled_from(PLACES),
    st.sampled_from([HASH, PEM, PEM.replace("\n", " "), PEM.replace("\n", "\\n"), PEM.partition("\n")[2]]),
    st.sampled_from(["", "", "a:", "alice: ", " ", "x", "\n", "-", "é", "'", '"']),
    st.sampled_from(["json", "single", "plain"]),
)
def test_a_secret_in_any_place(home: Path, place: str, secret: str, before: str, style: str) -> None:
    text = before + secret
    written = {"json": json.dumps(text), "single": "'" + text.replace("'", "''") + "'", "plain": text}[style]
    check(place.replace("<>", written).encode(), home)


@pytest.mark.parametrize("indicator", [">", ">-", "|", "|-"])
@pytest.mark.parametrize("key", ["key_file", "cert_file", "client_ca_file", "min_version", "client_auth_type"])
def test_a_key_written_as_a_block_under_another_key(home: Path, key: str, indicator: str) -> None:
    pair = {"cert_file": "server.crt", "key_file": "server.key"}
    lines = [f"  {name}: {file}" for name, file in pair.items() if name != key]
    block = "\n".join("    " + line for line in PEM.splitlines())
    assert not check("\n".join(["tls_server_config:", *lines, f"  {key}: {indicator}", block]).encode(), home)


def test_the_good_files_are_good(home: Path) -> None:
    """Else all of the above would prove nothing."""
    for text in GOOD:
        if "cert" not in text:  # which a running exporter does not switch on
            assert check(text.encode(), home), text
    assert len(GOOD) > 20

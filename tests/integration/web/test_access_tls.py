"""Real handshakes and requests on the port, by what a web configuration says of certificates and TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from integration.web.peers import ASKS, site, started
from support.certificates import Mint, mint, write_all, write_pair
from support.clock import ManualClock

from exporter.web.access import Access

PAGE = b"welcome"
ONCE = ASKS.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
PAIR = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
CA = "  client_ca_file: client-ca.crt\n"
REQUIRED = PAIR + CA + "  client_auth_type: RequireAndVerifyClientCert\n"


class RefusedError(Exception):
    """The server did not answer, or not with a page; then the text is the status."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What a client has seen: the version, the suite, and the server's certificate."""

    version: str
    suite: str
    protocol: str | None
    certificate: bytes


@dataclass
class Port:
    """The exporter's own server with an access, and the clients that come to it."""

    access: Access
    folder: Path
    clock: ManualClock
    minted: Mint
    address: tuple[str, int]

    def rewrite(self, text: str) -> None:
        fresh = self.folder / "web.yaml.new"
        fresh.write_text(text, encoding="utf-8")
        fresh.rename(self.folder / "web.yaml")
        self.clock.advance(0.2)

    def client(self, certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.minted.server_ca.configure_trust(context)
        if certificate is not None:
            certificate.configure_cert(context)
        return context

    def visit(self, client: ssl.SSLContext | None = None, *, name: str | None = "localhost") -> Visit:
        """Connect, ask for the page and read it; raises `RefusedError` if it does not come."""
        return asyncio.run(self._visit(client or self.client(), name))

    async def _visit(self, client: ssl.SSLContext, name: str | None) -> Visit:
        try:
            async with asyncio.timeout(10):
                reader, writer = await asyncio.open_connection(*self.address, ssl=client, server_hostname=name)
                try:
                    writer.write(ONCE)
                    _check(await reader.read())
                    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
                    cipher, certificate = tls.cipher(), tls.getpeercert(binary_form=True)
                    assert cipher
                    assert certificate
                    return Visit(
                        version=str(tls.version()),
                        suite=cipher[0],
                        protocol=tls.selected_alpn_protocol(),
                        certificate=certificate,
                    )
                finally:
                    writer.close()
        except OSError as error:
            raise RefusedError from error


def _check(answer: bytes) -> None:
    status = answer[9:12].decode()
    if status != "200" or not answer.endswith(PAGE):
        raise RefusedError(status)


@pytest.fixture(scope="module")
def minted() -> Mint:
    return mint()


@pytest.fixture
def port(request: pytest.FixtureRequest, minted: Mint, tmp_path: Path) -> Iterator[Port]:
    """A port with the configuration that the test was given."""
    write_all(tmp_path, minted)
    (tmp_path / "web.yaml").write_text(request.param, encoding="utf-8")
    clock = ManualClock()
    access = Access(tmp_path / "web.yaml", now=clock.elapsed)
    access.load()
    server = started(site(lambda: PAGE), access=access)
    try:
        yield Port(access, tmp_path, clock, minted, ("127.0.0.1", urlsplit(server.urls[0]).port or 0))
    finally:
        server.stop(2)


def with_config(text: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("port", [text], indirect=True, ids=[""])


@with_config(PAIR)
def test_the_newest_version_is_spoken_by_default(port: Port) -> None:
    visit = port.visit()
    assert visit.version == "TLSv1.3"


@with_config(PAIR)
def test_http_1_is_agreed_on_with_who_would_speak_http_2(port: Port) -> None:
    client = port.client()
    client.set_alpn_protocols(["h2", "http/1.1"])
    assert port.visit(client).protocol == "http/1.1"


@with_config(PAIR)
def test_a_client_that_names_no_server_is_answered(port: Port) -> None:
    client = port.client()
    client.check_hostname = False
    assert port.visit(client, name="").version == "TLSv1.3"


def _versions(client: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = client.maximum_version = version
    if version < ssl.TLSVersion.TLSv1_2:
        client.set_ciphers("ALL:@SECLEVEL=0")
    return client


@with_config(PAIR)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused_by_default(port: Port, version: ssl.TLSVersion) -> None:
    with pytest.raises(RefusedError):
        port.visit(_versions(port.client(), version))


@with_config(PAIR + "  min_version: TLS10\n")
@pytest.mark.parametrize(
    ("version", "spoken"),
    [
        (ssl.TLSVersion.TLSv1, "TLSv1"),
        (ssl.TLSVersion.TLSv1_1, "TLSv1.1"),
        (ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
        (ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
    ],
)
def test_old_versions_are_spoken_if_asked_for(port: Port, version: ssl.TLSVersion, spoken: str) -> None:
    assert port.visit(_versions(port.client(), version)).version == spoken


@with_config(PAIR + "  min_version: TLS13\n")
def test_a_minimum_is_kept(port: Port) -> None:
    with pytest.raises(RefusedError):
        port.visit(_versions(port.client(), ssl.TLSVersion.TLSv1_2))
    assert port.visit().version == "TLSv1.3"


@with_config(PAIR + "  max_version: TLS12\n")
def test_a_maximum_is_kept(port: Port) -> None:
    assert port.visit().version == "TLSv1.2"


SUITES = PAIR + "  cipher_suites:\n    - TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384\n"


def _offering(port: Port, suites: str) -> ssl.SSLContext:
    client = _versions(port.client(), ssl.TLSVersion.TLSv1_2)
    client.set_ciphers(suites)
    return client


@with_config(SUITES)
def test_only_the_suites_of_the_file_are_spoken(port: Port) -> None:
    assert port.visit(_offering(port, "ECDHE-ECDSA-AES256-GCM-SHA384")).suite == "ECDHE-ECDSA-AES256-GCM-SHA384"
    with pytest.raises(RefusedError):
        port.visit(_offering(port, "ECDHE-ECDSA-AES128-GCM-SHA256"))


BOTH = SUITES + "    - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\n"
SMALL_FIRST = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"


@with_config(BOTH)
def test_the_order_of_the_file_decides(port: Port) -> None:
    assert port.visit(_offering(port, SMALL_FIRST)).suite == "ECDHE-ECDSA-AES256-GCM-SHA384"


@with_config(BOTH + "  prefer_server_cipher_suites: false\n")
def test_the_order_of_the_client_decides_if_it_may(port: Port) -> None:
    assert port.visit(_offering(port, SMALL_FIRST)).suite == "ECDHE-ECDSA-AES128-GCM-SHA256"


@with_config(PAIR + "  curve_preferences: [CurveP521]\n")
def test_only_the_curve_of_the_file_is_spoken(port: Port) -> None:
    same, other = port.client(), port.client()
    same.set_ecdh_curve("secp521r1")
    other.set_ecdh_curve("secp384r1")
    port.visit(same)
    with pytest.raises(RefusedError):
        port.visit(other)


@with_config(REQUIRED)
def test_a_required_certificate_is_required_and_verified(port: Port) -> None:
    port.visit(port.client(port.minted.client("prometheus.example")))
    with pytest.raises(RefusedError):
        port.visit()
    with pytest.raises(RefusedError):
        port.visit(port.client(trustme.CA().issue_cert("prometheus.example")))


LISTED = REQUIRED + "  client_allowed_sans: [prometheus.example, 10.0.0.7]\n"


@with_config(LISTED)
def test_only_the_names_of_the_file_get_the_page(port: Port) -> None:
    for names in (("prometheus.example",), ("10.0.0.7",), ("elsewhere.example", "prometheus.example")):
        port.visit(port.client(port.minted.client(*names)))
    for unlisted in ("elsewhere.example", "sub.prometheus.example", "10.0.0.8"):
        with pytest.raises(RefusedError, match="403"):
            port.visit(port.client(port.minted.client(unlisted)))
    for certificate in (None, trustme.CA().issue_cert("prometheus.example")):
        with pytest.raises(RefusedError, match=r"^$"):
            port.visit(port.client(certificate))


@with_config(REQUIRED)
def test_a_name_that_is_taken_off_the_list_is_out_on_a_connection_that_is_open(port: Port) -> None:
    client = port.client(port.minted.client("elsewhere.example"))
    with closing(HTTPSConnection("localhost", port.address[1], timeout=5, context=client)) as connection:
        assert _asked(connection) == 200
        open_socket = connection.sock
        port.rewrite(LISTED)
        assert _asked(connection) == 403
        assert connection.sock is open_socket


@with_config(PAIR)
def test_a_connection_that_is_open_outlives_a_renewal(port: Port) -> None:
    with closing(HTTPSConnection("localhost", port.address[1], timeout=5, context=port.client())) as connection:
        assert _asked(connection) == 200
        open_socket = connection.sock
        before = port.visit().certificate
        write_pair(port.folder, port.minted.server())
        port.clock.advance(0.2)
        assert port.visit().certificate != before
        assert _asked(connection) == 200
        assert connection.sock is open_socket
        assert connection.sock.getpeercert(binary_form=True) == before


def _asked(connection: HTTPSConnection) -> int:
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    answer.read()
    return answer.status


@with_config(PAIR + CA + "  client_auth_type: VerifyClientCertIfGiven\n")
def test_a_certificate_that_is_not_required_is_verified_if_given(port: Port) -> None:
    port.visit(port.client(port.minted.client("prometheus.example")))
    port.visit()
    with pytest.raises(RefusedError):
        port.visit(port.client(trustme.CA().issue_cert("prometheus.example")))


@with_config(PAIR + CA + "  client_auth_type: RequireAnyClientCert\n")
def test_any_certificate_means_one_of_the_ca(port: Port) -> None:
    port.visit(port.client(port.minted.client("prometheus.example")))
    for certificate in (None, trustme.CA().issue_cert("prometheus.example")):
        with pytest.raises(RefusedError):
            port.visit(port.client(certificate))


@with_config(PAIR)
def test_a_single_certificate_may_be_trusted_without_its_ca(port: Port) -> None:
    one, another = port.minted.client("one.example"), port.minted.client("another.example")
    (port.folder / "one.crt").write_bytes(one.cert_chain_pems[0].bytes())
    port.rewrite(PAIR + "  client_ca_file: one.crt\n  client_auth_type: RequireAndVerifyClientCert\n")
    port.visit(port.client(one))
    with pytest.raises(RefusedError):
        port.visit(port.client(another))


@with_config(PAIR)
def test_a_renewed_certificate_is_shown_to_the_next_connection(port: Port) -> None:
    before = port.visit().certificate
    assert port.visit().certificate == before
    write_pair(port.folder, port.minted.server())
    port.clock.advance(0.2)
    assert port.visit().certificate != before


@with_config(PAIR)
@pytest.mark.parametrize("broken", ["server.crt", "server.key"])
def test_a_broken_renewal_keeps_the_certificate_until_it_is_mended(port: Port, broken: str) -> None:
    before = port.visit().certificate
    (port.folder / broken).write_text("")
    port.clock.advance(0.2)
    assert port.visit().certificate == before
    assert port.access.failing is not None
    write_pair(port.folder, port.minted.server())
    port.clock.advance(0.2)
    assert port.visit().certificate != before
    assert port.access.failing is None


@with_config(PAIR)
def test_a_half_done_renewal_keeps_the_certificate(port: Port) -> None:
    before, key = port.visit().certificate, (port.folder / "server.key").read_bytes()
    write_pair(port.folder, port.minted.server())
    new_key = (port.folder / "server.key").read_bytes()
    (port.folder / "server.key").write_bytes(key)
    port.clock.advance(0.2)
    assert port.visit().certificate == before
    assert "the key does not belong to the certificate" in str(port.access.failing)
    (port.folder / "server.key").write_bytes(new_key)
    port.clock.advance(0.2)
    assert port.visit().certificate != before


@with_config(PAIR)
def test_every_key_of_the_section_changes_while_running(port: Port) -> None:
    port.visit()
    port.rewrite(REQUIRED)
    with pytest.raises(RefusedError):
        port.visit()
    port.rewrite(PAIR + "  max_version: TLS12\n")
    assert port.visit().version == "TLSv1.2"
    port.rewrite(PAIR + "  curve_preferences: [CurveP521]\n")
    other = port.client()
    other.set_ecdh_curve("prime256v1")
    with pytest.raises(RefusedError):
        port.visit(other)


@with_config(PAIR)
def test_a_session_does_not_outlive_a_change_of_who_may_enter(port: Port) -> None:
    client = _versions(port.client(), ssl.TLSVersion.TLSv1_2)
    session = _session(port, client, None)
    port.rewrite(REQUIRED)
    with pytest.raises(OSError):
        _session(port, client, session)


def _session(port: Port, client: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSession:
    with (
        socket.create_connection(port.address, timeout=5) as plain,
        client.wrap_socket(plain, server_hostname="localhost", session=session) as tls,
    ):
        tls.sendall(ASKS)
        if not tls.recv(1000).startswith(b"HTTP/1.1 200 "):
            raise ConnectionError
        assert tls.session
        return tls.session


@with_config(PAIR)
def test_a_hundred_renewals_leave_no_descriptor_behind(port: Port) -> None:
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    for _ in range(100):
        (port.folder / "server.crt").touch()
        port.clock.advance(0.2)
        assert port.access.failing is None
    assert len(list(descriptors.iterdir())) <= before + 1

"""Certificates and keys for tests of TLS, minted when they are needed: none is kept in the repository."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True)
class Mint:
    """Two authorities: one signs the server's certificates, the other one the clients'."""

    server_ca: trustme.CA
    client_ca: trustme.CA

    def server(self, name: str = "localhost") -> trustme.LeafCert:
        return self.server_ca.issue_cert(name, "127.0.0.1")

    def client(self, *names: str) -> trustme.LeafCert:
        return self.client_ca.issue_cert(*names)


def mint() -> Mint:
    return Mint(server_ca=trustme.CA(), client_ca=trustme.CA())


def write_pair(folder: Path, certificate: trustme.LeafCert, *, name: str = "server") -> None:
    """Write `name.crt` and `name.key`, each in one step, as who renews certificates does."""
    chain = b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
    for suffix, content in ((".crt", chain), (".key", certificate.private_key_pem.bytes())):
        fresh = folder / f"{name}{suffix}.new"
        fresh.write_bytes(content)
        fresh.rename(folder / f"{name}{suffix}")


def write_all(folder: Path, minted: Mint) -> None:
    """Write everything that the fixtures of web configurations name: good pairs, and what is wrong with others."""
    write_pair(folder, minted.server())
    minted.client_ca.cert_pem.write_to_path(folder / "client-ca.crt")
    minted.server().private_key_pem.write_to_path(folder / "other.key")
    (folder / "junk.pem").write_text("-----BEGIN NOTHING-----\nsekret\n-----END NOTHING-----\n")
    (folder / "empty.pem").touch()
    key = serialization.load_pem_private_key((folder / "server.key").read_bytes(), password=None)
    (folder / "encrypted.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"sekret"),
        )
    )
    (folder / "directory").mkdir()
    os.mkfifo(folder / "pipe")
    _write_weak(folder)


def _write_weak(folder: Path) -> None:
    """Write a pair whose key is shorter than OpenSSL takes."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "weak")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2046, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    (folder / "weak.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "weak.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
